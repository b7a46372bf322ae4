"""Text files and names, taken in one way everywhere."""

from __future__ import annotations

import codecs
import re
import unicodedata
from pathlib import Path
from typing import Any, List, Optional

from harness.ami.documents import read_bytes
from harness.ami.errors import InputError
from harness.ami.limits import MAX_TEXT_BYTES

# Control characters and halves of surrogate pairs: not every file, argument or line of text can hold them.
UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
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


def escape_character(found: re.Match[str]) -> str:
    r"""`\x1b`, `\ud800`; a byte that is not UTF-8 as the byte that it is."""
    code = ord(found[0])
    code = code - 0xDC00 if code in BYTES else code
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
