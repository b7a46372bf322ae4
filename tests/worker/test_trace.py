"""The task `trace`: what passes hold, without a change to what they come to."""

import errno
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from worker_jobs import NETWORK, make_job, name_caffemodel, run

from harness.ami import detection
from harness.core import traces
from harness.core.errors import InputError
from harness.core.examples import hash_file, list_examples
from harness.core.traces import Archive, open_archive, read_array, read_trace, write_arrays
from harness.worker import fingerprint, recorder
from harness.worker.job import read_job
from harness.worker.loading import load_detector
from harness.worker.prepare import prepare_example
from harness.worker.tasks.trace import name_archive

FIXTURES = (make_job,)
BLOBS = ["data", "conv1_1", "conv2_2", "pool3", "conv4_1", "fc6", "fc7", "fc8"]
VISITED = ["conv1_1", "conv2_2", "pool3", "conv4_1", "fc6", "fc7"]
FRAMEWORKS = {
    "reference": "numpy",
    "pytorch": "torch",
    "onnxruntime": "onnxruntime",
    "openvino": "openvino",
    "opencv": "cv2",
}
LISTING = ["nose", "leye", "reye", "mouth"]


@pytest.fixture(autouse=True)
def list_no_packages(monkeypatch):
    """Spare many jobs a look at what is installed."""
    monkeypatch.setattr(fingerprint, "list_packages", dict)


def trace(job, tmp_path, examples=("e1",), **more):
    """Exit code, records, cell and, where there is one, the trace of a job."""
    details = {"examples": list(examples), **more}
    code, records, cell = run({**job, "task": "trace", "details": details}, tmp_path)
    return code, records, cell, read_trace(Path(job["output"])) if code == 0 else None


