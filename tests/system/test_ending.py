"""Exit codes: 1 means diverged and nothing else, whatever breaks and whoever stops reading."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from summaries import divergence, make_summary

from harness.report.write import write_reports

ROOT = Path(__file__).parents[2]
DIVERGED = {"divergences": (divergence("x", b=(1, 2, 2)),)}
ENDINGS = [({}, 0), (DIVERGED, 1), ({"exit_code": 2}, 2)]


def start(*command, **options):
    """A command, with its streams as text unless something else is said of them."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **streams.pop("env", {})}
    return subprocess.run(command, text=True, check=False, env=variables, **streams)


def break_with(statement, **env):
    """The command line, whose verbs all end with a statement."""
    code = f"import harness.cli as cli\ndef app(**_):\n {statement}\ncli.app = app\ncli.main()"
    return start(sys.executable, "-c", code, env=env)


@pytest.fixture(name="folder", params=ENDINGS, ids=["same", "diverged", "could-not-run"])
def write_report(request, tmp_path):
    what, code = request.param
    write_reports(tmp_path / "report", make_summary(**what))
    return tmp_path / "report", code


@pytest.mark.parametrize(
    "statement",
    ["{}['x']", "raise RecursionError", "raise MemoryError", "assert False", "raise SystemExit(1)",
     "raise SystemExit", "raise SystemExit(0)", "raise BaseException('odd')",
     "raise BrokenPipeError(32, 'Broken pipe')", "1 / 0"],
)  # fmt: skip
def test_whatever_breaks_is_2(statement, tmp_path):
    found = break_with(statement, TMPDIR=str(tmp_path))
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    assert len(found.stderr.splitlines()) == 1


def test_a_fault_is_one_line_that_says_where_its_traceback_is(tmp_path):
    found = break_with("{}['\\x1bx']", TMPDIR=str(tmp_path))
    (line,) = found.stderr.splitlines()
    (written,) = tmp_path.iterdir()
    assert line.startswith("harness: KeyError: '\\x1bx' (")
    assert str(written) in line
    assert "KeyError" in written.read_text().splitlines()[-1]


def test_a_traceback_is_printed_where_that_is_asked_for(tmp_path):
    found = break_with("1 / 0", TMPDIR=str(tmp_path), HARNESS_TRACEBACK="1")
    assert found.stderr.startswith("Traceback")
    assert found.stderr.splitlines()[-1].startswith("harness: ZeroDivisionError: division by zero (")
    assert (found.returncode, list(tmp_path.iterdir())) == (2, [])


def test_an_interruption_is_130():
    assert break_with("raise KeyboardInterrupt").returncode == 130


@pytest.mark.parametrize("arguments", [["--nothing"], ["nothing"], ["matrix", "--alpha", "\x1bx"]])
def test_a_command_line_used_wrongly_is_2(arguments):
    found = start(sys.executable, "-m", "harness", *arguments)
    assert found.returncode == 2
    assert "Error" in found.stderr
    assert "\x1b" not in found.stderr


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_has_gone_changes_no_exit_code(folder, options):
    place, code = folder
    reading, writing = os.pipe()
    os.close(reading)
    found = start(sys.executable, "-m", "harness", "report", place, *options, stdout=writing)
    os.close(writing)
    assert found.returncode == code
    assert not found.stderr


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_change_no_exit_code(folder, closed):
    place, code = folder
    found = start("sh", "-c", f'"$0" -m harness report "$1" {closed}', sys.executable, place)
    assert (found.returncode, found.stderr) == (code, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_2(folder):
    with open("/dev/full", "wb") as full:
        found = start(sys.executable, "-m", "harness", "report", folder[0], stdout=full)
    assert found.returncode == 2
    assert found.stderr.splitlines()[-1].startswith("harness: ")
    assert "No space left" in found.stderr
    assert "Exception ignored" not in found.stderr


def test_an_interpreter_without_its_packages_says_how_to_run_it():
    found = start(sys.executable, "-S", "-m", "harness", "doctor")
    (line,) = found.stderr.splitlines()
    assert found.returncode == 2
    assert line.startswith("harness: ")
    assert "nox -s harness -- " in line
