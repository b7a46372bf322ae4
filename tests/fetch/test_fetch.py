"""Fetching: what comes first is recorded, anything else is refused, and nothing is put in place by halves."""

import hashlib
import json
import random

import pytest
import small_model
from downloads import FILES, POLICY, TABLE, Lines, pack
from hostile_server import Script, serve

from harness.core.errors import InputError
from harness.fetch.fetch import ArchiveOrigin, choose_url, fetch_source
from harness.fetch.ledger import LEDGER, read_ledger
from harness.fetch.sources import choose_source, find_sources
from harness.model.folder import read_model

DEEP = "[" * 100_000


@pytest.fixture(name="folder")
def make_folder(tmp_path):
    (tmp_path / "models" / "some").mkdir(parents=True)
    return tmp_path / "models" / "some"


@pytest.fixture(name="fetch")
def make_fetch(tmp_path, folder):
    """Fetches `data` from what a script serves, or from elsewhere; the result and what was said."""

    def fetch(script, origin=None, more="", screen=None):
        screen = screen or Lines()
        with serve(script) as url:
            toml = small_model.TABLE.partition("[examples]")[0] + TABLE.format(url=url, more=more)
            (folder / "model.toml").write_text(toml)
            source = choose_source("data", find_sources(models=folder.parent))
            return fetch_source(source, origin or ArchiveOrigin(), tmp_path / "cache", screen, POLICY), str(
                screen
            )

    return fetch


def files_in(folder):
    return {
        one.relative_to(folder).as_posix(): one.read_bytes()
        for one in folder.rglob("*")
        if one.is_file() and one.name not in ("model.toml", LEDGER)
    }


PLACED = {"witnesses/a.txt": b"witnesses", "names.txt": b"names"}


def test_files_come_into_place_and_are_recorded(fetch, folder, tmp_path):
    fetched, said = fetch(Script(pack()))
    assert files_in(folder) == PLACED
    digest = hashlib.sha256(pack()).hexdigest()
    assert f"trusted and recorded in {LEDGER}: {digest}" in said
    entry = read_ledger(folder)["data"]
    assert entry.sha256 == digest
    assert entry.files == fetched.files
    assert entry.files["names.txt"] == (5, hashlib.sha256(b"names").hexdigest())
    assert not list((tmp_path / "cache" / "downloads").iterdir())


def test_what_is_in_place_is_not_fetched_again(fetch):
    fetch(Script(pack()))
    script = Script(pack(), [500])
    fetched, said = fetch(script)
    assert (fetched.was_there, said, script.requests) == (True, "", [])


def test_a_missing_file_is_fetched_again_from_a_mirror_too(fetch, folder, tmp_path):
    fetch(Script(pack()))
    (folder / "names.txt").unlink()
    with serve(Script(pack())) as mirror:
        fetch(Script(b""), ArchiveOrigin(mirror=mirror))
    assert files_in(folder) == PLACED
    (folder / "names.txt").unlink()
    (tmp_path / "copy.tar.gz").write_bytes(pack())
    fetch(Script(b""), ArchiveOrigin(file=tmp_path / "copy.tar.gz"))
    assert files_in(folder) == PLACED
    assert (tmp_path / "copy.tar.gz").exists()


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({**FILES, "top/names.txt": b"NAMES"}, "names.txt differs from what came first"),
        ({**FILES, "top/w/b.txt": b"more"}, "witnesses/b.txt is not in what came first"),
        (
            {"top/names.txt": b"names", "top/w/c": b"c"},
            "witnesses/a.txt is missing, unlike in what came first",
        ),
    ],
)
def test_other_files_than_the_recorded_ones_are_refused(fetch, folder, files, words):
    fetch(Script(pack()))
    (folder / "names.txt").unlink()
    with pytest.raises(InputError, match=words):
        fetch(Script(pack(files)))
    assert files_in(folder) == {"witnesses/a.txt": b"witnesses"}
    fetch(Script(pack()))
    assert files_in(folder) == PLACED


def test_the_same_files_packed_differently_are_the_same(fetch, folder):
    fetch(Script(pack(level=9)))
    (folder / "names.txt").unlink()
    _, said = fetch(Script(pack(level=0)))
    assert "packed differently" in said
    assert files_in(folder) == PLACED


def test_known_hashes_are_held_against_the_archive(fetch, folder, tmp_path):
    right = [f'{name} = "{hashlib.new(name, pack()).hexdigest()}"\n' for name in ("sha256", "md5")]
    for line in right:
        with pytest.raises(InputError, match=r"its (sha256|md5) is .* as .*fetch.data says; refused"):
            fetch(Script(pack(level=0)), more=line)
        assert files_in(folder) == {}
        assert not list((tmp_path / "cache" / "downloads").iterdir())
    _, said = fetch(Script(pack()), more="".join(right))
    assert "is the one that model.toml names" in said


