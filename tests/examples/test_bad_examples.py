"""Bad files from end to end: each is named, the rest is run and compared, and what was refused is counted."""

import hashlib
import json

import numpy as np
import picture_files as files
import pytest
import small_model
from command_line import list_runs, make_harness, make_root

SIDE = small_model.SIZE
FIXTURES = (make_root, make_harness)
RUN = ("run", "--model", "small", "--environment", "a", "--environment", "b")
BAD = {
    "empty.png": (b"", "is empty"),
    "cmyk.jpg": (files.encode(mode="CMYK"), "is a CMYK image"),
    "turned.jpg": (files.add_exif(files.encode(), 6), "EXIF orientation 6"),
    "cut.jpg": (files.encode()[:-20], "is cut off"),
    "bomb.png": (files.write_png(60000, 60000), "60000x60000"),
    "wide.png": (files.plain_png(files.draw_face(SIDE, SIDE + 8)), "resize_when"),
}
GOOD = {
    "grey.jpg": files.encode(mode="L"),
    "alpha.png": files.encode("PNG", mode="RGBA"),
    "colour.png": files.plain_png(),
}


def put_files(folder):
    """Good and bad images and arrays, and an array of NaN."""
    folder.mkdir()
    for name, data in {**GOOD, **{name: data for name, (data, _) in BAD.items()}}.items():
        (folder / name).write_bytes(data)
    pixels = files.draw_face().transpose(2, 0, 1).astype(np.float32)
    np.save(folder / "array.npy", pixels)
    np.save(folder / "nan.npy", pixels * np.nan)
    return sorted(path.name for path in folder.iterdir())


def write_list(folder, names):
    """A list of examples, which the plan does not look into."""
    lines = []
    for name in names:
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        entry = {"id": name, "source": name, "attack": "benign", "gold": 1, "file": name, "sha256": digest}
        lines.append(json.dumps({**entry, "npy": "raw-rgb"} if name.endswith(".npy") else entry))
    (folder / "list.jsonl").write_text("\n".join(lines) + "\n")
    return folder / "list.jsonl"


def test_files_that_a_folder_holds_are_refused_before_the_run(harness, root):
    names = put_files(root / "faces")
    rows = "".join(f"{name},Bea\n" for name in (*names, "missing.png", "grey.jpg"))
    (root / "faces" / "faces.csv").write_text(f"file,gold\n{rows}grey.jpg,Nobody\n")
    code, out, err = harness(*RUN, "--examples", f"benign={root / 'faces'}", "--npy", "raw-rgb")
    refused = json.loads((list_runs(root)[0] / "run.json").read_text())["refused"]
    assert len(refused) == len(BAD) - 1 + 4
    for text in (out, err):
        assert f"refused files, which are no examples: {len(refused)}" in text
    for name, (_, words) in BAD.items():
        assert name == "wide.png" or any(words in one for one in refused)
    assert any("gold 'Nobody' is neither" in one for one in refused)
    assert code == 2, out
    assert (
        "1 of 5 examples could not be compared" in out
    )  # only the workers know what a port does to its size


def test_files_that_only_workers_see_are_refused_there_and_the_rest_is_compared(harness, root):
    names = put_files(root / "faces")
    code, out, _ = harness(*RUN, "--examples", write_list(root / "faces", names), "--json")
    summary = json.loads(out)
    assert (code, summary["exit_code"]) == (2, 2)
    assert [cell["status"] for cell in summary["cells"]] == ["done", "done"]
    assert [cell["rates"]["examples"] for cell in summary["cells"]] == [len(GOOD) + 1] * 2
    assert summary["compared"] == len(GOOD) + 1
    refused = {(one["example"], one["environment"]): one["reason"] for one in summary["incomparable"]}
    assert len(refused) == 2 * (len(BAD) + 1)
    for name, (_, words) in {**BAD, "nan.npy": (b"", "no finite numbers")}.items():
        assert refused[name, "a"] == refused[name, "b"]
        assert words in refused[name, "a"]
    for cell in "ab":
        lines = (list_runs(root)[0] / "cells" / cell / "records.jsonl").read_text().splitlines()
        records = {one["example"]: one for one in map(json.loads, lines)}
        assert list(records) == names
        assert set(records["empty.png"]) == {"example", "source", "attack", "gold", "refused"}
        assert records["array.npy"]["npy"] == "raw-rgb"
        assert "npy" not in records["grey.jpg"]


