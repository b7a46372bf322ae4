"""docs/numerics.md is what its results say, and says no number that they do not hold."""

import ast
import copy
import importlib
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKE = ROOT / "docs" / "make"
RESULTS = json.loads((ROOT / "docs" / "numerics.json").read_text(encoding="utf-8"))
PAGE = (ROOT / "docs" / "numerics.md").read_text(encoding="utf-8")
NAMES = ("2025", "atc25", "2008", "24 bits", "float32", "float64", "95 %")


@pytest.fixture(name="page")
def load_page(monkeypatch):
    monkeypatch.syspath_prepend(str(MAKE))
    return importlib.import_module("numerics_page")


def test_the_page_is_what_its_results_give(page):
    assert page.write_page(RESULTS) == PAGE


def test_no_number_of_the_page_is_written_in_its_maker():
    tree = ast.parse((MAKE / "numerics_page.py").read_text(encoding="utf-8"))
    texts = [
        one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
    for name in NAMES:
        texts = [text.replace(name, "") for text in texts]
    assert [text for text in texts if re.search(r"\d", text)] == []


def test_every_backend_is_read_and_winograd_is_no_plain_sum():
    found = RESULTS["orders"]
    assert {"local-reference-float32", "local-pytorch", "local-onnxruntime", "caffe-openblas"} <= set(
        found["environments"]
    )
    told = {
        name: order["words"]
        for layer in found["layers"]
        if layer["layer"] == "conv1_2"
        for order in layer["orders"]
        for name in order["environments"]
    }
    assert told["local-opencv"].startswith("no plain sum")
    assert "one after the other" in told["local-opencv-direct"]


@pytest.mark.parametrize("kind", ["passes", "single"])
def test_at_least_99_of_100_predictions_are_right(kind):
    found = RESULTS["orders"][kind]
    assert found["equal"] > 0
    assert found["wrong_equal"] + found["wrong_different"] <= 0.01 * found["total"]


def test_other_results_make_another_page(page):
    other = copy.deepcopy(RESULTS)
    other["orders"]["passes"].update(total=1000, wrong_equal=123, wrong_different=0)
    text = page.write_page(other)
    assert "| 87.70 % |" in text
    assert "| 87.70 % |" not in PAGE


def test_it_is_linked():
    assert "docs/numerics.md" in (ROOT / "README.md").read_text(encoding="utf-8")