def test_an_md5_alone_is_said_to_be_that(fetch):
    _, said = fetch(Script(pack()), more=f'md5 = "{hashlib.md5(pack()).hexdigest()}"\n')
    assert "its md5 is the one that model.toml names; no sha256 of data is known" in said


def test_digests_may_be_in_capitals(fetch):
    digest = hashlib.sha256(pack()).hexdigest().upper()
    _, said = fetch(Script(pack()), more=f'sha256 = "{digest}"\n')
    assert "is the one that model.toml names" in said


def test_a_hostile_archive_leaves_nothing_and_is_not_kept(fetch, folder, tmp_path):
    for content in (pack({**FILES, "../escape": b"x"}), b"<html>", pack()[:-5]):
        with pytest.raises(InputError):
            fetch(Script(content))
        assert files_in(folder) == {}
        assert not (folder / LEDGER).exists()
        assert not list((tmp_path / "cache" / "downloads").iterdir())
    assert not list(tmp_path.rglob("escape"))


def test_a_file_of_ones_own_is_never_replaced(fetch, folder, tmp_path):
    (folder / "names.txt").write_bytes(b"mine")
    with pytest.raises(InputError, match=r"names\.txt: is there already and is another"):
        fetch(Script(pack()))
    assert files_in(folder) == {"names.txt": b"mine"}
    assert len(list((tmp_path / "cache" / "downloads").glob("*.archive"))) == 1
    (folder / "names.txt").write_bytes(b"names")
    script = Script(pack())
    fetch(script)
    assert files_in(folder) == PLACED


def test_a_file_that_was_changed_since_is_named(fetch, folder):
    fetch(Script(pack()))
    (folder / "names.txt").write_bytes(b"NAMES")
    with pytest.raises(InputError, match=r"names\.txt: is not the file that was fetched"):
        fetch(Script(pack()))


def test_a_download_that_was_given_up_is_continued(folder, tmp_path):
    content = pack({**FILES, "top/w/b": random.Random(0).randbytes(1 << 20)})
    script = Script(content, ["cut", 404, "ok"])
    with serve(script) as url:
        (folder / "model.toml").write_text(
            small_model.TABLE.partition("[examples]")[0] + TABLE.format(url=url, more="")
        )
        (source,) = find_sources(str(folder))
        with pytest.raises(InputError, match="404"):
            fetch_source(source, ArchiveOrigin(), tmp_path, Lines(), POLICY)
        assert files_in(folder) == {}
        fetch_source(source, ArchiveOrigin(), tmp_path, Lines(), POLICY)
    assert script.requests[-1]["Range"] == f"bytes={len(content) // 2}-"
    assert files_in(folder).items() >= PLACED.items()


def test_what_a_killed_fetch_left_beside_the_files_is_swept_up(fetch, folder):
    (folder / ".incoming-old" / "x").mkdir(parents=True)
    fetch(Script(pack()))
    assert files_in(folder) == PLACED
    assert not list(folder.glob(".incoming-*"))


def test_a_fetch_interrupted_while_unpacking_puts_nothing_in_place(fetch, folder, tmp_path):
    class Impatient(Lines):
        def say(self, text):
            if "unpacking" in text:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(Script(pack()), screen=Impatient())
    assert files_in(folder) == {}
    assert len(list((tmp_path / "cache" / "downloads").glob("*.archive"))) == 1


def test_a_full_disk_while_unpacking_is_one_error_and_the_archive_is_kept(
    fetch, folder, tmp_path, monkeypatch
):
    def fail(*_, **__):
        raise OSError(28, "No space left on device", "some/file")

    monkeypatch.setattr("harness.fetch.unpack.tarfile.TarFile.extract", fail)
    with pytest.raises(InputError, match=r"some/file: cannot be written .No space left"):
        fetch(Script(pack()))
    assert files_in(folder) == {}
    assert len(list((tmp_path / "cache" / "downloads").glob("*.archive"))) == 1


def record_files(files):
    """A record of what was fetched, with these files."""
    entry = {"url": "https://a/b", "sha256": "a", "fetched": "then", "files": files}
    return json.dumps({"schema": 1, "sources": {"data": entry}})


