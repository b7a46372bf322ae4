"""Archives from elsewhere: a hostile one puts nothing anywhere, a good one exactly what is asked for."""

import gzip
import io
import tarfile

import pytest
from hostile_server import pack_archive

from harness.core.errors import InputError
from harness.fetch.unpack import find_target, unpack_archive
from harness.model.sources import SourceTable

TABLE = SourceTable(
    "https://host/a.tar.gz",
    {"*/data/": "ami/", "*/names.txt": "labels.txt"},
    most_unpacked_bytes=1 << 20,
    most_entries=9,
)
GOOD = (("top", tarfile.DIRTYPE, ""), ("top/names.txt", b"names"), ("top/data/deep/a.npy", b"array"))


@pytest.fixture(name="unpack")
def make_unpack(tmp_path):
    """Unpacks bytes; what comes out must lie in the staging folder."""
    (tmp_path / "box" / "staging").mkdir(parents=True)
    (tmp_path / "secret").write_text("kept")

    def unpack(data, table=TABLE):
        path = tmp_path / "archive"
        path.write_bytes(data)
        return unpack_archive(path, tmp_path / "box" / "staging", table)

    yield unpack
    assert (tmp_path / "secret").read_text() == "kept"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["archive", "box", "secret"]
    assert [one.name for one in (tmp_path / "box").iterdir()] == ["staging"]


@pytest.mark.parametrize("packed", [True, False])
def test_what_is_wanted_comes_and_the_rest_is_counted(unpack, tmp_path, packed):
    more = (("top/README", b"text"), ("top/src/data/b", b"no"), ("top/link", tarfile.SYMTYPE, "/etc"))
    found = unpack(pack_archive(*GOOD, *more, packed=packed))
    assert list(found.files) == ["ami/deep/a.npy", "labels.txt"]
    assert found.files["labels.txt"][0] == 5
    assert found.left_out == 3
    staging = tmp_path / "box" / "staging"
    assert (staging / "ami" / "deep" / "a.npy").read_bytes() == b"array"
    assert sorted(one.name for one in staging.rglob("*") if one.is_file()) == ["a.npy", "labels.txt"]


@pytest.mark.parametrize(
    "member",
    [
        ("/etc/passwd", b"x"),
        ("../secret", b"x"),
        ("top/data/../../secret", b"x"),
        ("top/data/..", b"x"),
        ("\\secret", b"x"),
        ("top/data/..\\secret", b"x"),
        ("C:/secret", b"x"),
        ("top/data/new\nline", b"x"),
        ("top/data/" + "n" * 256, b"x"),
        ("top/data/" + "\u00e9" * 200, b"x"),
        ("top/data/" + "d/" * 600 + "x", b"x"),
        ("top/data/a.npy", tarfile.SYMTYPE, "../../../secret"),
        ("top/data/a.npy", tarfile.LNKTYPE, "top/names.txt"),
        ("top/data/a.npy", tarfile.CHRTYPE, ""),
        ("top/data/a.npy", tarfile.BLKTYPE, ""),
        ("top/data/a.npy", tarfile.FIFOTYPE, ""),
        ("top/names.txt", b"again"),
        ("top/data/deep/A.NPY", b"the same on some file systems"),
    ],
)
def test_hostile_entries_spoil_the_whole_archive(unpack, member):
    with pytest.raises(InputError, match="nothing is taken"):
        unpack(pack_archive(*GOOD, member))


def test_a_folder_that_is_a_link_is_no_way_out(unpack):
    members = (("top/data", tarfile.SYMTYPE, "/tmp"), ("top/data/x", b"x"), ("top/names.txt", b"x"))
    assert "ami/x" in unpack(pack_archive(*members)).files


def test_too_many_entries_are_refused(unpack):
    with pytest.raises(InputError, match="more than 9 entries"):
        unpack(pack_archive(*GOOD, *((f"top/{number}", b"") for number in range(9))))


def test_too_many_bytes_are_refused(unpack):
    noise = bytes(range(256)) * (1 << 13)
    with pytest.raises(InputError, match="unpacks to more than 1048576 bytes"):
        unpack(pack_archive(*GOOD, ("top/other", noise)))


def test_a_size_that_is_a_lie_is_refused(unpack):
    info = tarfile.TarInfo("top/data/big")
    info.size = 1 << 50
    with pytest.raises(InputError):
        unpack(info.tobuf() + bytes(1 << 10))


def test_a_bomb_is_refused_before_it_fills_anything(unpack):
    file = io.BytesIO()
    with gzip.GzipFile(fileobj=file, mode="wb") as packed:
        info = tarfile.TarInfo("top/data/zeros")
        info.size = 1 << 26
        packed.write(info.tobuf())
        for _ in range(4):
            packed.write(bytes(1 << 24))
    table = SourceTable("https://host/a", TABLE.take, most_unpacked_bytes=1 << 30)
    with pytest.raises(InputError, match="over 200 times its size"):
        unpack(file.getvalue(), table)


@pytest.mark.parametrize("cut", [0, 1, 20, -1, -9, -200])
def test_what_is_cut_off_is_refused(unpack, cut):
    with pytest.raises(InputError):
        unpack(pack_archive(*GOOD, ("top/other", bytes(range(256)) * 64))[:cut])


def test_damage_behind_the_last_entry_is_found_too(unpack):
    data = bytearray(pack_archive(*GOOD))
    data[-6] ^= 1
    with pytest.raises(InputError, match="damaged"):
        unpack(bytes(data))


@pytest.mark.parametrize("data", [b"", b"<!DOCTYPE html><html>not found</html>" * 40, b"\x1f\x8bgarbage"])
def test_what_is_no_archive_is_refused(unpack, data):
    with pytest.raises(InputError):
        unpack(data)


def test_an_archive_that_lacks_something_is_refused(unpack):
    with pytest.raises(InputError, match=r"holds no \*/names.txt; is it the right archive"):
        unpack(pack_archive(GOOD[2]))
    with pytest.raises(InputError, match=r"holds no \*/data/"):
        unpack(pack_archive(GOOD[1], ("top/data", tarfile.DIRTYPE, "")))


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("top/names.txt", "labels.txt"),
        ("./top/names.txt", "labels.txt"),
        ("top/names.txt/more", None),
        ("names.txt", None),
        ("top/data", None),
        ("top/data/", None),
        ("top/data/x/y", "ami/x/y"),
        ("top/other/data/x", None),
    ],
)
def test_rules_name_files_or_all_that_is_in_a_folder(name, target):
    assert find_target(name, TABLE.take) == target
