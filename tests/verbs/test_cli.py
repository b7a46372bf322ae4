"""The command line, end to end, with virtual environments that are this interpreter in disguise."""

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import small_model
from command_line import COUNT, ENVIRONMENT, list_runs, make_harness, make_root

import harness
from harness.cli import main
from harness.core.arrays import NPY_CONVENTIONS

FIXTURES = (make_root, make_harness)
ROOT = Path(__file__).parents[2]
CELL_FILES = ("cell.json", "records.jsonl", "log.txt", "checksums.json")


@pytest.mark.usefixtures("root")
def test_a_matrix_runs_then_reuses_and_is_the_same(harness):
    code, out, err = harness("matrix", "--model", "small")
    assert code == 0, out + err
    assert "SAME: all 6 examples" in out
    assert "reused" not in out
    assert "a: running" in err
    code, out, _ = harness("matrix", "--model", "small")
    assert code == 0
    assert "reused 2 of 2 cells" in out


def test_no_run_takes_the_name_of_another(harness, root, monkeypatch):
    class Noon(dt.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 1, 2, 12, tzinfo=tz)

    suffixes = iter(["aaaa", "aaaa", "bbbb"])
    monkeypatch.setattr("harness.verbs.composition.dt", SimpleNamespace(datetime=Noon, UTC=dt.UTC))
    monkeypatch.setattr(
        "harness.verbs.composition.secrets", SimpleNamespace(token_hex=lambda _: next(suffixes))
    )
    for _ in range(2):
        harness("matrix", "--model", "small")
    names = sorted(path.name for path in (root / "reports").iterdir())
    assert names == ["20260102T120000Z-aaaa", "20260102T120000Z-bbbb"]


def test_a_run_folder_holds_everything(harness, root):
    harness("matrix", "--model", "small")
    (folder,) = list_runs(root)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    cells = {f"cells/{name}/{file}" for name in "ab" for file in CELL_FILES}
    reports = {"summary.json", "report.txt", "report.md", "report.html", "junit.xml"}
    assert found == {"run.json", "labels.txt"} | reports | cells
    assert len((folder / "cells/a/records.jsonl").read_text().splitlines()) == COUNT
    run = json.loads((folder / "run.json").read_text())
    assert [cell["status"] for cell in run["cells"]] == ["done", "done"]
    assert folder.name in (folder / "report.txt").read_text()


@pytest.mark.usefixtures("root")
def test_other_parameters_diverge_and_the_exit_code_says_so(harness):
    code, out, _ = harness("matrix", "--model", "small", "--environment", "a", "--environment", "oth*")
    assert code == 1, out
    assert "DIVERGED" in out
    assert "note: other has alpha 0.001, beta 0.001, epsilon 9, a alpha 100" in out


@pytest.mark.usefixtures("root")
def test_rules_of_the_command_line_are_run_and_told(harness):
    options = ("--model", "small", "--environment", "a", "--environment", "b")
    code, out, _ = harness("matrix", *options, "--rule", "fed_on=false", "--json")
    told = json.loads(out)
    assert code == 0
    assert {cell["port"] for cell in told["cells"]} == {"notebook (fed_on false)"}
    assert {case for cell in told["cells"] for case, n in cell["rates"]["cases"].items() if n} <= {
        "X-X-X",
        "X-Y-Y",
    }


@pytest.mark.usefixtures("root")
def test_json_is_the_summary_and_nothing_else(harness):
    code, out, _ = harness("matrix", "--model", "small", "--json")
    assert code == 0
    assert json.loads(out)["compared"] == COUNT


def test_a_past_run_is_printed_again_and_compared(harness, root):
    harness("matrix", "--model", "small")
    (folder,) = list_runs(root)
    code, out, _ = harness("report", folder.name)
    assert code == 0
    assert "SAME" in out
    code, out, _ = harness("diff", folder)
    assert code == 0
    records = folder / "cells" / "b" / "records.jsonl"
    (records.parent / "checksums.json").unlink()
    first, *rest = records.read_text().splitlines()
    changed = json.loads(first)
    changed["attribute"] += 1
    records.write_text("\n".join([json.dumps(changed), *rest]) + "\n")
    code, out, _ = harness("diff", folder)
    assert code == 1
    assert changed["example"] in out
    records.write_text("\n".join(rest) + "\n")
    code, out, _ = harness("diff", folder)
    assert code == 2
    assert "b: has no record" in out


