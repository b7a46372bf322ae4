"""Documentation that lists keys and variables lists all of them."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest

from harness.core import limits
from harness.model.folder import ModelTable, PreprocessTable
from harness.model.sources import SourceTable
from harness.system.machine import INHERITED

ROOT = Path(__file__).parents[2]


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