def load_arrays(job, example):
    """An example's arrays, read by NumPy itself."""
    with np.load(Path(job["output"]) / name_archive(example), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def test_a_trace_holds_every_blob_of_both_passes(job, tmp_path):
    _, _, cell, found = trace(job, tmp_path, ["e1", "e4"])
    assert cell["status"] == "done"
    assert list(found.blobs) == BLOBS
    assert list(found.examples) == ["e1", "e4"]
    arrays = load_arrays(job, "e1")
    visits = [f"steered/{blob}/{part}" for blob in VISITED for part in (
        "before", "after", "sums", "mean", "deviation", "minimum", "weakened", "factors",
    )]  # fmt: skip
    assert sorted(arrays) == sorted(
        ["pixels", "input", "logits/plain", "logits/steered", "steered/data", "steered/fc8", *visits]
        + [f"plain/{blob}" for blob in BLOBS]
    )
    assert [one["blob"] for one in found.index["visits"]] == VISITED
    assert {
        one.dtype.str for name, one in arrays.items() if name.startswith(("plain", "steered/conv1_1/b"))
    } == {"<f4"}


def walk_by_hand(job, example):
    """Plain and steered blobs of an example in its batch, by forward and steer alone."""
    checked = read_job(job)
    detector = load_detector(checked, NETWORK)
    executor, number = detector.executor, int(example[1:])
    batch = number // 2 * 2
    inputs = np.stack([recorded_input(job, f"e{one}") for one in range(batch, min(batch + 2, 5))])
    plain, steered, value = {}, {}, executor.to_native(inputs)
    for start, stop in zip(BLOBS, BLOBS[1:]):
        value = executor.forward(value, start, stop)
        plain[stop] = executor.to_numpy(value)[number - batch]
    value, by_blob = executor.to_native(inputs), {one.blob: one for one in detector.visits}
    for start, stop in zip(BLOBS, BLOBS[1:]):
        value = executor.forward(value, start, stop)
        if stop in by_blob:
            value = detection.edit_blob(detector, by_blob[stop], None, value)
        steered[stop] = executor.to_numpy(value)[number - batch]
    return plain, steered


def recorded_input(job, example):
    """The network input of an example, as the job prepares it."""
    checked = read_job(job)
    examples = {one.id: one for one in list_examples(checked.examples, 7, checked.examples_sha256)}
    return prepare_example(checked, examples[example]).value


def test_its_values_are_those_that_the_passes_hold(job, tmp_path):
    for example in ("e1", "e2", "e4"):
        _, _, _, found = trace(job, tmp_path, [example])
        plain, steered = walk_by_hand(job, example)
        for blob in BLOBS[1:]:
            np.testing.assert_array_equal(found.read_plain(example, blob), plain[blob])
            np.testing.assert_array_equal(found.read_steered(example, blob), steered[blob])
        arrays = load_arrays(job, example)
        np.testing.assert_array_equal(arrays["input"], recorded_input(job, example))
        np.testing.assert_array_equal(arrays["pixels"], np.load(tmp_path / f"{example}.npy"))


def test_a_visit_says_what_was_measured_and_what_each_channel_was_multiplied_with(job, tmp_path):
    job["port"]["rules"]["pool3_channels"] = "none"
    trace(job, tmp_path)
    arrays = load_arrays(job, "e1")
    entries = [1, 2, 2]  # of conv1_1, by leye and reye
    sums = arrays["steered/conv1_1/before"].sum((1, 2))
    np.testing.assert_allclose(arrays["steered/conv1_1/sums"], sums, rtol=1e-5)
    np.testing.assert_allclose(arrays["steered/conv1_1/mean"], sums[entries].mean(keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(
        arrays["steered/conv1_1/deviation"], sums[entries].std(keepdims=True), rtol=1e-4
    )
    np.testing.assert_allclose(arrays["steered/conv1_1/minimum"], sums[entries].min(keepdims=True), rtol=1e-5)
    weak = [channel not in entries and sums[channel] > sums[entries].mean() for channel in range(6)]
    assert arrays["steered/conv1_1/weakened"].tolist() == weak
    for blob in VISITED:
        factors = arrays[f"steered/{blob}/factors"]
        before, after = (arrays[f"steered/{blob}/{part}"] for part in ("before", "after"))
        shaped = factors if before.ndim == 1 else factors[:, None, None]
        np.testing.assert_allclose(after, before * shaped, rtol=1e-5, atol=1e-6)
        assert (factors != 1).any()


@pytest.mark.parametrize("order", ["network", "listing"])
@pytest.mark.parametrize("backend", FRAMEWORKS)
def test_tracing_changes_no_bit_and_no_tuple(job, tmp_path, backend, order):
    pytest.importorskip(FRAMEWORKS[backend])
    job["backend"] = backend
    if backend == "opencv":
        name_caffemodel(job, tmp_path)
    job["port"]["rules"].update(order=order, listing=LISTING)
    expected = run(job, tmp_path)[1]
    _, records, _, _ = trace(job, tmp_path, [f"e{number}" for number in range(5)])
    for one, other in zip(expected, records):
        for key in ("example", "original", "attribute", "hashes", "top5_attribute", "score", "case"):
            assert one[key] == other[key]
        assert other["same"] == {"plain": True, "steered": True}
        assert other["watched"] == [one["original"], one["attribute"]]


def test_a_tracer_that_rounds_is_caught(job, tmp_path, monkeypatch):
    def take_rounded(executor, value, row):
        value[row] = np.round(value[row])
        return executor.to_numpy(value[row : row + 1])[0]

    monkeypatch.setattr(recorder, "take_row", take_rounded)
    expected = run(job, tmp_path)[1]
    _, records, _, _ = trace(job, tmp_path, ["e1"])
    assert records[0]["same"] == {"plain": False, "steered": False}
    assert records[0]["hashes"] == expected[1]["hashes"]  # the answer is that of nobody watching


def test_a_walk_that_comes_back_leaves_the_last_values(job, tmp_path):
    """By the nose's file first, pool3 and fc6 are steered before conv1_1, and that is lost."""
    job["port"]["rules"].update(order="listing", listing=LISTING)
    _, records, _, found = trace(job, tmp_path)
    order = [one["blob"] for one in found.index["visits"]]
    assert order.index("pool3") < order.index("conv1_1")
    arrays = load_arrays(job, "e1")
    assert {"steered/pool3/after", "steered/pool3"} <= set(arrays)
    np.testing.assert_array_equal(found.read_steered("e1", "pool3"), arrays["steered/pool3"])
    assert (arrays["steered/pool3/after"] != arrays["steered/pool3"]).any()
    assert records[0]["same"] == {"plain": True, "steered": True}


def test_float64_is_kept(job, tmp_path):
    job["settings"]["precision"] = "float64"
    trace(job, tmp_path)
    assert load_arrays(job, "e1")["plain/conv1_1"].dtype == np.float64


def test_a_refused_example_is_said(job, tmp_path):
    np.save(tmp_path / "e1.npy", np.zeros((3, 16, 15), np.float32))
    listing = Path(job["examples"]["path"])
    lines = [json.loads(line) for line in listing.read_text().splitlines()]
    lines[1]["sha256"] = hash_file(tmp_path / "e1.npy")
    listing.write_text("".join(json.dumps(line) + "\n" for line in lines))
    job["examples"]["sha256"] = hash_file(listing)
    code, records, _ = run({**job, "task": "trace", "details": {"examples": ["e0", "e1"]}}, tmp_path)
    assert code == 0
    assert ["refused" in one for one in records] == [False, True]
    found = read_trace(tmp_path / "out")
    assert list(found.examples) == ["e0"]
    for read, words in (
        (lambda: found.read_plain("e1", "fc6"), "has no trace of example 'e1'"),
        (lambda: found.read_steered("e0", "fc9"), "has no blob 'fc9'"),
    ):
        with pytest.raises(InputError, match=words):
            read()


def test_a_killed_task_goes_on_where_it_was(job, tmp_path):
    names = ["e0", "e1", "e3", "e4"]
    trace(job, tmp_path, names)
    output = tmp_path / "out"
    whole = {path.name: path.read_bytes() for path in output.iterdir() if path.name != "cell.json"}
    lines, resumed = whole["records.jsonl"].splitlines(keepends=True), []
    for count in range(len(lines)):
        for name, data in whole.items():
            (output / name).write_bytes(data)
        (output / "records.jsonl").write_bytes(b"".join(lines[:count]) + lines[count][:-1])
        _, _, cell, _ = trace(job, tmp_path, names)
        resumed.append(cell["timings"]["resumed"])
        found = {path.name: path.read_bytes() for path in output.iterdir() if path.name != "cell.json"}
        assert found.keys() == whole.keys()
        assert all(found[name] == data for name, data in whole.items() if name != "trace.json")
    assert resumed == [0, 1, 2, 3]
    (output / name_archive("e1")).write_bytes(b"damaged")
    assert trace(job, tmp_path, names)[2]["timings"]["resumed"] == 1
    assert (output / name_archive("e1")).read_bytes() == whole[name_archive("e1")]


def test_a_full_disk_is_one_line_and_what_is_finished_stays(job, tmp_path, monkeypatch, capsys):
    count, write = [], traces.npy_format.write_array

    def fill(*given, **named):
        count.append(1)
        if len(count) > 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(*given, **named)

    monkeypatch.setattr(traces.npy_format, "write_array", fill)
    code, records, cell, _ = trace(job, tmp_path, ["e0", "e1", "e2"])
    assert (code, [one["example"] for one in records]) == (2, ["e0"])
    assert "No space left on device" in cell["error"]
    assert "see to that disk" in cell["error"]
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert not list((tmp_path / "out").glob("*.part"))


@pytest.mark.parametrize(
    ("details", "words"),
    [
        (None, "job: details: is no table"),
        ({}, "has no 'examples'"),
        ({"examples": []}, "'examples' names none"),
        ({"examples": ["e9"]}, "example 'e9' is not in the list"),
        ({"examples": ["e1"], "limit_bytes": 40_000}, "bytes, and 40000 are the limit; raise limit_bytes"),
    ],
)
def test_bad_details_are_one_line(job, tmp_path, capsys, details, words):
    code, _, cell = run({**job, "task": "trace", "details": details}, tmp_path)
    assert code == 2
    assert words in cell["error"]
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_the_limit_is_no_less_than_what_is_written(job, tmp_path):
    trace(job, tmp_path)
    size = sum(one.nbytes for one in load_arrays(job, "e1").values())
    assert trace(job, tmp_path, limit_bytes=size - 1)[0] == 2
    assert trace(job, tmp_path, limit_bytes=size + 4000)[0] == 0


def write_bomb(path):
    """An archive whose array unpacks to far more than it says."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", b"\x93NUMPY" + bytes(50_000_000))


def write_pickle(path):
    """An archive of Python objects."""
    np.savez(path, a=np.array([{}], object))


def write_nan(path):
    """An archive of no numbers."""
    np.savez(path, a=np.array([1, np.nan, 2], np.float32))


def write_many(path):
    """An archive of more arrays than are looked at."""
    directory = b"PK\x05\x06" + bytes(4) + b"\xff\xff\xff\xff" + (1 << 30).to_bytes(4, "little") + bytes(6)
    path.write_bytes(bytes(100) + directory)


def write_header(path):
    """An array that says it is larger than all memory."""
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }\n"
    data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", data)


HOSTILE = {
    "bomb": (write_bomb, "unpacks to more than"),
    "pickle": (write_pickle, "Python objects"),
    "shape": (
        lambda path: np.savez(path, a=np.zeros(4, np.float32)),
        r"is float32 \(4,\), not floats \(3,\)",
    ),
    "integers": (lambda path: np.savez(path, a=np.zeros(3, np.int64)), "is int64"),
    "missing": (lambda path: np.savez(path, b=np.zeros(3)), "has no array 'a'"),
    "text": (lambda path: path.write_text("hello"), "is no archive"),
    "many": (write_many, "lists more arrays"),
    "header": (write_header, "is cut off"),
    "damaged": (
        lambda path: path.write_bytes(make_archive(path).replace(b"\x00\x00\x80?", b"\x00\x00\x80@")),
        "cannot be read",
    ),
    "link": (lambda path: path.symlink_to("/etc/passwd"), "is a link"),
    "none": (Path.exists, "cannot be read"),
}


def make_archive(path):
    """Bytes of an archive of three ones, as they are."""
    np.savez(path, a=np.ones(3, np.float32))
    return path.read_bytes()


@pytest.mark.parametrize("kind", HOSTILE)
def test_archives_of_others_are_refused_by_name(tmp_path, kind):
    write, words = HOSTILE[kind]
    write(tmp_path / "x.npz")
    with pytest.raises(InputError, match=words) as caught:
        read_array(Archive(tmp_path / "x.npz", tmp_path), "a", (3,))
    assert str(caught.value).startswith(str(tmp_path / "x.npz"))
    assert "\n" not in str(caught.value)


def test_an_archive_is_read_by_its_names(tmp_path):
    arrays = {"plain/a%2Fb": np.arange(6, dtype=np.float32).reshape(2, 3), "logits/plain": np.ones(2)}
    write_arrays(tmp_path / "x.npz", arrays)
    assert traces.name_plain("a/b") == "plain/a%2Fb"
    archive = Archive(tmp_path / "x.npz", tmp_path)
    for name, values in arrays.items():
        np.testing.assert_array_equal(read_array(archive, name, values.shape), values)


def test_an_archive_stays_open_until_another_examples_is_read(tmp_path, monkeypatch):
    for name in ("x", "y"):
        write_arrays(tmp_path / f"{name}.npz", {"pixels": np.full(3, ord(name))})
    opened = []

    def open_one(path, file):
        opened.append(path.stem)
        return open_archive(path, file)

    monkeypatch.setattr(traces, "open_archive", open_one)
    found = traces.Trace(tmp_path, {}, {}, {name: {"archive": f"{name}.npz"} for name in ("x", "y")})
    assert [found.read_pixels(name)[0] for name in "xxyyx"] == [ord(name) for name in "xxyyx"]
    assert opened == ["x", "y", "x"]


def test_a_trace_that_is_none_is_refused(job, tmp_path):
    trace(job, tmp_path)
    path = tmp_path / "out" / "trace.json"
    data = json.loads(path.read_text())
    first = data["examples"][0]
    for changes, words in (
        ({"schema": 9}, "schema 9; 1 is read"),
        ({"blobs": [{"name": "a"}]}, "has no 'shape'"),
        ({"examples": [{**first, "archive": "../../x.npz"}]}, "no name of a file beside it"),
        ({"examples": [{"example": "e1"}]}, "has no 'archive'"),
        ({"blobs": [{"name": "a", "shape": [1 << 40]}]}, "has more than 67108864 values"),
        ({"blobs": [{"name": "a", "shape": [2, 2.5, 3]}]}, "is not that of maps"),
        ({"blobs": [{"name": "a", "shape": [2, 0, 3]}]}, "is not that of maps"),
    ):
        path.write_text(json.dumps({**data, **changes}))
        with pytest.raises(InputError, match=words):
            read_trace(tmp_path / "out")
    path.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        read_trace(tmp_path / "out")


def test_statistics_of_torch_are_traced_too(job, tmp_path):
    pytest.importorskip("torch")
    job["backend"] = "pytorch"
    job["port"] = {"preset": "pytorch-port", "rules": {}}
    code, records, _, found = trace(job, tmp_path, ["e0", "e1"])
    assert (code, [one["same"]["steered"] for one in records]) == (0, [True, True])
    arrays = load_arrays(job, "e0")
    assert arrays["steered/pool3/weakened"].shape == (8,)
    assert found.index["port"]["arithmetic"] == "torch"
