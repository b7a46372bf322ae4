"""`harness report`: the other forms of a run that exists, and what cannot be written."""

import csv
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from recorded_run import RECORD, make_run
from summaries import cell, divergence, make_summary

from harness.cli import main
from harness.report.write import FORMS, MOST_STEP_BYTES, write_reports


@pytest.fixture(name="report")
def make_report(monkeypatch, capsys):
    def report(*arguments):
        monkeypatch.setattr("sys.argv", ["harness", "report", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code or 0, *capsys.readouterr()

    return report


@pytest.fixture(name="run")
def write_run(tmp_path):
    folder = make_run(tmp_path, {"a": [json.dumps(RECORD)], "b": [json.dumps(RECORD)]})
    write_reports(folder, make_summary(divergences=(divergence("x", b=(1, 2, 2)),)))
    return folder


def test_all_forms_are_written_at_once(report, run, tmp_path):
    names = {"markdown": "r.md", "junit": "r.xml", "svg": "r.svg", "records": "r.csv"}
    options = [text for name, file in names.items() for text in (f"--{name}", tmp_path / "new" / file)]
    (tmp_path / "new").mkdir()
    code, out, err = report(run, *options)
    assert code == 1
    assert "DIVERGED" in out
    assert err.replace("\n", "").endswith("r.csv: 2 records")
    assert "DIVERGED" in (tmp_path / "new" / "r.md").read_text(encoding="utf-8")
    assert ET.parse(tmp_path / "new" / "r.xml").getroot().tag == "testsuites"
    assert (tmp_path / "new" / "r.svg").read_text(encoding="utf-8").startswith("<svg")
    with (tmp_path / "new" / "r.csv").open(newline="") as file:
        assert [row["environment"] for row in csv.DictReader(file)] == ["a", "b"]
    assert len(list((tmp_path / "new").iterdir())) == 4


def test_the_forms_of_a_run_are_those_that_it_was_written_with(report, run, tmp_path):
    report(run, "--markdown", tmp_path / "r.md", "--junit", tmp_path / "r.xml")
    assert (tmp_path / "r.md").read_bytes() == (run / "report.md").read_bytes()
    assert (tmp_path / "r.xml").read_bytes() == (run / "junit.xml").read_bytes()


def test_a_report_without_cells_is_printed_but_has_no_records(report, tmp_path):
    write_reports(tmp_path / "compared", make_summary())
    assert {path.name for path in (tmp_path / "compared").iterdir()} >= set(FORMS)
    code, out, _ = report("compared", "--reports", tmp_path)
    assert (code, "SAME" in out) == (0, True)
    code, _, err = report(tmp_path / "compared", "--records", tmp_path / "r.csv")
    assert (code, err.count("\n")) == (2, 1)
    assert "holds no cells" in err


@pytest.mark.parametrize("option", ["--markdown", "--junit", "--svg", "--records"])
def test_what_cannot_be_written_is_one_line(report, run, tmp_path, option):
    (tmp_path / "file").write_text("")
    code, _, err = report(run, option, tmp_path / "file" / "r.csv")
    assert (code, err.count("\n")) == (2, 1)
    assert "cannot be written" in err


@pytest.mark.skipif(sys.platform == "win32", reason="links need a right there")
def test_places_that_are_no_files_are_not_replaced(report, run, tmp_path):
    (tmp_path / "link.md").symlink_to("target.md")
    (tmp_path / "link.csv").symlink_to("target.csv")
    assert report(run, "--markdown", tmp_path / "link.md")[0] == 1
    assert (tmp_path / "link.md").is_symlink()
    assert "DIVERGED" in (tmp_path / "target.md").read_text(encoding="utf-8")
    code, _, err = report(run, "--records", tmp_path / "link.csv")
    assert (code, "no ordinary file" in err) == (2, True)
    assert report(run, "--junit", os.devnull)[0] == 1
    assert not Path(os.devnull).is_file()


@pytest.fixture(name="step")
def make_step(tmp_path, monkeypatch):
    """The file of a step's summary, to which the step has written something."""
    path = tmp_path / "step-summary.md"
    path.write_text("# what the step wrote before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


def test_a_steps_summary_keeps_what_was_written_before(report, run, step):
    report(run, "--markdown", step)
    text = step.read_text(encoding="utf-8")
    assert text == "# what the step wrote before\n\n\n" + (run / "report.md").read_text(encoding="utf-8")
    report(run, "--markdown", step)
    assert step.read_text(encoding="utf-8").count(": this is the verdict") == 2


def test_other_files_are_replaced_unless_it_is_to_be_added(report, run, step, tmp_path):
    other = tmp_path / "other.md"
    for times, options in ((1, ()), (1, ()), (2, ["--append"])):
        report(run, "--markdown", other, *options)
        assert other.read_text(encoding="utf-8").count(": this is the verdict") == times
    assert step.read_text() == "# what the step wrote before\n"
    code, _, err = report(run, "--append")
    assert (code, err) == (2, "harness: --append: goes with --markdown FILE\n")


@pytest.mark.parametrize("left", [300, 900, 2000, 5000, 15_000])
def test_what_is_too_long_for_a_step_is_cut_and_says_so(report, run, step, left):
    many = tuple(divergence(f"x{number}", b=(1, 2, 2)) for number in range(400))
    write_reports(run, make_summary(divergences=many))
    step.write_bytes(b"x" * (MOST_STEP_BYTES - left))
    report(run, "--markdown", step)
    added = step.read_bytes()[MOST_STEP_BYTES - left :].decode()
    assert step.stat().st_size <= MOST_STEP_BYTES
    assert ": this is the verdict" in added
    assert "report.html" in added.splitlines()[-1]
    assert added.count("<details>") == added.count("</details>")
    assert (added.count("1-2!-2!") > 150) == (left > 10_000)
    assert ("| <code>b</code> | done" in added) == (left >= 5000)


def test_a_step_without_room_even_for_the_verdict_is_bad_input(report, run, step):
    step.write_bytes(b"x" * (MOST_STEP_BYTES - 20))
    code, _, err = report(run, "--markdown", step)
    assert (code, err.count("\n"), step.stat().st_size) == (2, 1, MOST_STEP_BYTES - 20)
    assert "GitHub drops a summary of more than" in err


def test_what_is_no_report_is_bad_input(report, tmp_path):
    code, _, err = report("nothing", "--reports", tmp_path)
    assert (code, err.count("\n")) == (2, 1)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "summary.json").write_text('{"schema_version": 1}')
    code, _, err = report(tmp_path / "damaged")
    assert (code, err.count("\n")) == (2, 1)


def test_json_is_the_summary_and_nothing_else(report, run, tmp_path):
    code, out, _ = report(run, "--json", "--markdown", tmp_path / "r.md")
    assert (code, json.loads(out)["exit_code"]) == (1, 1)
    assert make_summary(cells=(cell("a"),)).run == json.loads(out)["run"]


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_what_is_piped_is_utf8_whatever_the_system_speaks(encoding, options, tmp_path):
    name = "\u2192\u6f22\U0001f600"
    write_reports(tmp_path, make_summary(divergences=(divergence(name, b=(1, 2, 2)),)))
    found = subprocess.run(
        [sys.executable, "-m", "harness", "report", tmp_path, *options],
        capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"},
    )  # fmt: skip
    assert (found.returncode, found.stderr) == (1, b"")
    assert name in found.stdout.decode("utf-8")
