"""Traces of others that are no side of an explanation, and places that cannot be written: one line each."""

import hashlib
import json
import shutil
import zipfile

import numpy as np
import pytest
from command_line import list_runs, make_harness, make_root

from harness.core.traces import write_arrays
from harness.explain import margins
from harness.explain.counterfactual import Failure
from harness.verbs import looking

FIXTURES = (make_root, make_harness)


@pytest.fixture(name="made")
def make_run(harness, root, tmp_path):
    """A run of one environment, and a trace of one of its examples."""
    assert harness("run", "--model", "small", "--environment", "a")[0] == 0
    (folder,) = list_runs(root)
    code, out, err = harness("trace", folder, "--example", "benign-0000", "--output", tmp_path / "trace")
    assert code == 0, out + err
    return folder, tmp_path / "trace"


def find_archive(trace):
    (path,) = trace.glob("*.npz")
    return path


def edit_index(change):
    def edit(trace):
        path = trace / "trace.json"
        index = json.loads(path.read_text())
        change(index)
        path.write_text(json.dumps(index))

    return edit


def sign(trace):
    """Have the index say what the archive is now, as who made it would."""
    digest = hashlib.sha256(find_archive(trace).read_bytes()).hexdigest()
    edit_index(lambda index: index["examples"][0].update(sha256=digest))(trace)


def edit_arrays(change):
    def edit(trace):
        path = find_archive(trace)
        with np.load(path) as archive:
            arrays = {name: archive[name] for name in archive.files}
        change(arrays)
        write_arrays(path, arrays)
        sign(trace)

    return edit


def set_nan(arrays):
    arrays["plain/conv3_2"][0, 0, 0] = np.nan


def write_objects(trace):
    """An array of Python objects, in place of a blob's."""
    path = find_archive(trace)
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    np.savez(path, **{**arrays, "plain/conv3_2": np.array([{}], object)})
    sign(trace)


def write_bomb(trace):
    """A blob that unpacks to far more than it is, beside a header that claims all memory."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(50_000_000)
    path = find_archive(trace)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in {**members, "plain/conv3_2.npy": data}.items():
            archive.writestr(name, member)
    sign(trace)


def cut(trace):
    path = find_archive(trace)
    path.write_bytes(path.read_bytes()[:-400])


def cut_signed(trace):
    cut(trace)
    sign(trace)


def empty(trace):
    shutil.rmtree(trace)
    trace.mkdir()


SPOILT = {
    "an empty folder": (empty, "trace.json: cannot be read"),
    "another model": (edit_index(lambda index: index.update(model="b")), "is of model 'b', not of 'small'"),
    "another example": (
        edit_index(lambda index: index["examples"][0].update(example="x")),
        "example 'x' is none of a's",
    ),
    "another file": (
        edit_index(lambda index: index["examples"][0]["hashes"].update(file="0" * 64)),
        "example 'benign-0000' was another file there; trace this one",
    ),
    "no example": (edit_index(lambda index: index.update(examples=[])), "has none of these examples"),
    "no tuple": (
        edit_index(lambda index: index["examples"][0].update(attribute=None)),
        "says no tuple of benign-0000; trace again",
    ),
    "no blobs": (edit_index(lambda index: index.update(blobs=[])), "names no blobs"),
    "a rule that there is not": (edit_index(lambda index: index["port"].update(up=1)), "up"),
    "a parameter that is none": (edit_index(lambda index: index["parameters"].update(alpha="x")), "alpha"),
    "settings that are none": (edit_index(lambda index: index.update(settings=7)), "job: 'settings' must be"),
    "a size that is none": (
        edit_index(lambda index: index["preprocess"].update(width="x")),
        "'width' must be",
    ),
    "a blob is missing": (
        edit_arrays(lambda arrays: arrays.pop("plain/conv3_2")),
        "has no array 'plain/conv3_2'; trace that example again",
    ),
    "a steered blob is missing": (
        edit_arrays(lambda arrays: arrays.pop("steered/conv3_2/after")),
        "has no array 'steered/conv3_2'; trace that example again",
    ),
    "no numbers": (edit_arrays(set_nan), "plain/conv3_2: holds values that are no finite numbers"),
    "objects": (write_objects, "plain/conv3_2: is not a .npy array of numbers: it holds Python objects"),
    "a bomb": (write_bomb, "plain/conv3_2: unpacks to more than"),
    "cut off": (cut, "is not what was traced; copy it again, or trace that example again"),
    "cut off and signed": (cut_signed, "is no archive of arrays, or is cut off; trace that example again"),
    "no archive": (lambda trace: find_archive(trace).unlink(), ".npz: cannot be read"),
}


def test_a_trace_that_is_no_side_is_one_line_before_anything_is_run(harness, made, tmp_path):
    folder, whole = made
    said = {}
    for kind, (spoil, _) in SPOILT.items():
        trace = tmp_path / kind
        shutil.copytree(whole, trace)
        spoil(trace)
        code, _, err = harness("explain", folder, "--trace", trace)
        said[kind] = code, err.strip()
    for kind, (_, words) in SPOILT.items():
        code, err = said[kind]
        assert (code, words in err, len(err.splitlines())) == (2, True, 1), (kind, err)
        assert str(tmp_path / kind) in err, err
    assert not (folder / "causes.jsonl").exists()


def test_a_trace_for_which_there_is_no_room_leaves_nothing(harness, made, tmp_path, monkeypatch):
    folder, _ = made

    def refuse(path, place):
        if path.name == "trace.json":
            raise OSError(28, "No space left on device", str(path))
        copy(path, place)

    copy = looking.shutil.copyfile
    with monkeypatch.context() as patched:
        patched.setattr(looking.shutil, "copyfile", refuse)
        code, _, err = harness("trace", folder, "--example", "benign-0000", "--output", tmp_path / "full")
    assert code == 2
    assert f"{tmp_path / 'full'}: cannot be written (No space left on device; make room, or name" in err
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".making", "full"))]
    (tmp_path / "full").mkdir()
    code, out, err = harness("trace", folder, "--example", "benign-0000", "--output", tmp_path / "full")
    assert code == 0, out + err
    assert (tmp_path / "full" / "trace.json").exists()


def test_what_cannot_be_run_again_is_not_listed_as_if_it_had_been(harness, made, monkeypatch):
    folder, _ = made
    monkeypatch.setattr(margins.Answers, "ask", lambda *_: [Failure("has no disk")])
    code, out, err = harness("fragile", folder, "--shake")
    assert (code, out) == (2, "")
    assert "a: cannot be run again here (has no disk)" in err
