"""Rules from the command line: read strictly, put before environments' own, part of every key."""

import pytest
from plans import ENVIRONMENT, environment, plan

from harness.ami.port import CHOICES, Port
from harness.core.errors import InputError
from harness.plan.plan import Override, check_override, name_port
from harness.plan.rules import NAMES, read_rules, settle_rules, write_choice
from harness.report.html.command import start_command

LISTING = "listing=nose,leye,mouth,reye"


def rule(*texts, port=None):
    return Override(port=port, rules=texts)


@pytest.mark.parametrize("name", CHOICES)
def test_every_choice_can_be_written(name):
    for choice in CHOICES[name]:
        found = read_rules([f"{name}={write_choice(choice)}"])[name]
        assert (found, type(found)) == (choice, type(choice))


def test_listing_is_names_in_their_order():
    assert read_rules(["order=listing", LISTING]) == {
        "order": "listing",
        "listing": ["nose", "leye", "mouth", "reye"],
    }


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["ddof"], "--rule ddof: is not NAME=VALUE"),
        (["dof=1"], "there is no rule 'dof'; there are channel_order.*ddof"),
        (["ddof=2"], "ddof has no choice '2'; there are 0, 1"),
        (["fed_on=no"], "fed_on has no choice 'no'; there are true, false"),
        (["ddof=1", "ddof=0"], "ddof is given twice"),
    ],
)
def test_what_is_no_rule_is_refused_with_what_there_is(texts, words):
    with pytest.raises(InputError, match=words):
        read_rules(texts)


@pytest.mark.parametrize(
    ("cell", "port"),
    [
        (plan(override=rule("ddof=1")), "notebook (ddof 1)"),
        (plan(environment(rules={"ddof": 1})), "notebook (ddof 1)"),
        (plan(environment(rules={"ddof": 1}), override=rule("ddof=0")), "notebook"),
        (
            plan(environment(rules={"ddof": 1}), override=rule("fc=skipped")),
            "notebook (ddof 1, fc skipped)",
        ),
        (
            plan(environment(rules={"ddof": 1}), override=rule("fc=skipped", port="notebook")),
            "notebook (fc skipped)",
        ),
        (
            plan(environment(port="pytorch-port", backend="pytorch"), override=rule("ddof=1")),
            "pytorch-port (ddof 1)",
        ),
        (plan(override=rule(port="pytorch-port")), "pytorch-port (arithmetic numpy)"),
        (plan(override=rule("arithmetic=exact", port="pytorch-port")), "pytorch-port (arithmetic exact)"),
    ],
)
def test_what_preset_environment_and_command_line_come_to(cell, port):
    assert name_port(cell.job["port"]) == port


def test_a_rule_is_part_of_the_key_and_the_preset_s_own_is_not():
    keys = {plan(override=rule(*texts)).key for texts in ([], ["ddof=1"], ["fc=skipped"], [LISTING])}
    assert len(keys) == 4
    assert plan(override=rule("ddof=0")).key == plan().key
    assert plan(override=rule("ddof=0")).job == plan().job


@pytest.mark.parametrize(
    ("override", "words"),
    [
        (rule("pool3_when=before-statistics"), "environment one: port notebook: pool3_when"),
        (rule("order=listing"), "environment one.*listing"),
        (rule("arithmetic=torch"), "environment one.*needs backend pytorch, not reference"),
    ],
)
def test_rules_that_contradict_each_other_name_the_environment(override, words):
    with pytest.raises(InputError, match=words):
        check_override([ENVIRONMENT], override)


def test_settled_rules_are_those_that_depart():
    rules = {"fc": "steered", "npy": "convert", "listing": ["leye", "reye", "mouth", "nose"]}
    assert settle_rules("pytorch-port", rules, "pytorch") == {"npy": "convert"}
    assert tuple(NAMES) == tuple(Port.__dataclass_fields__)


@pytest.mark.parametrize("kind", [list, tuple])
def test_the_command_of_a_report_or_an_attack_has_the_rules(kind):
    request = {"model": "m", "override": {"port": None, "rules": kind(["ddof=1", LISTING])}}
    assert start_command(request, "m").endswith(f"matrix --model m --rule ddof=1 --rule {LISTING}")
