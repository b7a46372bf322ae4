"""Image headers: what decoders would read differently or repair is refused, for one reason everywhere."""

import struct
from importlib.util import find_spec

import numpy as np
import picture_files as files
import pytest

from harness.core.decode import DECODERS, decode_image
from harness.core.errors import RefusedError
from harness.core.image_headers import MOST_BYTES, Header, inspect_image

pytest.importorskip("PIL.Image", reason="needs Pillow")
FACE = Header(files.SIDE, files.SIDE)
JPEG, PNG = files.encode(), files.plain_png()
UPRIGHT = files.exif(1)

READ = {
    "baseline": JPEG,
    "progressive": files.encode(progressive=True),
    "4:4:4": files.encode(subsampling=0),
    "4:2:2": files.encode(subsampling=1),
    "grey JPEG": files.encode(mode="L"),
    "EXIF upright": files.add_exif(JPEG, 1),
    "EXIF nonsense": files.add_exif(JPEG, 9),
    "EXIF damaged": JPEG[:2] + b"\xff\xe1\x00\x10Exif\0\0II*\0\xff\0\0\0" + JPEG[2:],
    "bytes after the end": JPEG + b"more",
    "JPEG of fill bytes": JPEG[:2] + b"\xff" * (1 << 20) + JPEG[2:],
    "JPEG of restarts": JPEG[:-2] + b"\xff\xd0\xff\x00\xff\x01" * (1 << 20) + JPEG[-2:],
    "RGB": PNG,
    "grey PNG": files.encode("PNG", mode="L"),
    "1 bit": files.encode("PNG", mode="1"),
    "palette": files.encode("PNG", mode="P"),
    "alpha": files.encode("PNG", mode="RGBA"),
    "grey and alpha": files.encode("PNG", mode="LA"),
    "transparent colour": files.encode("PNG", transparency=(0, 0, 0)),
    "PNG upright": files.plain_png(before=files.chunk(b"eXIf", UPRIGHT)),
    "bytes after PNG": PNG + b"more",
    "interlaced": files.interlaced_png(),
}
ALIKE = ("pillow", "opencv")  # libjpeg 9e gives other pixels of every JPEG: that is what it is for
REFUSED = {
    "empty": (b"", "is empty"),
    "text": (b"not an image", "neither a JPEG nor a PNG"),
    "GIF": (files.encode("GIF", mode="P"), "neither a JPEG nor a PNG"),
    "BMP": (files.encode("BMP"), "neither a JPEG nor a PNG"),
    "CMYK": (files.encode(mode="CMYK"), "CMYK"),
    "EXIF turned": (files.add_exif(JPEG, 6), "EXIF orientation 6"),
    "EXIF mirrored": (files.add_exif(JPEG, 2), "EXIF orientation 2"),
    "PNG turned": (files.plain_png(before=files.chunk(b"eXIf", files.exif(8))), "EXIF orientation 8"),
    "16 bits": (files.deep_png(2), "16 bits"),
    "16-bit grey": (files.deep_png(0), "16 bits"),
    "12-bit JPEG": (files.shift_frame(JPEG, 4, 12), "12 bits"),
    "two channels": (files.shift_frame(JPEG, 9, 2), "2 channels"),
    "arithmetic": (JPEG.replace(b"\xff\xc0", b"\xff\xc9"), "arithmetic"),
    "lossless": (JPEG.replace(b"\xff\xc0", b"\xff\xc3"), "lossless"),
    "no frame": (JPEG[:2] + b"\xff\xd9", "without an image"),
    "JPEG of segments": (JPEG[:2] + b"\xff\xe5\x00\x02" * (1 << 17) + JPEG[2:], "more than 65536 segments"),
    "PNG of chunks": (
        files.plain_png(before=files.chunk(b"teXt", b"") * (1 << 17)),
        "more than 65536 chunks",
    ),
    "half a JPEG": (JPEG[: len(JPEG) // 2], "cut off"),
    "JPEG without its end": (JPEG[:-2], "cut off"),
    "a JPEG's start": (JPEG[:4], "cut off"),
    "half a PNG": (PNG[: len(PNG) // 2], "cut off"),
    "PNG without its end": (PNG[:-12], "cut off"),
    "a PNG's start": (PNG[:8], "cut off"),
    "damaged PNG": (PNG[:60] + bytes([PNG[60] ^ 1]) + PNG[61:], "checksum"),
    "PNG without a header": (PNG[:8] + PNG[33:], "begin with its header"),
    "huge PNG": (files.write_png(60000, 60000), "60000x60000"),
    "long PNG": (files.write_png(1 << 20, 1), "1048576x1"),
    "too few rows": (files.write_png(8, 8, rows=b"\0" * 199), "unpack to 199 of 200 bytes"),
    "rows of garbage": (PNG[:33] + files.chunk(b"IDAT", b"garbage") + PNG[-12:], "cannot be unpacked"),
    "no rows": (PNG[:33] + PNG[-12:], "unpack to 0 of"),
    "no such colour": (files.write_png(8, 8, colour=5, rows=b"\0" * 200), "no kind of colour 5"),
    "flat PNG": (files.write_png(0, 9), "0x9"),
    "huge JPEG": (files.shift_frame(files.shift_frame(JPEG, 5, 255), 7, 255), "at most"),
    "flat JPEG": (files.shift_frame(files.shift_frame(JPEG, 5, 0), 6, 0), "32x0"),
}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("data", READ.values(), ids=READ)
def test_what_is_read_is_read_alike_by_all_decoders(data):
    assert inspect_image(data) == FACE
    found = {decode_image(data, decoder).tobytes() for decoder in ALIKE if has_decoder(decoder)}
    assert len(found) == 1


@pytest.mark.skipif(not find_spec("jpeglib"), reason="needs jpeglib")
@pytest.mark.parametrize("data", READ.values(), ids=READ)
def test_libjpeg_reads_the_same_files(data):
    pixels = decode_image(data, "libjpeg-9e")
    assert (pixels.shape, pixels.dtype) == ((FACE.height, FACE.width, 3), np.uint8)


def has_decoder(name):
    return find_spec({"pillow": "PIL", "opencv": "cv2"}[name]) is not None


@pytest.mark.parametrize(("data", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_refused_before_a_decoder_sees_it(data, words):
    for read in (inspect_image, lambda data: decode_image(data, "pillow")):
        with pytest.raises(RefusedError, match=words):
            read(data)


def test_interlaced_rows_are_counted_pass_by_pass():
    for side in range(1, 20):
        data = files.interlaced_png(files.draw_face(side, 21 - side))
        assert inspect_image(data) == Header(21 - side, side)
        assert decode_image(data, "pillow").shape == (side, 21 - side, 3)
    short = files.interlaced_png(files.draw_face(5, 5), drop=1)
    with pytest.raises(RefusedError, match="unpack to"):
        inspect_image(short)


@pytest.mark.parametrize("width", range(1390, 1400))
def test_rows_that_pack_well_are_counted_to_the_last(width):
    assert inspect_image(files.plain_png(np.zeros((1024, width, 3), dtype=np.uint8))).width == width


def test_a_file_of_too_many_bytes_is_refused():
    with pytest.raises(RefusedError, match="read at most"):
        inspect_image(JPEG + bytes(MOST_BYTES))


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_any_start_of_a_file_is_refused(cut):
    for data in (files.add_exif(JPEG, 1), PNG):
        with pytest.raises(RefusedError):
            inspect_image(data[:cut])


def test_a_restart_marker_and_filled_markers_are_no_end():
    scan = JPEG.index(b"\xff\xda") + 2
    start = scan + struct.unpack_from(">H", JPEG, scan)[0]
    assert inspect_image(JPEG[:start] + b"\xff\xd0\xff\x00" + JPEG[start:]) == FACE
    assert inspect_image(JPEG[:-2] + b"\xff\xff\xff\xd9") == FACE


def test_a_decoder_that_finds_another_size_is_not_believed(monkeypatch):
    monkeypatch.setitem(DECODERS, "pillow", lambda _: files.draw_face(8, 8))
    with pytest.raises(RefusedError, match="32x32 pixels by its header"):
        decode_image(PNG, "pillow")


def test_a_decoders_reason_names_no_address(monkeypatch):
    def fail(_):
        raise ValueError("cannot read <BytesIO object at 0x7fd3c0ffee>\nsecond line")

    monkeypatch.setitem(DECODERS, "pillow", fail)
    with pytest.raises(RefusedError, match=r"decode \(cannot read <BytesIO object>\)$"):
        decode_image(PNG, "pillow")
