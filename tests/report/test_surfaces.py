"""No text steers a terminal, turns letters around, or is a command to a CI system, on any surface."""

import io
import json
import re
from types import SimpleNamespace

import pytest
from html_samples import make_rich
from html_samples import plant as plant_everywhere
from past_runs import make_cell, write_cell
from recorded_run import RECORD, make_run
from rich.console import Console
from summaries import plant
from tuple_records import make_record

from harness.cli import main
from harness.launch.events import Event
from harness.matrix.doctor import Finding
from harness.report.diagnosis import print_findings
from harness.report.export import write_records
from harness.report.progress import ConsoleScreen
from harness.report.terminal import render_svg
from harness.report.write import write_reports

EVIL = (
    "e\x1b[2J\x1b]0;t\x07\x9b3m\x00\x7f\u202eb\u2066\u200f\u2028c\ufffe\U000e0041\n::error file=x::y\n"
    " ::add-mask::z ##vso[task.x]y ##[error]z\n##teamcity[x]"
)
HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufffe\uffff\U000e0000-\U000e007f]"
)
COMMAND = re.compile(r"^\s*::[a-z]|##[a-z]*\[", re.MULTILINE)
FORMS = ("report.txt", "report.md", "report.html", "junit.xml", "summary.json")


def check(text, *, steered=False):
    """That nothing obeys a text; one that is `steered` has the escapes of its own styles."""
    found = re.sub(r"\x1b\[[0-9;?]*[mKlhA-H]|\r", "", text) if steered else text
    assert not HIDDEN.search(found), repr(HIDDEN.search(found))
    assert not COMMAND.search(found), repr(COMMAND.search(found))
    assert "e\x1b" not in text


@pytest.fixture(name="harness")
def make_harness(monkeypatch, capsys):
    def harness(*arguments):
        monkeypatch.setattr("sys.argv", ["harness", *map(str, arguments)])
        with pytest.raises(SystemExit):
            main()
        return "".join(capsys.readouterr())

    return harness


@pytest.mark.parametrize("summary", [plant(EVIL), plant_everywhere(make_rich(), EVIL)[0]], ids=["few", "all"])
def test_reports_hold_nothing_that_steers(tmp_path, summary, harness):
    write_reports(tmp_path, summary)
    for form in FORMS:
        check((tmp_path / form).read_text(encoding="utf-8"))
    check(harness("report", tmp_path))
    check(harness("report", tmp_path, "--json"))
    check(render_svg(summary, tmp_path / EVIL.replace("\0", "")))


def test_json_means_what_it_meant(tmp_path, harness):
    summary = plant(EVIL)
    write_reports(tmp_path, summary)
    assert json.loads((tmp_path / "summary.json").read_text())["model"] == EVIL
    assert json.loads(harness("report", tmp_path, "--json")) == json.loads(summary.model_dump_json())


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_verbs_that_read_runs_print_nothing_that_steers(tmp_path, harness, as_json):
    for name in ("one", "two"):
        cell = make_cell(EVIL, fingerprint={"os": EVIL + name, "versions": {EVIL: name}})
        records = [
            make_record(f"{EVIL}{number}", 1, 1, number, attack=EVIL, source=EVIL) for number in range(3)
        ]
        write_cell(tmp_path / name / "cells" / "a", cell, records)
    check(harness("evaluate", tmp_path / "one", *as_json))
    check(harness("diff", tmp_path / "one", tmp_path / "two", *as_json))
    check(harness("diff", tmp_path / "one", "--environment", "none*", *as_json))


def test_tables_of_records_hold_nothing_that_steers(tmp_path):
    run = make_run(tmp_path, {"a": [json.dumps({**RECORD, "example": EVIL, "attack": EVIL})]})
    write_records(tmp_path / "r.csv", run, lambda *_: None)
    text = (tmp_path / "r.csv").read_text(encoding="utf-8")
    assert not HIDDEN.search(text)
    assert len(text.splitlines()) == 2


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_shows_nothing_that_steers(is_terminal):
    console = Console(file=io.StringIO(), width=100, force_terminal=is_terminal, legacy_windows=False)
    screen = ConsoleScreen(console)
    screen.say(EVIL)
    with screen.show_cells([EVIL]) as show:
        show(Event(EVIL, "running", 1, 2, note=f"x{EVIL}"))
        show(Event(EVIL, "failed", note=EVIL))
    check(console.file.getvalue(), steered=is_terminal)


def test_lists_show_nothing_that_steers(tmp_path, harness, monkeypatch):
    folder = tmp_path / "environments"
    folder.mkdir()
    text = json.dumps(EVIL.replace("\x00", "").replace("\x7f", ""))
    text = re.sub(r"\\ud\w{3}\\ud\w{3}", "", text)
    (folder / "a.toml").write_text(
        f'description = {text}\nbackend = "reference"\ngroups = ["g"]\npackages = ["numpy==1"]\n'
    )
    (folder / "matrix.toml").write_text(f'reference = "a"\ndefault = "g"\n[groups]\ng = {text}\n')
    monkeypatch.chdir(tmp_path)
    shown = harness("environments")
    assert "\\x1b" in shown
    check(shown)
    check(harness("environments", "--json"))


def test_findings_show_nothing_that_steers():
    console = Console(file=io.StringIO(), width=100)
    print_findings([Finding(EVIL, EVIL, ok=False, text=EVIL, advice=EVIL)], console)
    check(console.file.getvalue())


@pytest.mark.parametrize(
    "arguments",
    [("report", f"x{EVIL}".replace("\0", "")), ("fetch", EVIL), ("matrix", "--model", EVIL),
     ("matrix", "--npy", EVIL), ("matrix", f"--{EVIL}"), (EVIL,), ("images", "list", EVIL),
     ("attack", EVIL, "--output", "x")],
)  # fmt: skip
def test_errors_show_nothing_that_steers(harness, arguments):
    shown = harness(*arguments)
    assert "\\x1b" in shown
    check(shown)


def test_imported_logs_show_nothing_that_steers(tmp_path, harness):
    line = "  1 Gold-Original-Attribute:    4- 199-1606  |  Adversary: 1.0000 [  1/  1]"
    evil = EVIL.replace("\x00", "").replace("\n", "\n" * 2)
    (tmp_path / "a.log").write_text(f"{evil}\n{line}\n", encoding="utf-8")
    (tmp_path / "names.txt").write_text("x\u202ey\n", encoding="utf-8")
    options = ("--environment", "a", "--output", tmp_path / "a", "--images", tmp_path / "names.txt")
    check(harness("import-log", tmp_path / "a.log", *options))


def test_witness_sets_show_nothing_that_steers(capsys):
    from harness.system.consoles import open_output
    from harness.witnesses.outcome import print_extraction

    one = SimpleNamespace(
        environment=EVIL, status="failed", reused=False, reason=EVIL, log_end=EVIL, counts={}, changes=None
    )
    extraction = SimpleNamespace(pairs={"leye": 1}, results=[one], notes=[EVIL], output=EVIL, sheet=EVIL)
    print_extraction(extraction, open_output())
    check(capsys.readouterr().out)