def test_two_runs_are_compared_under_names_of_their_own(harness, root):
    harness("matrix", "--model", "small")
    harness("matrix", "--model", "small", "--fresh")
    code, out, _ = harness("diff", *list_runs(root), "--json")
    assert code == 0
    assert len({cell["environment"] for cell in json.loads(out)["cells"]}) == 4
    code, _, err = harness("diff", list_runs(root)[0], list_runs(root)[0])
    assert code == 2
    assert "given twice" in err


def test_a_comparison_of_two_cells_is_written_where_it_is_wanted(harness, root):
    harness("matrix", "--model", "small")
    (folder,) = list_runs(root)
    code, out, _ = harness("diff", folder, "--pair", "b", "a", "--output", root / "made" / "here")
    assert code == 0
    assert "run folder: made/here" in out
    assert json.loads((root / "made" / "here" / "summary.json").read_text())["baseline"] == "b"
    code, out, _ = harness("diff", folder, "--environment", "a", "--environment", "b", "--against", "b")
    assert code == 0
    assert "run folder" not in out
    code, _, err = harness("diff", folder, "--environment", "z")
    assert (code, err) == (2, "harness: --environment z: names none of a, b\n")


def test_a_changed_record_in_a_run_is_bad_input(harness, root):
    harness("matrix", "--model", "small")
    (folder,) = list_runs(root)
    records = folder / "cells" / "b" / "records.jsonl"
    records.write_text(records.read_text() + "\n")
    code, out, err = harness("diff", folder)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "records.jsonl was changed after it was written" in err


def test_own_files_run_in_one_environment(harness, root):
    folder = root / "faces" / "benign"
    folder.mkdir(parents=True)
    image = next((root / "small" / "examples" / "images").iterdir())
    for name in ("Ana_Ax_1_1_2_3_4.png", "Bea_1_1_2_3_4.png", "Nobody_1_1_2_3_4.png"):
        (folder / name).write_bytes(image.read_bytes())
    code, out, err = harness("run", "--model", "small", "--environment", "a", "--examples", root / "faces")
    assert code == 2, out + err
    assert "1 file refused; 2 examples in one environment" in out
    assert "Nobody is not in the labels" in err
    assert "refused files, which are no examples: 1" in out


def test_a_port_with_another_port_s_witnesses_says_so(harness, root):
    options = ["run", "--model", "small", "--environment", "a", "--port", "pytorch-port"]
    code, out, err = harness(*options, "--witnesses", root / "small" / "witnesses")
    assert code == 0, err
    told = "port pytorch-port runs with the witness set of port notebook"
    assert told in err
    assert f"note: {told}" in out
    (run,) = list_runs(root)
    for name in ("report.txt", "report.md", "report.html", "summary.json"):
        assert told in (run / name).read_text().replace("\n", " ")
    code, out, err = harness(*options)
    assert told not in out + err


