"""Text files and names, taken in one way everywhere."""

from __future__ import annotations

import codecs
import functools
import os
import re
import unicodedata
from pathlib import Path
from typing import Any, Dict, List, Optional

from harness.core.documents import read_bytes
from harness.core.errors import InputError
from harness.core.limits import MAX_TEXT_BYTES

# ASCII's control characters and halves of surrogate pairs: not every file, argument or line can hold them.
UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
HALVES = re.compile("[\ud800-\udfff]")
BYTES = range(0xDC80, 0xDD00)  # Python's stand-ins for bytes of a file's name that are not UTF-8
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def read_text(path: Path, limit: int = MAX_TEXT_BYTES, within: Optional[Path] = None) -> str:
    """Text of a file in UTF-8, a BOM left out; InputError with line and byte where it is none."""
    return decode_text(read_bytes(path, limit, within), path)


def read_lines(path: Path, limit: int = MAX_TEXT_BYTES, within: Optional[Path] = None) -> List[str]:
    """Lines of such a file, as `split_lines` has them."""
    return split_lines(read_text(path, limit, within))


def decode_text(data: bytes, place: Any) -> str:
    """Text of bytes in UTF-8, a BOM left out; InputError with line and byte, counted from 1."""
    if data.startswith(WIDE):
        raise InputError(f"{place}: is in UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = error.start + len(data) - len(error.object)  # the codec counts from behind the BOM
        line = data.count(b"\n", 0, start) + 1
        raise InputError(
            f"{place}:{line}: is not UTF-8 (byte {start + 1} of the file is 0x{data[start]:02x});"
            " save it as UTF-8"
        ) from error


def split_lines(text: str) -> List[str]:
    """Lines that end with LF or CRLF and nothing else, without the blank ones at the end."""
    lines = text.replace("\r\n", "\n").split("\n")
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def store_name(name: str) -> str:
    r"""A name as files and reports hold it: in Unicode's NFC, with `\xe9` for what cannot be stored.

    A name that is stored already stays as it is. Whoever stores several has to see whether two became one.
    """
    if name.isascii() and name.isprintable():
        return name
    return UNFIT.sub(escape_character, unicodedata.normalize("NFC", name))


def store_data(data: Any) -> Any:
    """Plain data with the same escape for what is no UTF-8, in all its texts."""
    if isinstance(data, dict):
        return {store_data(key): store_data(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [store_data(value) for value in data]
    return HALVES.sub(escape_character, data) if isinstance(data, str) and not data.isascii() else data


def find_spelling(path: Path) -> Path:
    """A path as its folders spell it: a name that is not there is the one that is stored in the same form.

    File systems differ in the Unicode form of names, and so do lists that were made on them. Where there is
    no such name, or more than one, the path stays as it is.
    """
    path = Path(path)
    if str(path).isascii() or os.path.lexists(path):
        return path
    found = Path(path.anchor)
    for part in path.parts[len(found.parts) :]:
        found /= part if os.path.lexists(found / part) else spell_name(found, part)
    return found


def spell_name(folder: Path, name: str) -> str:
    """The one name in a folder that is stored like another one, or else that one."""
    try:
        alike = index_names(folder, folder.stat().st_mtime_ns).get(store_name(name), [])
    except (OSError, ValueError):
        return name
    return alike[0] if len(alike) == 1 else name


@functools.lru_cache(maxsize=8)
def index_names(folder: Path, _changed: int) -> Dict[str, List[str]]:
    """Names in a folder by how they are stored, listed once until it changes: thousands may be asked for."""
    found: Dict[str, List[str]] = {}
    for path in folder.iterdir():
        found.setdefault(store_name(path.name), []).append(path.name)
    return found


def escape_character(found: re.Match[str]) -> str:
    r"""`\n`, `\x1b`, `\ud800`, `\U000e0001`; a byte that is not UTF-8 as the byte that it is."""
    code = ord(found[0])
    code = code - 0xDC00 if code in BYTES else code
    if code > 0xFFFF:
        return f"\\U{code:08x}"
    return {10: "\\n", 13: "\\r", 9: "\\t"}.get(code) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
    )
