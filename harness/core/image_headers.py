"""What an image file says of itself, read before any decoder sees it.

Decoders do not agree on every file, and some repair damage without a word. What they read differently is
refused here, for one reason in every environment; docs/examples.md has the table.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import Any, Iterator, List, Optional, Tuple

from harness.core.errors import RefusedError

MOST_BYTES = 64 << 20  # of a file
MOST_SEGMENTS = 1 << 16  # of a JPEG, and chunks of a PNG: a 64 MB image in pieces of 1 kB
MOST_PIXELS, MOST_SIDE = 1 << 24, 1 << 13  # 400 MB while it is resized in float64
JPEG, PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
FRAMES = range(0xC0, 0xD0)
NO_FRAMES = (0xC4, 0xC8, 0xCC)  # tables that share the frames' numbers
HUFFMAN = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive
# A marker with a length. Inside a scan 255 is followed by 0 or is of a restart, of which there are many.
MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]", re.DOTALL)
END, EXIF = 0xD9, 0xE1
ORIENTATION = 0x0112
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # by a PNG's kind of colour
# First column and row, and steps between them, of the passes of an interlaced PNG; of a plain one.
INTERLACED = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
PLAIN = ((0, 0, 1, 1),)


@dataclass(frozen=True)
class Header:
    """Width and height in pixels."""

    width: int
    height: int


def inspect_image(data: bytes) -> Header:
    """Header of a JPEG or PNG file; RefusedError where it is none, is cut off, or is read in several ways."""
    check_size(len(data))
    if data.startswith(JPEG):
        header = inspect_jpeg(data)
    elif data.startswith(PNG):
        header = inspect_png(data)
    else:
        raise RefusedError("is neither a JPEG nor a PNG image")
    check_dimensions(header)
    return header


def check_size(size: int) -> None:
    """Refuse a file that is empty or larger than an example can be."""
    if size == 0:
        raise RefusedError("is empty")
    if size > MOST_BYTES:
        raise RefusedError(f"is of {size} bytes; {MOST_BYTES} are read at most")


def check_dimensions(header: Header) -> None:
    """Refuse an image without pixels or with so many that it may be meant to fill the memory."""
    size = f"is an image of {header.width}x{header.height} pixels"
    if header.width < 1 or header.height < 1:
        raise RefusedError(size)
    if header.width * header.height > MOST_PIXELS or max(header.width, header.height) > MOST_SIDE:
        raise RefusedError(f"{size}; at most {MOST_PIXELS} are read, and {MOST_SIDE} a side")


def inspect_jpeg(data: bytes) -> Header:
    """Header of a whole JPEG file of 8-bit grey or colour, upright."""
    header = None
    for marker, body in walk_segments(data):
        if marker in FRAMES and marker not in NO_FRAMES:
            header = header or read_frame(marker, body)
        elif marker == EXIF and body.startswith(b"Exif\0\0"):
            check_orientation(body[6:])
    if header is None:
        raise RefusedError("is a JPEG file without an image")
    return header


def walk_segments(data: bytes) -> Iterator[Tuple[int, bytes]]:
    """Marker and content of every segment up to the end of the image."""
    place = 2
    for _ in range(MOST_SEGMENTS):
        found = MARKER.search(data, place)
        if found is None:
            raise RefusedError("is cut off: the end of the JPEG image is missing")
        marker, place = data[found.start() + 1], found.start() + 2
        if marker == END:
            return
        (length,) = unpack_at(">H", data, place)
        yield marker, data[place + 2 : place + length]
        place += length
    raise RefusedError(f"is a JPEG of more than {MOST_SEGMENTS} segments; no image takes as many")


def read_frame(marker: int, body: bytes) -> Header:
    """Size in a frame's header; RefusedError for kinds of JPEG that are not read the same everywhere."""
    depth, height, width, channels = unpack_at(">BHHB", body, 0)
    if marker not in HUFFMAN:
        raise RefusedError("is a lossless or arithmetic-coded JPEG, which few decoders read")
    if depth != 8:
        raise RefusedError(f"is a JPEG of {depth} bits a channel; only 8 are read")
    if channels == 4:
        raise RefusedError("is a CMYK image, whose colours decoders turn to RGB differently")
    if channels not in (1, 3):
        raise RefusedError(f"is a JPEG of {channels} channels; 1 and 3 are read")
    return Header(width, height)


