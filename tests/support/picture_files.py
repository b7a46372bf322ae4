"""Image files of every kind, good and bad, made byte by byte or by Pillow."""

import io
import struct
import zlib

import numpy as np

SIDE = 32
PASSES = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def draw_face(height=SIDE, width=SIDE):
    """Pixels (height, width, 3) with a gradient in two channels and noise in the third."""
    pixels = np.zeros((height, width, 3), dtype=np.uint8)
    pixels[..., 0] = np.arange(width) * 255 // width
    pixels[..., 1] = (np.arange(height) * 255 // height)[:, None]
    pixels[..., 2] = np.random.default_rng(0).integers(0, 256, (height, width))
    return pixels


def encode(image_format="JPEG", mode="RGB", pixels=None, **options):
    """A file that Pillow writes."""
    from PIL import Image

    file = io.BytesIO()
    image = Image.fromarray(draw_face() if pixels is None else pixels).convert(mode)
    image.save(file, image_format, **options)
    return file.getvalue()


def exif(orientation):
    """EXIF data with an orientation and nothing else."""
    return struct.pack("<4sIHHHIHHI", b"II*\0", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def add_exif(jpeg, orientation):
    """A JPEG file with EXIF data right after its first marker."""
    body = b"Exif\0\0" + exif(orientation)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def chunk(kind, body):
    """A PNG chunk with its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def write_png(width, height, depth=8, colour=2, rows=b"", before=b"", interlaced=0):
    """A PNG file of raw rows, each with its filter byte, and chunks before them."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    parts = chunk(b"IHDR", header), before, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def plain_png(pixels=None, before=b""):
    """An RGB PNG file."""
    pixels = draw_face() if pixels is None else pixels
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return write_png(pixels.shape[1], pixels.shape[0], rows=rows, before=before)


def interlaced_png(pixels=None, drop=0):
    """An interlaced RGB PNG file, some of its last bytes dropped."""
    pixels = draw_face() if pixels is None else pixels
    rows = b""
    for column, row, across, down in PASSES:
        part = pixels[row::down, column::across]
        rows += b"".join(b"\0" + line.tobytes() for line in part) if part.size else b""
    rows = rows[: len(rows) - drop]
    return write_png(pixels.shape[1], pixels.shape[0], rows=rows, interlaced=1)


def deep_png(colour=2):
    """A PNG file of 16 bits a channel."""
    channels = {0: 1, 2: 3}[colour]
    rows = (b"\0" + bytes(range(SIDE)) * 2 * channels) * SIDE
    return write_png(SIDE, SIDE, 16, colour, rows)


def shift_frame(jpeg, offset, value):
    """A JPEG file with one byte of its frame header changed: 4 is depth, 5 height, 7 width, 9 channels."""
    place = jpeg.index(b"\xff\xc0") + offset
    return jpeg[:place] + bytes([value]) + jpeg[place + 1 :]
