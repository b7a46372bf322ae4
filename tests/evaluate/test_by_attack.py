"""Rates attack by attack, and the verb that prints them."""

import json

import pytest
from past_runs import write_run

from harness.cli import main
from harness.diff.columns import take_columns
from harness.evaluate.by_attack import measure_attacks
from harness.report.words import RATES

TUPLES = [
    ("benign", 1, 1, 1),
    ("benign", 1, 1, 2),  # a false alarm
    ("benign", 1, 2, 3),  # classified wrongly: in no rate
    ("fgsm", 1, 2, 1),  # detected and recovered
    ("fgsm", 1, 2, 3),  # detected
    ("fgsm", 1, 2, 2),  # evaded
    ("fgsm", 1, 1, 3),  # the attack failed: in no rate
    ("benign-noise", 1, 1, 2),  # a false alarm under noise
    ("bim", 1, 2, 2),
    ("unknown", 1, 2, 3),
]
NOTHING = (0, 0)


def make_records():
    return [
        {
            "example": f"e{number}",
            "attack": attack,
            "gold": gold,
            "original": original,
            "attribute": attribute,
        }
        for number, (attack, gold, original, attribute) in enumerate(TUPLES)
    ]


def count(rate):
    return rate.hits, rate.of


def test_each_attack_has_its_rates():
    found = {one.attack: one for one in measure_attacks(take_columns(make_records()))}
    assert {name: (one.is_clean, one.examples) for name, one in found.items()} == {
        "benign": (True, 3),
        "fgsm": (False, 4),
        "benign-noise": (True, 1),
        "bim": (False, 1),
    }
    assert {name: count(one.detected) for name, one in found.items()} == {
        "benign": (1, 2),
        "fgsm": (2, 3),
        "benign-noise": (1, 1),
        "bim": (0, 1),
    }
    recovered = {name: count(one.recovered) for name, one in found.items()}
    assert recovered == {"benign": NOTHING, "fgsm": (1, 3), "benign-noise": NOTHING, "bim": (0, 1)}


def test_what_a_detector_decides_is_counted():
    ones = [{**one, "detected": True} for one in make_records()]
    found = {one.attack: count(one.detected) for one in measure_attacks(take_columns(ones))}
    assert found == {"benign": (2, 2), "fgsm": (3, 3), "benign-noise": (1, 1), "bim": (1, 1)}


@pytest.fixture(name="harness")
def make_harness(monkeypatch, capsys, tmp_path):
    cells = [{"environment": name, "status": "unavailable"} for name in ("here", "away")]
    write_run(tmp_path / "run", {"here": make_records()}, cells=cells)
    monkeypatch.chdir(tmp_path)

    def harness(*arguments):
        monkeypatch.setattr("sys.argv", ["harness", "evaluate", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        return caught.value.code or 0, *capsys.readouterr()

    return harness


def test_the_verb_prints_a_table_and_json(harness):
    code, out, _ = harness("run")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert ["fgsm", "4", "3", "66.7", "(21\N{EN DASH}94)", "33.3", "(6\N{EN DASH}79)"] in lines
    assert any(line[:2] == ["benign-noise", "(clean)"] for line in lines)
    known = {one.key: one.word for one in RATES}
    heads = [f"{known[key]} %".split() for key in ("detection", "recovery")]
    assert ["attack", "n", "of", *heads[0], *heads[1]] in lines
    code, out, _ = harness("run", "--json", "--environment", "h*")
    (rates,) = json.loads(out).values()
    assert [one["attack"] for one in rates] == ["benign", "fgsm", "benign-noise", "bim"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: is no run"),
        (["run", "--environment", "x*"], "--environment x*: names none of here, away"),
        (["run", "--environment", "here", "--environment", "x"], "--environment x: names none of here, away"),
        (
            ["run", "--environment", "here", "--environment", "away"],
            "away: no records; cells with records are here",
        ),
        (["run", "--environment", "a*"], "away: no records; cells with records are here"),
    ],
)
def test_what_is_not_there_is_named(harness, arguments, message):
    code, out, err = harness(*arguments)
    assert (code, out) == (2, "")
    assert message in err
