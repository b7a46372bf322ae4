"""`harness import-log`: a cell that says what the log says, and that `harness diff` compares."""

import json
from pathlib import Path

import pytest
from logs import print_line, print_log
from shapes import list_unknown
from typer.testing import CliRunner

from harness.cli import app
from harness.core.errors import InputError
from harness.records.cell import CellFile
from harness.records.record import Record

LOGS = Path(__file__).parents[3] / "shared" / "ami" / "logs"
TUPLES = [(1, 2, 3), (1, 2, 2), (4, 4, 4)]

needs_logs = pytest.mark.skipif(not LOGS.is_dir(), reason="the published logs are not there")


@pytest.fixture(name="place")
def make_place(tmp_path, monkeypatch):
    """A project with environments, since `harness diff` reads their register."""
    folder = tmp_path / "environments"
    folder.mkdir()
    (folder / "matrix.toml").write_text('reference = "r"\ndefault = "d"\n[groups]\nd = "all"\n')
    (folder / "r.toml").write_text(
        'description = "r"\nbackend = "reference"\ngroups = ["d"]\npackages = ["numpy==1"]\n'
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def import_log(log, *more, environment="windows", output="out"):
    return call("import-log", log, "--environment", environment, "--output", output, *more)


def import_text(place, text, *more, name="x.log", **others):
    (place / name).write_text(text)
    return import_log(name, *more, **others)


def refusal(result):
    assert isinstance(result.exception, InputError), result.output
    return str(result.exception)


def records(folder):
    return [json.loads(line) for line in (folder / "records.jsonl").read_text().splitlines()]


def test_a_cell_holds_what_the_log_says_and_nothing_else(place):
    result = import_text(place, print_log(TUPLES), "--attack", "fgsm")
    assert result.exit_code == 0
    cell = json.loads((place / "out" / "cell.json").read_text())
    assert (cell["schema"], cell["status"], cell["error"]) == (1, "done", None)
    assert cell["job"] == {"cell": "unknown/windows", "environment": "windows", "parameters": {}}
    assert not {"fingerprint", "hashes", "timings"} & set(cell)
    assert list_unknown(cell, CellFile) == []
    assert [list_unknown(one, Record) for one in records(place / "out")] == [[], [], []]
    assert records(place / "out")[0] == {
        "example": "fgsm/line-1", "source": None, "attack": "fgsm", "gold": 1, "original": 2, "attribute": 3,
        "case": "X-Y-Z", "detected": True,
    }  # fmt: skip
    assert (place / "out" / "log.txt").read_text() == print_log(TUPLES)


def test_what_is_said_of_a_log_is_kept(place):
    more = ["--model", "vgg", "--port", "pytorch-port", "--alpha", "15", "--epsilon", "1.15"]
    assert import_text(place, print_log(TUPLES), *more).exit_code == 0
    job = json.loads((place / "out" / "cell.json").read_text())["job"]
    assert job == {
        "cell": "vgg/windows", "environment": "windows", "parameters": {"alpha": 15.0, "epsilon": 1.15},
        "port": {"preset": "pytorch-port", "rules": {}},
    }  # fmt: skip


def test_a_list_of_images_names_the_examples_as_folders_of_examples_do(place):
    (place / "images.txt").write_text("A_B_1_0.5_1.5_2_3.jpg\nfolder/C_2_0_1_2_3.npy\nD_3_0_1_2_3.25\n\n")
    import_text(place, print_log(TUPLES), "--attack", "bim", "--images", "images.txt")
    found = [(one["example"], one["source"]) for one in records(place / "out")]
    names = ["A_B_1_0.5_1.5_2_3", "C_2_0_1_2_3", "D_3_0_1_2_3.25"]
    assert found == [(f"bim/{name}", name) for name in names]


def test_labels_find_the_images_that_were_not_printed(place):
    names = [f"P{number}_0_1_2_3_4" for number in range(5)]
    (place / "images.txt").write_text("\n".join(names))
    (place / "labels.txt").write_text("".join(f"P{number}\n" for number in range(5)))
    text = print_log([(1, 2, 3), (2, 2, 2), (4, 1, 4)])
    result = import_text(place, text, "--images", "images.txt", "--labels", "labels.txt")
    assert "named by images.txt, of which 2 were not printed" in result.output


def test_an_attack_that_is_not_said_is_unknown_and_in_no_rate(place):
    result = import_text(place, print_log(TUPLES))
    assert "attack: not said" in result.output
    assert {one["attack"] for one in records(place / "out")} == {"unknown"}
    summary = json.loads(call("diff", "out", "--json").output)
    rates = summary["cells"][0]["rates"]
    assert rates["cases"] == {"X-X-X": 1, "X-X-Y": 0, "X-Y-X": 0, "X-Y-Y": 1, "X-Y-Z": 1}
    assert [rates[name]["of"] for name in ("detection", "alarms_all", "evasion")] == [0, 0, 0]


def test_the_check_of_the_running_rate_is_told(place):
    text = print_log(TUPLES[:2]) + print_line(3, 4, 4, 5, 1, 3) + "\nnb: done\n"
    result = import_text(place, text)
    assert "holds in 2 of 3 results by the rule 'all'" in result.output
    assert "x.log:3: printed 0.3333 [1/3], expected [2/3] by 'all' or [1/2] by 'fooled'" in result.output
    assert "lines that are no results: 1\nx.log:4: nb: done" in result.output
    told = json.loads(import_text(place, text, "--json", output="other").output)
    assert told["other_lines"] == [{"line": 4, "text": "nb: done"}]
    assert told["running_rate"]["oddities"][0]["expected"] == {"all": [2, 3], "fooled": [1, 2]}
    assert told == json.loads((place / "other" / "cell.json").read_text())["imported"]


def test_long_lists_end_with_how_many_more(place):
    text = "".join(print_line(number, 1, 2, 3, 0, 7) + "\nother\n" for number in range(1, 31))
    output = import_text(place, text).output
    assert "and 10 more lines by no rule" in output
    assert "and 10 more, in cell.json" in output


def test_results_of_one_kind_alone_are_pointed_out(place):
    assert "all have Original other than Gold" in import_text(place, print_log(TUPLES[:2])).output
    assert "all have" not in import_text(place, print_log(TUPLES), output="other").output


@pytest.mark.parametrize(
    ("tuples", "attack", "known", "left_out"),
    [
        ([(1, 1, 2), (4, 4, 4)], "benign", "alarms", ["accuracy", "alarms_all", "attribute_accuracy"]),
        ([(1, 2, 3), (4, 2, 2)], "fgsm", "detection", ["evasion"]),
    ],
)
def test_rates_that_a_selection_decides_are_left_out(place, tuples, attack, known, left_out):
    import_text(place, print_log(tuples), "--attack", attack, output="a")
    import_text(place, print_log([*tuples[:1], (4, 2, 4)]), "--attack", attack, environment="b", output="b")
    first, other = (cell["rates"] for cell in json.loads(call("diff", "a", "b", "--json").output)["cells"])
    assert (first[known]["hits"], first[known]["of"]) == (1, 2)
    assert {name: (first[name]["of"], first[name]["rate"]) for name in left_out} == dict.fromkeys(
        left_out, (0, None)
    )
    whole = attack == "benign"  # of the other log one result alone has Original = Gold
    assert {other[name]["of"] for name in left_out} == ({2} if whole else {0})


def test_two_logs_are_compared_by_position_and_the_header_says_so(place):
    import_text(place, print_log(TUPLES), environment="one", output="a")
    import_text(place, print_log([(1, 2, 3), (1, 2, 1), (5, 4, 4)]), environment="other", output="b")
    summary = json.loads(call("diff", "a", "b", "--json").output)
    assert summary["exit_code"] == 1
    assert [one["example"] for one in summary["divergences"]] == ["unknown/line-2", "unknown/line-3"]
    assert "one is from the log x.log, its examples numbered as they were printed" in summary["notes"]
    assert any(note.startswith("Gold differs in 1 example") for note in summary["notes"])


def test_numbered_and_named_examples_do_not_join(place):
    (place / "images.txt").write_text("a\nb\nc\n")
    import_text(place, print_log(TUPLES), output="a")
    import_text(place, print_log(TUPLES), "--images", "images.txt", environment="other", output="b")
    summary = json.loads(call("diff", "a", "b", "--json").output)
    assert (summary["exit_code"], summary["compared"], len(summary["incomparable"])) == (2, 0, 12 // 2)


def test_an_import_is_compared_with_records_that_have_hashes(place):
    (place / "images.txt").write_text("a\nb\nc\n")
    import_text(place, print_log(TUPLES), "--images", "images.txt", "--attack", "fgsm")
    run = place / "run"
    run.mkdir()
    cell = {"schema": 1, "status": "done", "job": {"environment": "here", "backend": "reference"}}
    (run / "cell.json").write_text(json.dumps(cell))
    lines = [
        json.dumps({**one, "hashes": {"file": "f" * 64}, "margin_original": 1.0})
        for one in records(place / "out")
    ]
    (run / "records.jsonl").write_text("\n".join(lines) + "\n")
    result = call("diff", "run", "out")
    assert result.exit_code == 0, result.output
    assert "all 3 examples hold one tuple each" in result.output


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("a\nb\n", "images.txt: names 2 images, x.log holds 3 results"),
        ("a\nb\nc\nd\n", "images.txt: names 4 images"),
        ("a\nb\nx/a.npy\n", "images.txt:3: a is there already, in line 1"),
        ("a\n\nb\n", "images.txt:2: names no image"),
        ("", "images.txt: names 0 images"),
        (b"\xff\xd8\xff\xe0", "images.txt:1: is not UTF-8"),
        (None, "images.txt: cannot be read"),
    ],
)
def test_a_list_that_does_not_fit_is_refused(place, images, message):
    if images is not None:
        data = images if isinstance(images, bytes) else images.encode()
        (place / "images.txt").write_bytes(data)
    assert message in refusal(import_text(place, print_log(TUPLES), "--images", "images.txt"))
    assert not (place / "out").exists()


