"""Neutral folders: exact, kept by content, whole or not there at all."""

import dataclasses
import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.core.errors import InputError
from harness.core.network_files import list_files, read_network, read_weights
from harness.model.caffemodel import write_caffemodel
from harness.model.convert import convert_model
from harness.model.prototxt import write_prototxt
from harness.model.random_weights import random_weights, vgg_face_network
from harness.system.manifest import FILE as MANIFEST
from harness.system.manifest import FileEntry, distrust, take_stamp
from harness.system.sealed import read_sealed, write_sealed

REPOSITORY = Path(__file__).resolve().parents[2]
NETWORK = vgg_face_network((2, 3, 4, 5, 6), size=32, fc=7, classes=4)
WEIGHTS = random_weights(NETWORK, 1)


@pytest.fixture
def sources(tmp_path):
    """A prototxt, its caffemodel, and where neutral folders go."""
    (tmp_path / "deploy.prototxt").write_text(write_prototxt(NETWORK))
    write_caffemodel(tmp_path / "net.caffemodel", NETWORK, WEIGHTS)
    return tmp_path / "deploy.prototxt", tmp_path / "net.caffemodel", tmp_path / "cache"


def assert_exact(folder):
    """The folder holds exactly the test's network and weights."""
    assert read_network(folder) == NETWORK
    found = read_weights(folder, NETWORK)
    assert list(found) == list(WEIGHTS)
    for name, values in WEIGHTS.items():
        assert isinstance(found[name], np.memmap)
        assert found[name].tobytes() == values.tobytes()


def test_conversion_is_exact(sources):
    folder = convert_model(*sources)
    assert_exact(folder)
    assert list(sources[2].iterdir()) == [folder]
    data = json.loads((folder / "network.json").read_text())
    assert data["schema"] == 2
    assert data["ignored"] == []
    assert data["sources"] == {
        "prototxt": hashlib.sha256(sources[0].read_bytes()).hexdigest(),
        "caffemodel": hashlib.sha256(sources[1].read_bytes()).hexdigest(),
        "state": {"level": 0, "stages": []},
    }
    for name, values in WEIGHTS.items():
        expected = {"shape": list(values.shape), "sha256": hashlib.sha256(values.tobytes()).hexdigest()}
        assert data["parameters"][name] == expected


def test_one_wrong_bit_would_be_seen(sources):
    folder = convert_model(*sources)
    path = list_files(folder, NETWORK)["fc8.bias"]
    path.write_bytes(path.read_bytes()[:-1] + b"\x77")
    with pytest.raises(AssertionError):
        assert_exact(folder)


def test_a_second_conversion_reuses_the_folder(sources):
    folder = convert_model(*sources)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert convert_model(*sources) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_other_content_gets_another_folder(sources):
    first = convert_model(*sources)
    write_caffemodel(sources[1], NETWORK, random_weights(NETWORK, 2))
    second = convert_model(*sources)
    sources[0].write_text(sources[0].read_text() + "# a comment\n")
    third = convert_model(*sources)
    assert len({first, second, third}) == 3
    assert_exact(first)


def remove(path):
    path.unlink()


def shorten(path):
    path.write_bytes(path.read_bytes()[:-4])


def lengthen(path):
    path.write_bytes(path.read_bytes() + b"more")


def empty(path):
    path.write_bytes(b"")


def reshape(path):
    np.save(path, np.zeros((1, 1), np.float32))


def flip(path):
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)


def pool_otherwise(path):
    """Another network, and a sound one."""
    text = path.read_text()
    assert '"max"' in text
    path.write_text(text.replace('"max"', '"average"', 1))


DAMAGE = [
    *[("parameters/*fc6.weight.npy", damage) for damage in (remove, shorten, lengthen, empty, reshape, flip)],
    *[("network.json", damage) for damage in (remove, shorten, empty, flip, pool_otherwise)],
]


@pytest.mark.parametrize(("name", "damage"), DAMAGE, ids=lambda part: getattr(part, "__name__", part))
def test_damaged_folders_are_made_again(sources, name, damage):
    folder = convert_model(*sources)
    path = next(folder.glob(name))
    damage(path)
    said = []
    assert convert_model(*sources, say=said.append) == folder
    assert_exact(folder)
    assert list(sources[2].iterdir()) == [folder]
    word = "is missing" if damage is remove else "was changed"
    assert said == [f"{path} {word}; the model is converted anew"]
    assert convert_model(*sources, say=pytest.fail) == folder


def test_what_an_earlier_version_made_of_the_same_files_is_made_again(sources, monkeypatch):
    with monkeypatch.context() as earlier:
        earlier.setattr("harness.model.convert.read_prototxt", lambda *_: rename_network(NETWORK))
        convert_model(*sources)
    said = []
    assert_exact(convert_model(*sources, say=said.append))
    assert "of another version of the harness; the model is converted anew" in said[0]