def test_one_environment_alone_says_too_what_it_refused(harness, root):
    names = put_files(root / "faces")
    arguments = ("run", "--model", "small", "--environment", "a")
    code, out, _ = harness(*arguments, "--examples", write_list(root / "faces", names))
    assert code == 2
    assert "empty.png in a: was refused: is empty" in out


def test_a_folder_of_nothing_but_bad_files_is_an_error(harness, root):
    folder = root / "faces"
    folder.mkdir()
    (folder / "Bea_1_1_2_3_4.png").write_bytes(b"")
    code, _, err = harness(*RUN, "--examples", folder)
    assert (code, err.count("\n")) == (2, 1)
    assert "1 files, none of them an example" in err
    assert "Bea_1_1_2_3_4.png: is empty" in err


def test_auto_finds_what_arrays_hold_and_every_record_says_it(harness, root):
    clean, attacked = root / "clean", root / "bim"
    clean.mkdir()
    attacked.mkdir()
    (clean / "Bea_1_1_2_3_4.png").write_bytes(files.plain_png())
    pixels = files.draw_face().transpose(2, 0, 1).astype(np.float32)
    np.save(attacked / "Bea_1_1_2_3_4.npy", pixels[::-1])
    np.save(attacked / "Bea_2_1_2_3_4.npy", pixels[::-1] / 2)
    arguments = (*RUN, "--examples", attacked, "--npy", "auto")
    code, _, err = harness(*arguments)
    assert code == 2
    assert "nothing tells what the 2 arrays of bim hold" in err
    code, out, _ = harness(*arguments, "--examples", f"benign={clean}")
    assert code == 0, out
    assert "npy auto: bim: 2 raw-bgr (1 by their sources; 1 as the rest)" in out
    folder = list_runs(root)[0]
    for line in (folder / "cells" / "a" / "records.jsonl").read_text().splitlines():
        record = json.loads(line)
        assert record.get("npy") == ("raw-bgr" if record["attack"] == "bim" else None)
    code, out, _ = harness(*RUN, "--examples", attacked, "--npy", "raw-rgb")
    assert code == 0, out
    assert "npy: port notebook does not make this network's input of raw-rgb arrays" in " ".join(out.split())
    assert "npy raw-rgb: bim: 2 raw-rgb (1 as named, not told from raw-bgr; 1 as named, not" in out


def test_a_convention_that_arrays_contradict_is_refused_by_file_and_the_rest_is_run(harness, root):
    clean, attacked = root / "clean", root / "bim"
    clean.mkdir()
    attacked.mkdir()
    (clean / "Bea_1_1_2_3_4.png").write_bytes(files.plain_png())
    pixels = files.draw_face().transpose(2, 0, 1).astype(np.float32)
    np.save(attacked / "Bea_1_1_2_3_4.npy", pixels[::-1])
    np.save(attacked / "Bea_2_1_2_3_4.npy", pixels / 255)
    np.save(attacked / "Bea_3_1_2_3_4.npy", pixels[:, ::-1].copy())
    code, out, _ = harness(*RUN, "--examples", attacked, "--examples", f"benign={clean}", "--npy", "raw-rgb")
    refused = json.loads((list_runs(root)[0] / "run.json").read_text())["refused"]
    assert code == 2, out
    assert [one.split(":")[0].rpartition("/")[2] for one in refused] == [
        "Bea_1_1_2_3_4.npy", "Bea_2_1_2_3_4.npy", "Bea_3_1_2_3_4.npy",
    ]  # fmt: skip
    assert "what fits is raw-bgr: name it" in refused[0]
    assert "are whole levels under unit-rgb or unit-bgr alone" in refused[1]
    assert "raw-rgb or raw-bgr fits, but" in refused[2]


@pytest.mark.usefixtures("root")
def test_a_list_and_the_command_line_may_not_contradict_each_other(harness, root):
    names = put_files(root / "faces")
    listing = write_list(root / "faces", names)
    code, _, err = harness(*RUN, "--examples", listing, "--npy", "raw-bgr")
    assert (code, err.count("\n")) == (2, 1)
    assert "its list says that it holds raw-rgb" in err