def test_a_record_names_files_of_its_own_folder_alone(fetch, folder, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "link").symlink_to(tmp_path / "secret")
    for name in ("../secret", str(tmp_path / "secret"), "link"):
        (folder / LEDGER).write_text(record_files({name: [6, "a"]}))
        with pytest.raises(InputError, match=r"lies outside|is a link"):
            fetch(Script(pack()))
    (folder / LEDGER).write_text(record_files({"n" * 300: [6, "a"]}))
    with pytest.raises(InputError, match="is missing, unlike in"):
        fetch(Script(pack()))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        DEEP,
        '{"schema": 2, "sources": {}}',
        '{"schema": 1, "sources": {"data": {}}}',
        record_files({"a.npy": ["1", "a"]}),
        record_files({"a.npy": [1, "a", 2]}),
        record_files({"a.npy": {"1": 2, "a": 3}}),
        record_files({"a.npy": [1, None]}),
    ],
)
def test_a_damaged_record_is_no_reason_to_trust(fetch, folder, text):
    (folder / LEDGER).write_text(text)
    with pytest.raises(InputError, match="is no record of what was fetched"):
        fetch(Script(pack()))


def test_two_sources_share_a_record(fetch, folder):
    fetch(Script(pack()))
    data = json.loads((folder / LEDGER).read_text())
    data["sources"]["other"] = data["sources"].pop("data")
    (folder / LEDGER).write_text(json.dumps(data))
    fetch(Script(pack()))
    assert sorted(read_ledger(folder)) == ["data", "other"]


@pytest.mark.parametrize(
    "origin", [ArchiveOrigin(mirror="ftp://a/b"), ArchiveOrigin(mirror="/a/b"), ArchiveOrigin()]
)
def test_an_origin_that_is_none_is_refused(fetch, tmp_path, origin):
    with pytest.raises(InputError, match=r"--mirror|--from"):
        fetch(Script(pack()), ArchiveOrigin(file=tmp_path) if origin == ArchiveOrigin() else origin)


def test_a_mirrors_folder_gets_the_files_name():
    (source,) = (one for one in find_sources("vgg-face") if one.name == "vgg-face")
    assert choose_url(source, "https://m/x/") == "https://m/x/vgg_face_caffe.tar.gz"
    assert choose_url(source, "https://m/x") == "https://m/x"
    assert choose_url(source, None) == source.table.url


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('url = "ftp://host/a"', "must begin with https"),
        ('sha256 = "abc"', "has 64 digits"),
        ('md5 = "ABC"', "has 32 digits"),
        ("take = {}", "nothing is to be taken"),
        ('take = {"a" = "../b"}', "must be relative"),
        ('take = {"a" = "/b"}', "must be relative"),
        ('take = {"a/" = "b"}', "both or none end in /"),
        ('mirror = "x"', "mirror"),
    ],
)
def test_wrong_tables_are_named(folder, more, words):
    lines = {"url": 'url = "https://host/a"', "take": 'take = {"a" = "b"}'}
    lines[more.split(" ")[0]] = more
    (folder / "model.toml").write_text(
        small_model.TABLE.partition("[examples]")[0] + "[fetch.data]\n" + "\n".join(lines.values())
    )
    with pytest.raises(InputError, match=words):
        find_sources(str(folder))


def test_a_name_that_nothing_has_is_answered_with_those_there_are():
    with pytest.raises(InputError, match="vgg: cannot be fetched; what can be is ami-data, vgg-face"):
        choose_source("vgg", find_sources())
    twice = find_sources("vgg-face") * 2
    with pytest.raises(InputError, match="2 models name such a source"):
        choose_source("vgg-face", twice)


def test_a_fetched_model_is_found_where_its_table_says(tmp_path):
    whole = small_model.write_model(tmp_path / "whole", count=2)
    names = ("deploy.prototxt", "net.caffemodel", "labels.txt")
    weights = pack({f"net/{name}": (whole / name).read_bytes() for name in names})
    data = pack({f"data/{one.name}": one.read_bytes() for one in (whole / "witnesses").iterdir()})
    folder = tmp_path / "bare"
    folder.mkdir()
    with serve(Script(weights)) as net, serve(Script(data)) as witnesses:
        takes = "\n".join(f'"net/{name}" = "{name}"' for name in names)
        (folder / "model.toml").write_text(
            small_model.TABLE.partition("[examples]")[0]
            + f'[fetch.net]\nurl = "{net}"\n[fetch.net.take]\n{takes}\n'
            + f'[fetch.data]\nurl = "{witnesses}"\n[fetch.data.take]\n"data/" = "witnesses/"\n'
        )
        with pytest.raises(InputError, match=r"or run: .*fetch net$"):
            read_model(folder)
        sources = find_sources(str(folder))
        fetch_source(choose_source("net", sources), ArchiveOrigin(), tmp_path / "cache", Lines(), POLICY)
        with pytest.raises(InputError, match=r"no witnesses of leye .* or run: .* fetch data$"):
            read_model(folder)
        fetch_source(choose_source("data", sources), ArchiveOrigin(), tmp_path / "cache", Lines(), POLICY)
    assert read_model(folder).labels == small_model.LABELS
