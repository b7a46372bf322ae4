"""`harness explain`, end to end: real cells, run again in the environments that they ran in."""

import errno
import json
import re
import shutil

import pytest
import small_model
from command_line import ENVIRONMENT, list_runs, make_harness, make_root

from harness.explain import explain as explaining

FIXTURES = (make_root, make_harness)
RULES = """[rules]
ddof = 1
duplicates = "distinct"
[parameters]
alpha = 0.001
beta = 0.001
epsilon = 9
"""


@pytest.fixture(name="folder")
def make_run(harness, root):
    """A run of two environments that diverge: `other` has another alpha, beta and epsilon."""
    code, out, err = harness("matrix", "--model", "small", "--environment", "a", "--environment", "other")
    assert code == 1, out + err
    (folder,) = list_runs(root)
    return folder


def read_lines(folder):
    return [json.loads(line) for line in (folder / "causes.jsonl").read_text().splitlines()]


def test_every_divergence_is_explained_once_and_kept(harness, folder):
    code, out, err = harness("explain", "latest", "--json")
    assert code == 0, out + err
    causes, lines = json.loads(out), read_lines(folder)
    total = len(json.loads((folder / "summary.json").read_text())["divergences"])
    assert (causes["explained"], causes["proven"], len(lines)) == (total, total, total)
    assert {one["proof"]["in"] for one in lines} == {"other"}
    assert {named["factor"].partition(".")[0] for one in lines for named in one["causes"]} == {"parameters"}
    for line in lines:
        assert line["proof"]["tuple"] == line["tuples"][0]
    code, out, _ = harness("explain", "latest", "--json")
    assert (code, json.loads(out)["executions"], read_lines(folder)) == (0, 0, lines)


def test_groups_are_printed_with_a_sentence_and_a_command(harness, folder):
    code, out, _ = harness("explain", folder)
    assert code == 0
    assert re.search(r"^ +\d+ proven  .*epsilon, other against a$", out, re.MULTILINE)
    assert "has epsilon 9, a has alpha 100" in out
    command = re.search(r"explain\s+\S+\s+--example\s+(\S+)", out.replace("\\\n", " "))
    (folder / "causes.jsonl").unlink()
    code, out, err = harness("explain", folder, "--example", command.group(1))
    assert code == 0, out + err
    assert len(read_lines(folder)) == 1


def test_nothing_of_the_store_is_needed(harness, folder, root):
    shutil.rmtree(root / "home" / "store")
    shutil.rmtree(root / "home" / "models")
    code, out, err = harness("explain", folder)
    assert code == 0, out + err


def find_agreeing(folder):
    summary = json.loads((folder / "summary.json").read_text())
    return summary["agreeing"]["examples"][0]


def test_two_cells_can_be_named(harness, root):
    harness("matrix", "--model", "small", *(f"--environment={name}" for name in ("a", "b", "other")))
    (folder,) = list_runs(root)
    code, _, _ = harness("explain", folder, "--cells", "other", "b")
    assert code == 0
    assert {tuple(one["cells"]) for one in read_lines(folder)} == {("b", "other")}
    code, _, err = harness("explain", folder, "--cells", "a", "b")
    assert (code, "agree on all 6 examples" in err) == (2, True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--example", "nobody"], "--example nobody: names none of the run's 6 examples"),
        (["--cells", "a", "nowhere"], "nowhere: is none of the cells; there are a, other"),
        (["--cells", "a", "a"], "--cells: a is both; name two cells"),
    ],
)
def test_what_is_not_there_is_refused(harness, folder, options, words):
    code, _, err = harness("explain", folder, *options)
    assert (code, words in err, "Traceback" in err) == (2, True, False)


def test_an_example_on_which_all_agree_is_refused(harness, root):
    (root / "environments" / "other.toml").write_text(ENVIRONMENT + "[parameters]\nalpha = 90\n")
    harness("matrix", "--model", "small", "--environment", "a", "--environment", "other")
    (folder,) = list_runs(root)
    code, _, err = harness("explain", folder, "--example", find_agreeing(folder))
    assert (code, "all cells agree on it; there is nothing to explain" in err) == (2, True)


def forget_environment(root):
    (root / "environments" / "other.toml").unlink()


def change_environment(root):
    path = root / "environments" / "other.toml"
    path.write_text(path.read_text().replace("float64", "float32"))


def change_packages(root):
    path = root / "environments" / "other.toml"
    path.write_text(path.read_text().replace("numpy==1", "numpy==2"))


def change_variables(root):
    path = root / "environments" / "other.toml"
    path.write_text(f'{path.read_text()}[variables]\nANY = "1"\n')


def change_model(root):
    shutil.rmtree(root / "small")
    small_model.write_model(root / "small", 6, seed=4)


def change_examples(root):
    path = root / "small" / "examples" / "examples.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            forget_environment,
            "other: there is no environments/other.toml here; copy it from where the run was",
        ),
        (
            change_environment,
            "environments/other.toml has settings.precision = 'float32', the run had 'float64'",
        ),
        (
            change_packages,
            "other: environments/other.toml gives package numpy = '2', the run had '1'; put it back, or run",
        ),
        (
            change_variables,
            "other.toml gives variable ANY = '1', the run had none; put it back, or run again",
        ),
        (change_model, "is of another model than small is now; run it again"),
        (change_examples, "is of another list than"),
    ],
)
def test_a_run_that_cannot_be_made_again_here_is_refused(harness, folder, root, change, words):
    harness("explain", folder, "--example", "benign-0000")
    known = read_lines(folder)
    change(root)
    for verb in (["explain", folder], ["trace", folder, "--example", "benign-0000", "--cell", "other"]):
        code, _, err = harness(*verb)
        assert (code, words in err.splitlines()[-1], "Traceback" in err) == (2, True, False), err
    assert read_lines(folder) == known != []