def rename_network(network):
    return dataclasses.replace(network, name="other")


def test_where_something_broke_the_folder_is_read_again(sources):
    """A disk may give other bytes than were written, and know of no change."""
    folder = convert_model(*sources)
    path = next(folder.glob("parameters/*fc6.weight.npy"))
    flip(path)
    entries = read_sealed(folder / MANIFEST, dict[str, FileEntry])
    name = path.relative_to(folder).as_posix()
    entries[name] = FileEntry(*take_stamp(path.stat()), entries[name].sha256)
    write_sealed(folder / MANIFEST, entries)
    convert_model(*sources)
    with pytest.raises(AssertionError):
        assert_exact(folder)
    distrust(folder)
    assert_exact(convert_model(*sources))


def test_a_folder_that_is_a_file_is_replaced(sources):
    folder = convert_model(*sources)
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("not a folder")
    assert convert_model(*sources) == folder
    assert_exact(folder)


def test_progress_is_told_to_the_end(sources):
    for what in ("converting", "hashing"):
        steps = []
        convert_model(*sources, progress=lambda *step: steps.append(step))  # noqa: B023
        done = [step[1:] for step in steps if step[0] == what]
        assert done == sorted(done)
        assert done[-1][0] == done[-1][1]


def test_a_conversion_that_finishes_first_is_kept(sources):
    others = []

    def convert_too(what, *_):
        if what == "converting" and not others:
            others.append(None)
            others.append(convert_model(*sources))
            others.append(others[1].stat().st_ino)

    folder = convert_model(*sources, progress=convert_too)
    assert folder == others[1]
    assert folder.stat().st_ino == others[2]
    assert_exact(folder)
    assert list(sources[2].iterdir()) == [folder]


def test_a_damaged_folder_that_appears_meanwhile_makes_way(sources):
    place = convert_model(*sources[:2], sources[2].with_name("other")).name

    def damage(what, *_):
        if what == "converting":
            for folder in sources[2].glob(".making-????????"):
                (folder.parent / place / "parameters").mkdir(parents=True, exist_ok=True)

    folder = convert_model(*sources, progress=damage)
    assert_exact(folder)
    assert list(sources[2].iterdir()) == [folder]


def test_processes_do_not_harm_each_other(sources):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        folders = pool.starmap(convert_model, [sources] * 6, chunksize=1)
        pool.close()
        pool.join()  # leaving kills workers, one of which may hold a lock
    assert len(set(folders)) == 1
    assert_exact(folders[0])
    assert list(sources[2].iterdir()) == [folders[0]]


def test_a_source_that_changes_meanwhile_is_refused(sources):
    def touch(what, *_):
        if what == "converting":
            os.utime(sources[1], ns=(1, 1))

    with pytest.raises(InputError, match=r"net\.caffemodel: changed while it was being read"):
        convert_model(*sources, progress=touch)
    assert not list(sources[2].iterdir())


def test_a_failed_conversion_leaves_nothing(sources):
    data = sources[1].read_bytes()
    sources[1].write_bytes(data[:-1])
    with pytest.raises(InputError, match="truncated"):
        convert_model(*sources)
    assert not list(sources[2].iterdir())


def test_layers_without_use_are_recorded(sources):
    text = sources[0].read_text()
    sources[0].write_text(text[: text.index('layer {\n  name: "fc8"')])
    folder = convert_model(*sources)
    assert json.loads((folder / "network.json").read_text())["ignored"] == ["fc8"]
    assert "fc8.weight" not in read_weights(folder, read_network(folder))


def test_sources_that_cannot_be_read(sources, tmp_path):
    prototxt, caffemodel, cache = sources
    with pytest.raises(InputError, match=r"absent\.prototxt"):
        convert_model(tmp_path / "absent.prototxt", caffemodel, cache)
    for path in (tmp_path / "absent.caffemodel", tmp_path):
        with pytest.raises(InputError, match=r"cannot be read|is a folder"):
            convert_model(prototxt, path, cache)


def test_a_cache_that_cannot_be_written(sources):
    sources[2].write_text("a file")
    with pytest.raises(InputError, match="cannot be written"):
        convert_model(*sources)


def test_what_killed_conversions_left_is_swept(sources):
    (sources[2] / ".making-0123abcd" / "parameters").mkdir(parents=True)
    folder = convert_model(*sources)
    assert list(sources[2].iterdir()) == [folder]


@pytest.mark.slow
def test_full_size_conversion_is_lean(tmp_path):
    bench = subprocess.run(
        [sys.executable, "bench/convert.py", "--folder", str(tmp_path), "--json"],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=True,
    )
    measured = json.loads(bench.stdout)
    assert measured["peak_memory_ratio"] < 1.6
