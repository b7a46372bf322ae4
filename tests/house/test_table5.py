"""docs/table5.md is what its results say, and says no number that they do not hold."""

import ast
import copy
import importlib
import json
import re
from pathlib import Path

import pytest

from harness.explain.causes import Cause

ROOT = Path(__file__).parents[2]
MAKE = ROOT / "docs" / "make"
RESULTS = json.loads((ROOT / "docs" / "table5.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "table5.md").read_text(encoding="utf-8")
NAMES = ("Table 5", "table5", "2503.09735", "float64", "95 %", "lib64")
PUBLISHED = {
    "table5_environments": {
        "one": [["1-2-2", "0/1"], ["3-4-4", "0/2"], ["5-5-5", "0/2"], ["8-9-9", "0/3"]],
        "two": [["1-2-3", "1/1"], ["3-4-3", "2/2"], ["5-6-6", "2/3"]],
    }
}


@pytest.fixture(name="make")
def load_make(monkeypatch):
    monkeypatch.syspath_prepend(str(MAKE))
    return importlib.import_module("table5"), importlib.import_module("table5_page")


def test_the_page_is_what_its_results_give(make):
    assert make[1].write_page(RESULTS) == PAGE


def test_no_number_of_the_page_is_written_in_its_maker():
    tree = ast.parse((MAKE / "table5_page.py").read_text(encoding="utf-8"))
    texts = [
        one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
    for name in NAMES:
        texts = [text.replace(name, "") for text in texts]
    assert [
        text for text in texts if re.search(r"\d", text) and not re.fullmatch(r"[.,]?\d*[fg]", text)
    ] == []


@pytest.mark.parametrize("group", RESULTS["groups"])
def test_waterfalls_add_up_to_the_rates_of_the_cells(group):
    found = RESULTS["groups"][group]
    rates = {one["environment"]: one for one in found["cells"]}
    assert len(found["waterfalls"]) >= 4
    for one in found["waterfalls"]:
        first, second = (rates[name][one["rate"]]["rate"] for name in one["cells"])
        assert (one["start"], one["end"]) == (first, second)
        assert sum(part["share"] for part in one["parts"]) == pytest.approx(second - first, abs=1e-9)


@pytest.mark.parametrize("group", RESULTS["groups"])
def test_patterns_count_all_departures_and_name_causes_that_there_are(group):
    found = RESULTS["groups"][group]
    assert sum(one["count"] for one in found["patterns"]) == sum(one["departs"] for one in found["cells"])
    assert {name for one in found["patterns"] for names, _ in one["causes"] for name in names} <= {
        one.value for one in Cause
    }


def test_other_results_make_another_page(make):
    other = copy.deepcopy(RESULTS)
    group = next(iter(other["groups"].values()))
    group["diverging"], group["waterfalls"][0]["parts"][0]["share"] = 123, 0.321
    text = make[1].write_page(other)
    assert "123 of " in text
    assert "+32.1" in text
    assert "+32.1" not in PAGE


def test_a_change_without_a_waterfall_is_named(make):
    other = copy.deepcopy(RESULTS)
    group = other["groups"]["table5-local"]
    group["waterfalls"] = [one for one in group["waterfalls"] if one["cells"][1] != "local-port"]
    other["groups"] = {"table5-local": group}
    assert "No waterfall was made for `local-port`" in make[1].write_page(other)
    assert "No waterfall was made for `local-port`" not in PAGE


def test_a_published_table_is_counted_by_images_of_one_original(make, tmp_path):
    path = tmp_path / "tables.json"
    path.write_text(json.dumps(PUBLISHED), encoding="utf-8")
    found = make[0].read_published(path)
    (pair,) = found["pairs"]
    assert (pair["shared"], pair["same_original"], pair["detected"]) == (3, 2, [0, 2])
    assert pair["patterns"] == [["X-Y-Y", "X-Y-X", 1], ["X-Y-Y", "X-Y-Z", 1]]
    assert pair["p"] == pytest.approx(1 / 3)
    assert found["cases"]["one"] == {"X-Y-Y": 3, "X-X-X": 1}


def test_it_says_what_cannot_be_concluded_and_is_linked():
    assert "Not concluded" in PAGE
    assert "docs/table5.md" in (ROOT / "README.md").read_text(encoding="utf-8")
