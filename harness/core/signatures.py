"""What a file is that was taken for another, told by its beginning, and what to do about it."""

from __future__ import annotations

import re
from typing import Optional

HEAD_BYTES = 512
FETCH = "fetch the file itself"
UNPACK = "unpack it and hand in what is inside"
PYTORCH = "hand in the model as Caffe has it"
# Beginning, what it is, what to do. None of these begins a caffemodel or a text.
BEGINNINGS = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 snapshot", "save it as a binary .caffemodel with Caffe"),
    (b"PK\x03\x04", "a zip archive, or a PyTorch or NumPy file, which are such", UNPACK),
    (b"PK\x05\x06", "an empty zip archive", FETCH),
    (b"\x1f\x8b", "packed by gzip", UNPACK),
    (b"BZh", "packed by bzip2", UNPACK),
    (b"\xfd7zXZ\x00", "packed by xz", UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed by Zstandard", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    (b"\x80\x02", "a Python pickle, as PyTorch saves models", PYTORCH),
    (b"\x93NUMPY", "a NumPy array", PYTORCH),
    (b"\x08", "no Caffe model; ONNX's and TensorFlow's begin like this", PYTORCH),
    (b"%PDF-", "a PDF", FETCH),
    (b"\x89PNG\r\n", "a PNG image", FETCH),
    (b"\xff\xd8\xff", "a JPEG image", FETCH),
    (b"\xff\xfe", "text in UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as UTF-8"),
)
POINTER = b"version https://git-lfs.github.com/spec/"
PAGE = re.compile(
    rb"(?:\s|<\?xml[^>]*>|<!--.*?-->)*<(?:!doctype\s+html|html|head|body|script)\b", re.IGNORECASE | re.DOTALL
)
TAR = (257, b"ustar")
BOM = b"\xef\xbb\xbf"
TEXT_CONTROLS = b"\t\n\v\f\r\x1b"


def recognise(head: bytes) -> Optional[str]:
    """What a file is by its first HEAD_BYTES, and what to do, for the end of a sentence; None if unknown."""
    if not head:
        return f"is empty; {FETCH}"
    text = head.removeprefix(BOM)
    if text.lstrip().startswith(POINTER):
        return "is a Git LFS pointer, which stands for a file that was not fetched; run: git lfs pull"
    if PAGE.match(text):
        return f"is a web page, which a server sent in place of a file; {FETCH}"
    if head[TAR[0] :].startswith(TAR[1]):
        return f"is a tar archive; {UNPACK}"
    for beginning, name, advice in BEGINNINGS:
        if head.startswith(beginning):
            return f"is {name}; {advice}"
    return None


def is_text(head: bytes) -> bool:
    """Whether a beginning is that of a text, mostly in ASCII."""
    return not is_binary(head) and 2 * sum(byte < 128 for byte in head) >= len(head)


def is_binary(head: bytes) -> bool:
    """Whether a beginning holds what no text does, in any encoding that keeps ASCII."""
    return any(byte < 32 and byte not in TEXT_CONTROLS for byte in head)