def inspect_png(data: bytes) -> Header:
    """Header of a whole, undamaged PNG file of at most 8 bits a channel, upright."""
    header, wanted, packed = None, 0, []
    for kind, body in walk_chunks(data):
        if header is None and kind != b"IHDR":
            raise RefusedError("is a damaged PNG file: it does not begin with its header")
        if kind == b"IHDR":
            header, wanted = read_png_header(body)
        elif kind == b"eXIf":
            check_orientation(body)
        elif kind == b"IDAT":
            packed.append(body)
    assert header is not None  # walk_chunks gives a chunk or raises
    check_rows(packed, wanted)
    return header


def read_png_header(body: bytes) -> Tuple[Header, int]:
    """Size in a PNG's header, and of how many bytes its unpacked rows are."""
    width, height, depth, colour, _, _, interlaced = unpack_at(">IIBBBBB", body, 0)
    if depth > 8:
        raise RefusedError(f"is a PNG of {depth} bits a channel, which decoders shorten differently")
    if colour not in CHANNELS:
        raise RefusedError(f"is a damaged PNG file: there is no kind of colour {colour}")
    header = Header(width, height)
    check_dimensions(header)
    bits, wanted = depth * CHANNELS[colour], 0
    for column, row, across, down in INTERLACED if interlaced else PLAIN:
        columns, rows = -((column - width) // across), -((row - height) // down)
        wanted += rows * (1 + (columns * bits + 7) // 8) if columns > 0 < rows else 0
    return header, wanted


def check_rows(packed: List[bytes], wanted: int) -> None:
    """Refuse a PNG that unpacks to less than its rows: decoders leave the rest black, or give up."""
    inflater, left, count = zlib.decompressobj(), b"".join(packed), 0
    try:
        while left and count < wanted:
            count += len(inflater.decompress(left, 1 << 22))
            left = inflater.unconsumed_tail
    except zlib.error as error:
        raise RefusedError(f"is a damaged PNG file: its rows cannot be unpacked ({error})") from error
    if count < wanted:
        raise RefusedError(f"is a damaged PNG file: its rows unpack to {count} of {wanted} bytes")


def walk_chunks(data: bytes) -> Iterator[Tuple[bytes, bytes]]:
    """Kind and content of every chunk up to the last, each with the right checksum."""
    place = len(PNG)
    for _ in range(MOST_SEGMENTS):
        length, kind = unpack_at(">I4s", data, place)
        body = data[place + 8 : place + 8 + length]
        (checksum,) = unpack_at(">I", data, place + 8 + length)
        if zlib.crc32(kind + body) != checksum:
            raise RefusedError(f"is a damaged PNG file: the checksum of its {kind!r} at {place} is wrong")
        yield kind, body
        if kind == b"IEND":
            return
        place += 12 + length
    raise RefusedError(f"is a PNG of more than {MOST_SEGMENTS} chunks; no image takes as many")


def check_orientation(exif: bytes) -> None:
    """Refuse an image that asks to be turned or mirrored when it is shown."""
    found = read_orientation(exif)
    if found is not None and 2 <= found <= 8:
        raise RefusedError(
            f"is to be turned when shown (EXIF orientation {found}): some decoders do that; save it upright"
        )


def read_orientation(exif: bytes) -> Optional[int]:
    """Orientation in EXIF data; None where there is none or the data are damaged."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    if order is None:
        return None
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for number in range(count):
            tag, value = struct.unpack_from(f"{order}H6xH", exif, start + 2 + 12 * number)
            if tag == ORIENTATION:
                return int(value)
    except struct.error:
        pass
    return None


def unpack_at(form: str, data: bytes, place: int) -> Tuple[Any, ...]:
    """Fields at a place; RefusedError where the data end before them."""
    try:
        return struct.unpack_from(form, data, place)
    except struct.error:
        raise RefusedError("is cut off: the image's header or its end is missing") from None
