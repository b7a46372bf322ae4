"""docs/ports.md names every rule, every choice, and which preset has which."""

import re
from pathlib import Path

import pytest

from harness.ami.port import ATTRIBUTES, CHOICES, PRESETS, read_port
from harness.plan.rules import NAMES, write_choice

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "ports.md").read_text(encoding="utf-8")


def read_rows():
    """Rows of the tables of rules: rule, value, and what the last column says."""
    rows, rule = [], ""
    for line in TEXT[TEXT.index("## The rules") : TEXT.index("**`npy`.**")].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("|") and len(cells) == 4 and cells[0] != "rule" and set(cells[0]) != {"-"}:
            rule = cells[0].strip("`") or rule
            rows.append((rule, cells[1].strip("`"), cells[2], cells[3]))
    return rows


ROWS = read_rows()


def test_every_rule_and_choice_is_there_once_and_no_other():
    wanted = [(rule, write_choice(choice)) for rule, choices in CHOICES.items() for choice in choices]
    told = [(rule, value) for rule, value, _, _ in ROWS]
    assert sorted(told) == sorted([*wanted, ("listing", "four names")])
    assert {rule for rule, *_ in ROWS} == set(NAMES)
    assert all(meaning for _, _, meaning, _ in ROWS)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_presets_are_the_ones_there_are(preset):
    port = read_port(preset, {})
    told = {
        rule: value
        for rule, value, _, presets in ROWS
        if presets == "both" or (f"`{preset}`" in presets and rule != "listing")
    }
    assert told == {rule: write_choice(getattr(port, rule)) for rule in CHOICES}
    (listing,) = [presets for rule, _, _, presets in ROWS if rule == "listing"]
    assert f"`{write_choice(port.listing or ATTRIBUTES)}`" in listing


def test_the_rules_in_its_examples_exist():
    given = re.findall(r"--rule ([a-z]\w+)=", TEXT)
    assert len(given) >= 4
    assert set(given) <= set(NAMES)


def test_it_is_linked():
    for name in ("README.md", "docs/environments.md", "docs/models.md"):
        assert "ports.md" in (ROOT / name).read_text(encoding="utf-8")