def test_files_of_ones_own_replace_the_models(harness, root):
    other = small_model.write_model(root / "elsewhere", 4, seed=3)
    (root / "small" / "net.caffemodel").unlink()
    run = ["run", "--model", "small", "--environment", "a"]
    code, _, err = harness(*run)
    assert (code, err.count("\n")) == (2, 1)
    assert "--caffemodel" in err
    paths = ["--caffemodel", other / "net.caffemodel", "--prototxt", other / "deploy.prototxt"]
    more = ["--labels", other / "labels.txt", "--witnesses", other / "witnesses"]
    code, out, err = harness(*run, *paths, *more, "--examples", other / "examples" / "examples.jsonl")
    assert code == 0, err
    assert "4 examples" in out


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["matrix", "--model", "none"], "no such model"),
        (["matrix", "--model", "small", "--environment", "zz*"], "names none of a, b, other"),
        (["matrix", "--model", "small", "--group", "zz"], "group 'zz': unknown"),
        (["matrix", "--model", "small", "--group", "more"], "holds no environment"),
        (["matrix", "--model", "small", "--port", "zz"], "port 'zz': unknown; there are notebook"),
        (["matrix", "--model", "small", "--rule", "ddof"], "--rule ddof: is not NAME=VALUE"),
        (
            ["matrix", "--model", "small", "--rule", "dof=1"],
            "there is no rule 'dof'; there are channel_order",
        ),
        (["matrix", "--model", "small", "--rule", "order=listing"], "environment a: port notebook: order"),
        (["matrix", "--model", "small", "--alpha", "0"], "alpha = 0.0: must be a positive number"),
        (["matrix", "--model", "small", "--npy", "zz"], "there are raw-rgb"),
        (["matrix", "--model", "small", "--examples", "zz"], "zz: is no folder"),
        (["diff", "zz"], "zz: is no run"),
        (["report", "zz"], "zz: is no run"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(harness, arguments, words):
    code, out, err = harness(*arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("harness: ")
    assert err.count("\n") == 1
    assert words in err


def test_an_example_that_was_changed_is_bad_input_even_with_results_in_the_store(harness, root):
    harness("matrix", "--model", "small")
    image = next((root / "small" / "examples" / "images").iterdir())
    image.write_bytes(image.read_bytes() + b"x")
    code, _, err = harness("matrix", "--model", "small")
    assert code == 2
    assert str(image.relative_to(root)) in err


def test_a_cell_that_fails_is_shown_with_its_log_and_exit_code_2(harness, root):
    text = (root / "environments" / "b.toml").read_text()
    (root / "environments" / "b.toml").write_text(text + "graph_optimisation = false\n")
    code, out, _ = harness("matrix", "--model", "small")
    assert code == 2
    assert "b failed: " in out
    assert "COULD NOT RUN" in out


BOX = """description = "for tests"
launcher = "docker"
image = "caffe-openblas"
backend = "caffe"
groups = ["default", "more"]
"""


@pytest.fixture(name="box")
def make_box(root, monkeypatch):
    (root / "environments" / "box.toml").write_text(BOX)
    shutil.copytree(ROOT / "dockerfiles", root / "dockerfiles")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{root}/nobody.sock")
    return root


@pytest.mark.usefixtures("box")
def test_without_an_engine_the_local_cells_run_and_the_others_are_unavailable(harness):
    code, out, err = harness("matrix", "--model", "small")
    assert code == 0, out + err
    assert "box unavailable: no Docker engine answers at unix://" in " ".join(out.split())
    assert "unavailable: box" in out
    assert "compared" not in out
    code, out, _ = harness("matrix", "--model", "small", "--json")
    cells = {cell["environment"]: cell for cell in json.loads(out)["cells"]}
    assert (cells["box"]["status"], cells["box"]["rates"]) == ("unavailable", None)
    assert "nobody.sock" in cells["box"]["reason"]


@pytest.mark.usefixtures("box")
@pytest.mark.parametrize(
    "asked", [["--group", "more"], ["--group", "more", "--group", "default"], ["--environment", "*"]]
)
def test_containers_that_were_asked_for_have_to_run(harness, asked):
    code, out, _ = harness("matrix", "--model", "small", *asked)
    assert code == 2
    assert "none of the containers that were asked for could run" in " ".join(out.split())


@pytest.mark.usefixtures("box")
def test_an_environment_that_is_named_has_to_run(harness, root):
    chosen = ["--environment", "a", "--environment", "b", "--environment", "box"]
    code, out, _ = harness("matrix", "--model", "small", *chosen)
    assert code == 2
    assert "box asked for by name, but unavailable: no Docker engine answers" in " ".join(out.split())
    (folder,) = list_runs(root)
    assert "box asked for by name, but unavailable" in (folder / "report.md").read_text()
    assert '<error type="unavailable"' in (folder / "junit.xml").read_text()
    assert harness("run", "--model", "small", *chosen)[0] == 2
    (root / "environments" / "old.toml").write_text(f'python = "3.99"\n{ENVIRONMENT}')
    code, out, _ = harness("run", "--model", "small", "--environment", "a", "--environment", "old")
    assert code == 2
    assert "old asked for by name, but unavailable: no python3.99 on PATH runs" in " ".join(out.split())
    chosen[-1] = "ol*"
    assert harness("run", "--model", "small", *chosen)[0] == 0
    assert harness("run", "--model", "small", "--environment", "ol*")[0] == 2


def test_an_image_that_does_not_exist_is_named(harness, box):
    (box / "environments" / "box.toml").write_text(BOX.replace("openblas", "mkl"))
    code, _, err = harness("matrix", "--model", "small")
    assert code == 2
    assert "box.toml: image = 'caffe-mkl'" in err


@pytest.mark.usefixtures("root")
def test_the_environments_are_listed(harness):
    code, out, _ = harness("environments")
    assert code == 0
    assert "for tests" in out
    code, out, _ = harness("environments", "--json")
    assert [one["name"] for one in json.loads(out)] == ["a", "b", "other"]


RULES = """
[[include]]
environment = "other"
model = "small"
reason = "it shows other parameters"
[[exclude]]
environment = "b"
reason = "it is known to be the same"
[[expected]]
example = "*"
environment = "other"
reason = "other parameters"
owner = "me"
until = 2999-01-01
"""


def test_what_the_register_says_is_in_the_notes_and_in_the_list(harness, root):
    with (root / "environments" / "matrix.toml").open("a") as file:
        file.write(RULES)
    code, out, err = harness("matrix", "--model", "small")
    assert code == 0, out + err
    text = " ".join(out.split())
    assert text.startswith("EXPECTED: ")
    assert "note: b is left out of group default for model small: it is known to be the same" in text
    assert "note: other is added to group default for model small: it shows other parameters" in text
    assert "expected divergence of * in other (me) pins nothing" in text
    assert "b is left out of group default" in err
    _, out, _ = harness("environments")
    text = " ".join(out.split())
    assert "included other in group default, model small: it shows other parameters" in text
    assert "excluded b from every group, model *: it is known to be the same" in text
    assert "expected divergence of * in other, model *, until 2999-01-01 (me): other parameters" in text
    _, out, _ = harness("environments", "--json")
    assert [[rule["reason"] for rule in one["excluded"]] for one in json.loads(out)] == [
        [], ["it is known to be the same"], [],
    ]  # fmt: skip


@pytest.mark.parametrize("verb", ["matrix", "run", "diff", "report", "environments", "doctor"])
def test_every_verb_has_help_with_an_example(harness, verb):
    code, out, _ = harness(verb, "--help")
    assert code == 0
    assert f" {verb} " in " ".join(out.partition("Example: ")[2].split())


def test_help_names_every_convention_of_arrays(harness):
    _, out, _ = harness("run", "--help")
    for name in (*NPY_CONVENTIONS, "auto"):
        assert name in "".join(out.split())  # lines end at hyphens, too


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from harness.cli import app, main; sys.argv = ['harness', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'pydantic', 'scipy', 'torch', 'google.protobuf'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, capture_output=True)


def test_a_disk_that_is_full_is_one_line_and_leaves_no_drafts(tmp_path, limit_files):
    found = subprocess.run(
        [sys.executable, "-m", "harness", "run", "--model", "tiny-vgg-face", "--environment", "local-opencv"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "HARNESS_HOME": str(tmp_path / "home")},
        preexec_fn=limit_files(64),
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 2
    assert found.stderr.splitlines()[-1].startswith("harness: ")
    assert "File too large" in found.stderr.splitlines()[-1]
    assert "Traceback" not in found.stderr
    assert not list((tmp_path / "home").glob(".*"))


def test_the_version_is_told(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["harness", "--version"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert not caught.value.code
    assert capsys.readouterr().out == f"ami-harness {harness.__version__}\n"
