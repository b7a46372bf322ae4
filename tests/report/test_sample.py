"""The sample report is whole, of the present schema, small, and tells nothing of the machine that made it."""

import re
from pathlib import Path

import pytest

from harness.core.examples import list_examples
from harness.report.write import FORMS, HTML
from harness.summary.reading import read_summary

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "reports" / "sample"
LIST = "examples.jsonl"
PICTURE = ROOT / "docs" / "report.png"
# Folders of a machine, a drive of Windows; an address that has a user in it.
PLACES = re.compile(
    r"(?<![\w.~/-])/(?:bin|etc|home|mnt|opt|private|proc|root|srv|tmp|usr|var|work|Users)/|\b[A-Z]:\\|\w@\w+:"
)
MOST_BYTES = 1_000_000


def test_every_form_is_there_and_nothing_else():
    assert {path.name for path in SAMPLE.iterdir()} == {*FORMS, HTML, LIST}
    assert sum(path.stat().st_size for path in SAMPLE.iterdir()) < MOST_BYTES


def test_the_summary_is_of_the_present_schema_and_worth_a_look():
    summary = read_summary(SAMPLE)
    assert summary.exit_code == 1
    assert len(summary.divergences) > 10
    assert {cell.status for cell in summary.cells} == {"done"}
    assert summary.agreeing.examples


@pytest.mark.parametrize("name", [*FORMS, HTML])
def test_all_forms_are_of_one_run(name):
    summary, text = read_summary(SAMPLE), (SAMPLE / name).read_text(encoding="utf-8")
    assert summary.verdict[1:] in text
    assert summary.run in text or name == "report.txt"


@pytest.mark.parametrize("name", [*FORMS, HTML, LIST])
def test_nothing_names_the_machine(name):
    text = re.sub(r"data:image/[a-z]+;base64,[\w+/=]+", "", (SAMPLE / name).read_text(encoding="utf-8"))
    found = PLACES.search(text)
    assert found is None, text[max(found.start() - 60, 0) : found.end() + 60]


@pytest.mark.parametrize("text", ["in /home/ann/x", '"/tmp/a', "(C:\\Users)", "ann@host:", " /root/"])
def test_names_of_machines_would_be_noticed(text):
    assert PLACES.search(text)


def test_the_examples_are_those_of_the_bundled_model():
    ids = {example.id for example in list_examples(SAMPLE / LIST, 100)}
    summary = read_summary(SAMPLE)
    assert {one.example for one in summary.divergences} | set(summary.agreeing.examples) == ids


def test_the_documentation_shows_it():
    assert PICTURE.read_bytes().startswith(b"\x89PNG")
    assert PICTURE.stat().st_size < 300_000
    assert "(report.png)" in (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    assert "(reports/sample)" in (ROOT / "README.md").read_text(encoding="utf-8")