def test_an_output_that_exists_is_left_alone(place):
    (place / "out").mkdir()
    assert "out: is there already" in refusal(import_text(place, print_log(TUPLES)))
    assert list((place / "out").iterdir()) == []
    (place / "file").write_text("mine")
    assert "file: is there already" in refusal(import_text(place, print_log(TUPLES), output="file"))
    assert "cannot be written" in refusal(import_text(place, print_log(TUPLES), output="file/out"))


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--attack", "a/b", "--attack 'a/b': is no name"),
        ("--attack", "", "--attack '': is no name"),
        ("--labels", "x.txt", "--labels x.txt: is for names of images; give --images, too"),
        ("--model", "<b>", "is no name"),
        ("--port", "mine", "port 'mine': unknown"),
        ("--alpha", "nan", "alpha = nan"),
        ("--beta", "0", "beta = 0.0"),
        ("--epsilon", "inf", "epsilon = inf"),
    ],
)
def test_what_cannot_be_is_refused(place, option, value, message):
    assert message in refusal(import_text(place, print_log(TUPLES), option, value))
    assert not (place / "out").exists()


def test_an_environment_is_not_called_like_a_variant_of_another(place):
    result = import_text(place, print_log(TUPLES), environment="a+b")
    assert "--environment 'a+b': holds +, which names variants" in refusal(result)


