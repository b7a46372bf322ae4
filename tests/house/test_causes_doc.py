"""docs/causes.md has a section for each cause, and its commands are ones that there are."""

import re
from pathlib import Path

import pytest

from harness.ami.port import ATTRIBUTES, CHOICES
from harness.explain.causes import VERDICTS, Cause
from harness.plan.environments import read_environments
from harness.plan.register import read_register
from harness.plan.rules import write_choice

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "causes.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### ([\w-]+)\n\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))
MANDATORY = {cause: ("*Shows*", "*Proof*", "*Do*") for cause in Cause if cause is not Cause.UNKNOWN}


def test_every_cause_has_a_section_and_no_other_is_there():
    assert sorted(SECTIONS) == sorted(cause.value for cause in Cause)
    assert re.findall(r"^### (.*)$", TEXT, re.MULTILINE) == list(SECTIONS)


@pytest.mark.parametrize("cause", Cause)
def test_a_section_says_how_it_shows_how_it_is_proven_and_what_to_do(cause):
    assert [
        word for word in MANDATORY.get(cause, ("*Shows*", "*Do*")) if word not in SECTIONS[cause.value]
    ] == []


def test_all_verdicts_are_told():
    assert tuple(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == VERDICTS


def test_what_its_commands_name_is_there():
    choices = {rule: {write_choice(choice) for choice in values} for rule, values in CHOICES.items()}
    given = re.findall(r"--rule (\w+)=([\w,-]+)", TEXT)
    assert len(given) > 5
    for rule, value in given:
        assert set(value.split(",")) == set(ATTRIBUTES) if rule == "listing" else value in choices[rule]
    folder = ROOT / "environments"
    environments = read_environments(folder)
    groups = set(re.findall(r"--group ([\w-]+)", TEXT))
    assert len(groups) > 3
    assert groups <= set(read_register(folder, environments).groups)
    cells = {name for pair in re.findall(r"--cells (\S+) (\S+)", TEXT) for name in pair}
    assert cells <= {one.name for one in environments}


def test_it_is_linked():
    assert "docs/causes.md" in (ROOT / "README.md").read_text(encoding="utf-8")