def test_a_run_of_one_cell_is_refused(harness, root):
    harness("run", "--model", "small", "--environment", "a")
    (folder,) = list_runs(root)
    code, _, err = harness("explain", folder)
    assert (code, "has 1 cell that is done; two can diverge" in err) == (2, True)


def test_cells_that_nobody_can_run_again_are_refused(harness, folder):
    path = folder / "cells" / "other" / "cell.json"
    cell = json.loads(path.read_text())
    del cell["job"]["settings"]
    path.write_text(json.dumps(cell))
    for name in ("checksums.json", "batches.jsonl"):
        (path.parent / name).unlink(missing_ok=True)
    code, _, err = harness("explain", folder)
    assert (code, "only a cell that ran can be run again" in err) == (2, True), err


@pytest.mark.parametrize("name", ["causes.jsonl", "ladders.jsonl"])
@pytest.mark.parametrize("line", ["[]\n", "no JSON\n", '{"schema": 1, "exam\n', "\0\xff\n"])
def test_a_damaged_file_of_explanations_is_refused_before_anything_is_run(harness, folder, name, line):
    (folder / name).write_bytes(line.encode("latin-1"))
    code, _, err = harness("explain", folder)
    assert (code, f"{name}:1" in err, "move the file away" in err) == (2, True, True), err
    assert len(err.strip().splitlines()) == 1
    assert (folder / name).read_bytes() == line.encode("latin-1")


def test_a_run_is_explained_where_it_was_copied_to_and_needs_its_model(harness, folder, root, tmp_path):
    copied = tmp_path / "elsewhere" / folder.name
    shutil.copytree(folder, copied)
    shutil.rmtree(folder)
    (root / "small").rename(root / "away")
    for verb in (["explain"], ["trace", "--example", "benign-0000"], ["fragile", "--shake"]):
        code, _, err = harness(*verb, copied)
        assert (code, "model small: no such model" in err, len(err.strip().splitlines())) == (2, True, 1), err
    (root / "away").rename(root / "small")
    code, out, err = harness("explain", copied, "--example", "benign-0000")
    assert code == 0, out + err
    assert len(read_lines(copied)) == 1


def test_a_full_disk_keeps_what_is_explained(harness, folder, monkeypatch):
    harness("explain", folder)
    whole = read_lines(folder)
    text = "".join((folder / "causes.jsonl").read_text().splitlines(keepends=True)[:2])
    (folder / "causes.jsonl").write_text(text)
    monkeypatch.setattr(explaining, "write_line", write_to_full_disk)
    code, _, err = harness("explain", folder)
    assert (code, "causes.jsonl" in err, "No space left" in err) == (2, True, True)
    assert (folder / "causes.jsonl").read_text() == text
    monkeypatch.undo()
    assert len(whole) > 2


def write_to_full_disk(_one):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_an_interrupted_explanation_goes_on(harness, folder, monkeypatch):
    def stop(path, one):
        append(path, one)
        raise KeyboardInterrupt

    append = explaining.append_line
    with monkeypatch.context() as patched:
        patched.setattr(explaining, "append_line", stop)
        code, _, err = harness("explain", folder)
    assert (code, "what was explained is kept" in err) == (130, True)
    (first,) = read_lines(folder)
    code, _, _ = harness("explain", folder)
    assert code == 0
    lines = read_lines(folder)
    assert {**lines[0], "stage": None} == first  # stages are measured at the end
    assert len({one["example"] for one in lines}) == len(lines) > 1


def test_rules_and_parameters_are_told_apart(harness, root):
    """Whatever the smallest set is, undoing it in a run of its own gives the other tuple."""
    (root / "environments" / "other.toml").write_text(ENVIRONMENT + RULES)
    harness("matrix", "--model", "small", "--environment", "a", "--environment", "other")
    (folder,) = list_runs(root)
    code, out, err = harness("explain", folder)
    assert code == 0, out + err
    line = read_lines(folder)[0]
    undone = {named["factor"].partition(".")[2]: named["a"] for named in line["causes"]}
    options = [f"--{name}={undone.get(name, value)}" for name, value in DECLARED.items()]
    rules = [f"--rule={rule}={undone.get(rule, value)}" for rule, value in RULED.items()]
    harness("run", "--model", "small", "--environment", "other", *options, *rules)
    again = [
        json.loads(one)
        for one in (list_runs(root)[-1] / "cells" / "other" / "records.jsonl").read_text().splitlines()
    ]
    (record,) = [one for one in again if one["example"] == line["example"]]
    assert [record["gold"], record["original"], record["attribute"]] == line["tuples"][0]


DECLARED = {"alpha": 0.001, "beta": 0.001, "epsilon": 9}
RULED = {"ddof": 1, "duplicates": "distinct"}
