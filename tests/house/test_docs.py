"""Documentation that lists keys and variables lists all of them."""

import html
import importlib.util
import re
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from harness.ami.cases import MEANINGS
from harness.ami.port import PRESETS
from harness.backends import NAMES
from harness.core import limits
from harness.launch.launchers import LAUNCHERS
from harness.model.folder import ModelTable, PreprocessTable
from harness.model.sources import SourceTable
from harness.report.words import STAGES
from harness.summary.document import EXIT_CODES
from harness.system.machine import INHERITED
from harness.worker.tasks import TASKS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def read(name):
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("table", [ModelTable, PreprocessTable, SourceTable])
def test_every_key_of_a_model_is_documented(table):
    text = read("models.md")
    assert [one.name for one in fields(table) if f"`{one.name}`" not in text] == []


def test_every_variable_is_documented():
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "harness").rglob("*.py")]
    found = {name for text in sources for name in re.findall(r"\b(?:HARNESS|DOCKER|PYENV|UV)_[A-Z_]+", text)}
    assert {"HARNESS_HOME", "DOCKER_HOST"} <= found
    text = read("machine.md")
    assert sorted(name for name in found | set(INHERITED) if f"`{name}`" not in text) == []


def test_every_limit_is_documented():
    text = read("files.md")
    names = [name for name in vars(limits) if name.startswith(("MAX_", "MIN_"))]
    assert len(names) > 20
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_floors_are_those_that_lint_holds():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
    layers = next(one["layers"] for one in contracts["contracts"] if one["type"] == "layers")
    rows = re.findall(r"^\| (`[a-z`, ]+`) \|", read("architecture.md"), re.MULTILINE)
    assert [row.replace("`", "").replace(", ", " | ") for row in rows] == layers


MAKE = ROOT / "docs" / "make" / "pages.py"


def test_the_generated_pages_are_current():
    command = [sys.executable, str(MAKE), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_page_that_is_not_current_is_named_and_made_anew(tmp_path, monkeypatch, capsys):
    found = importlib.util.spec_from_file_location("pages", MAKE)
    pages = importlib.util.module_from_spec(found)
    found.loader.exec_module(pages)
    monkeypatch.setattr(pages, "DOCS", tmp_path)
    monkeypatch.setattr(pages, "PAGES", {"environment-list.md": pages.list_environments})
    page, whole = tmp_path / "environment-list.md", read("environment-list.md")
    page.write_text(whole.replace("Caffe", "Decaf"), encoding="utf-8")
    assert pages.write_pages(check=True) == 1
    assert "docs/environment-list.md" in capsys.readouterr().out
    assert pages.write_pages(check=False) == 0
    assert page.read_text(encoding="utf-8") == whole
    assert pages.write_pages(check=True) == 0


def test_the_readme_is_short_and_shows_one_divergence():
    assert len(README.splitlines()) <= 130
    assert re.findall(r"!\[[^]]*\]\(([^)]*)\)", README) == ["docs/divergence.svg"]
    picture = html.unescape((ROOT / "docs" / "divergence.svg").read_text(encoding="utf-8")).replace(
        "\xa0", " "
    )
    assert "DIVERGED" in picture
    for number in ("57.0", "16.5", "185 of 400"):
        assert number in README
        assert number in picture
    assert "17-63-97" in README
    assert "17-63-97" in picture
    assert re.search(r"/(home|root|tmp|work)/", picture) is None


WORDS = """
model example blob witness backend environment port cell record run divergence baseline reference departure
stage margin rule subject key register detector task launcher executor walk campaign copy execution group
preset fingerprint store outcome verdict summary
"""


@pytest.mark.parametrize("word", WORDS.split())
def test_every_word_has_one_meaning_in_the_glossary(word):
    assert len(re.findall(rf"^\| {word} \| .", read("words.md"), re.MULTILINE)) == 1


def test_the_glossary_names_all_of_closed_sets():
    text = read("words.md")
    rows = dict(re.findall(r"^\| (\w+) \| (.*) \|$", text, re.MULTILINE))
    assert set(re.findall(r"`([\w-]+)`", rows["backend"])) == set(NAMES)
    assert set(re.findall(r"`([\w-]+)`", rows["preset"])) == set(PRESETS)
    assert set(re.findall(r"`([\w-]+)`", rows["task"])) == set(TASKS)
    assert set(re.findall(r"`([\w-]+)`", rows["launcher"])) == set(LAUNCHERS)
    assert all(f"| {case} | {meaning} |" in text for case, meaning in MEANINGS.items())
    assert [word for word in EXIT_CODES if word not in rows["outcome"]] == []
    assert all(word in rows["stage"] for word in STAGES.values())
