"""Travel: what is sent arrives, and a hostile archive cannot write anywhere but into its own files."""

import io
import tarfile

import pytest

from harness.core.errors import InputError
from harness.system.tarstream import TAKEN, TarEntry, pack, unpack


def pack_members(*members):
    """Bytes of an archive of (name, content or type, link target)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        for name, content, *link in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes) and not link and content not in TYPES:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.type, info.linkname = content, (link or [""])[0]
                tar.addfile(info)
    return file.getvalue()


TYPES = (
    tarfile.DIRTYPE,
    tarfile.SYMTYPE,
    tarfile.LNKTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.FIFOTYPE,
)


def split(data, size=700):
    return (data[start : start + size] for start in range(0, len(data), size))


@pytest.fixture(name="target")
def make_target(tmp_path):
    (tmp_path / "cell").mkdir()
    (tmp_path / "secret").write_text("kept")
    return tmp_path / "cell"


def test_what_is_packed_is_what_arrives(tmp_path, target):
    (tmp_path / "big").write_bytes(bytes(range(256)) * 9000)
    entries = [
        TarEntry("out"),
        TarEntry("out/cell.json", content=b"{}"),
        TarEntry("out/records.jsonl", tmp_path / "big"),
        TarEntry(f"out/{'ä' * 150}.png", content=b"x" * 512),
    ]
    refused = unpack(pack(entries), target, "out")
    assert (target / "cell.json").read_bytes() == b"{}"
    assert (target / "records.jsonl").read_bytes() == (tmp_path / "big").read_bytes()
    assert len(refused) == 1
    with tarfile.open(fileobj=io.BytesIO(b"".join(pack(entries)))) as tar:
        folder = tar.getmember("out")
        assert (folder.uid, folder.isdir()) == (1000, True)
        assert len(tar.getnames()) == 4


def test_pieces_are_of_about_a_megabyte(tmp_path):
    (tmp_path / "big").write_bytes(bytes(5 << 20))
    assert max(map(len, pack([TarEntry("big", tmp_path / "big")]))) <= 2 << 20


def test_a_file_that_is_missing_or_shrinks_is_an_error(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        list(pack([TarEntry("a", tmp_path / "a")]))
    path = tmp_path / "b"
    path.write_bytes(bytes(3 << 20))
    pieces = pack([TarEntry("b", path)])
    next(pieces)
    path.write_bytes(b"")
    with pytest.raises(InputError, match="shorter"):
        list(pieces)


@pytest.mark.parametrize(
    "member",
    [
        ("/etc/passwd", b"x"),
        ("/out/cell.json", b"x"),
        ("../secret", b"x"),
        ("out/../../secret", b"x"),
        ("out/../cell.json", b"x"),
        ("out/sub/cell.json", b"x"),
        ("out/log.txt", b"x"),
        ("out/cell.json", tarfile.SYMTYPE, "../secret"),
        ("out/cell.json", tarfile.LNKTYPE, "../secret"),
        ("out/cell.json", tarfile.CHRTYPE),
        ("out/cell.json", tarfile.BLKTYPE),
        ("out/cell.json", tarfile.FIFOTYPE),
        ("out/cell.json", tarfile.DIRTYPE),
        ("out/sub", tarfile.DIRTYPE),
    ],
)
def test_anything_but_expected_regular_files_is_left_out(tmp_path, target, member):
    data = pack_members(("out", tarfile.DIRTYPE), member, ("out/records.jsonl", b"good"))
    refused = unpack(split(data), target, "out")
    assert len(refused) == 1
    assert [path.name for path in target.iterdir()] == ["records.jsonl"]
    assert (tmp_path / "secret").read_text() == "kept"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cell", "secret"]


def test_a_name_that_comes_twice_is_taken_once(target):
    data = pack_members(("out/cell.json", b"first"), ("out/cell.json", b"second"))
    assert unpack([data], target, "out") == ["'out/cell.json': is there twice"]
    assert (target / "cell.json").read_bytes() == b"first"


def test_a_link_that_lies_in_the_cells_folder_is_replaced(tmp_path, target):
    (target / "cell.json").symlink_to(tmp_path / "secret")
    unpack([pack_members(("out/cell.json", b"new"))], target, "out")
    assert (tmp_path / "secret").read_text() == "kept"
    assert (target / "cell.json").read_text() == "new"


def test_a_huge_file_is_refused_by_its_header_alone(target):
    info = tarfile.TarInfo("out/cell.json")
    info.size = TAKEN["cell.json"] + 1

    def pieces():
        yield info.tobuf() + bytes(1 << 20)
        raise AssertionError("nothing more is read")

    with pytest.raises(InputError, match="more than"):
        unpack(pieces(), target, "out")


def test_a_huge_unexpected_file_does_not_keep_the_harness_busy(target):
    info = tarfile.TarInfo("out/junk")
    info.size = 1 << 40
    with pytest.raises(InputError, match="junk is of 1099511627776 bytes"):
        unpack([info.tobuf() + bytes(1 << 20)], target, "out")


def test_a_stream_without_end_is_cut(target):
    def pieces():
        while True:
            yield tarfile.TarInfo("out/junk").tobuf()

    with pytest.raises(InputError, match="larger than"):
        unpack(pieces(), target, "out", {"cell.json": 1 << 20})


def test_too_many_files_are_refused(target, monkeypatch):
    monkeypatch.setattr("harness.system.tarstream.MOST_ENTRIES", 3)
    data = pack_members(*((f"out/{number}", b"") for number in range(5)))
    with pytest.raises(InputError, match="more than 3 files"):
        unpack([data], target, "out")


@pytest.mark.parametrize("cut", [0, 100, 600, 1100])
def test_what_is_no_archive_is_an_error(target, cut):
    data = pack_members(("out/cell.json", b"x" * 2000))
    with pytest.raises(InputError):
        unpack([b"garbage" * 200 if cut == 0 else data[:cut]], target, "out")
    assert not (target / "cell.json").exists()