def test_a_cell_that_cannot_be_written_leaves_nothing(place, monkeypatch):
    def fill_disk(*_paths):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", fill_disk)
    assert "out: cannot be written (No space left" in refusal(import_text(place, print_log(TUPLES)))
    assert sorted(path.name for path in place.iterdir()) == ["environments", "x.log"]


def test_a_damaged_log_leaves_nothing(place):
    assert "x.log:3: is cut off" in refusal(import_text(place, print_log(TUPLES)[:-5]))
    assert sorted(path.name for path in place.iterdir()) == ["environments", "x.log"]


@needs_logs
@pytest.mark.usefixtures("place")
def test_the_two_published_benign_logs_differ_in_29_attributes():
    for name, number in (("097dc6d", "60"), ("4d80912", "15")):
        log = LOGS / f"port_{name}_benign.log"
        result = import_log(log, "--attack", "benign", "--beta", number, environment=name, output=name)
        assert "holds in all 322 results by the rule 'all'" in result.output
    summary = json.loads(call("diff", "097dc6d", "4d80912", "--json").output)
    assert (summary["exit_code"], summary["compared"]) == (1, 322)
    assert len(summary["divergences"]) == 29
    for one in summary["divergences"]:
        assert [left == right for left, right in zip(*one["tuples"].values())] == [True, True, False]
    rates = [cell["rates"]["alarms"] for cell in summary["cells"]]
    assert [(one["hits"], one["of"]) for one in rates] == [(16, 322), (33, 322)]
    (pair,) = summary["agreement"]["pairs"]
    assert (pair["agreement"]["hits"], pair["only_first"], pair["only_second"]) == (293, 3, 20)


@pytest.mark.parametrize("name", ["Zo\u00e9", "Zoe\u0301"])
def test_names_are_stored_in_one_unicode_form(tmp_path, name):
    (tmp_path / "a.log").write_text(print_log([(1, 2, 3)]))
    (tmp_path / "names.txt").write_text(f"\ufeff{name}_1.png\r\n\r\n", encoding="utf-8")
    options = ("--environment", name, "--attack", name, "--images", tmp_path / "names.txt")
    result = call("import-log", tmp_path / "a.log", *options, "--output", tmp_path / "out")
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "out/records.jsonl").read_text())
    assert (record["example"], record["attack"]) == ("Zo\u00e9/Zo\u00e9_1", "Zo\u00e9")
    assert json.loads((tmp_path / "out/cell.json").read_text())["job"]["environment"] == "Zo\u00e9"
