"""What docs/numerics.md says of examples on the edge is what results say; its causes are the true ones."""

import ast
import copy
import importlib
import json
import re
from pathlib import Path

import pytest

from harness.plan.environments import read_environments

ROOT = Path(__file__).parents[2]
MAKE = ROOT / "docs" / "make"
EDGES = json.loads((ROOT / "docs" / "numerics.json").read_text(encoding="utf-8"))["edges"]
PAGE = (ROOT / "docs" / "numerics.md").read_text(encoding="utf-8")
NAMES = ("float64", "pool3", "95 %", "#on-the-edge")
FACTORS = {
    "threads": "settings.threads",
    "batch": "batch_size",
    "blas": "variables.OPENBLAS_CORETYPE",
    "isa": "variables.ONEDNN_MAX_CPU_ISA",
    "graph": "settings.graph_optimisation",
    "winograd": "settings.winograd",
}


@pytest.fixture(name="make")
def load_make(monkeypatch):
    monkeypatch.syspath_prepend(str(MAKE))
    return {
        name: importlib.import_module(name) for name in ("edges", "edges_page", "edges_cells", "table5_page")
    }


def test_the_page_has_what_the_results_give(make):
    parts = [make["table5_page"].wrap(one) for one in make["edges_page"].write_edges(EDGES)]
    assert len(parts) > 12
    assert "\n\n".join(parts) in PAGE
    other = copy.deepcopy(EDGES)
    other["diverging"]["default"] = 123
    assert any("of the real ones 123" in one for one in make["edges_page"].write_edges(other))


def test_no_number_of_the_part_is_written_in_its_maker():
    tree = ast.parse((MAKE / "edges_page.py").read_text(encoding="utf-8"))
    texts = [
        one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)
    ]
    for name in NAMES:
        texts = [text.replace(name, "") for text in texts]
    assert [
        text for text in texts if re.search(r"\d", text) and not re.fullmatch(r"[.,]?\d*[efg]", text)
    ] == []


def test_where_one_thing_was_changed_nothing_else_is_named(make):
    found = {tuple(one["cells"]): one for one in EDGES["explained"]}
    for base, factors in make["edges_cells"].FACTORS.items():
        for factor in factors:
            one = found[base, f"{base}-{factor}"]
            named = {text.partition(": ")[2] for text in one["factors"] if text.startswith("proven")}
            assert named <= {FACTORS[factor]}
            assert sum(one["verdicts"].values()) == one["diverging"]


def test_flips_are_counted_by_kind_and_intervals_hold_them():
    for one in [*EDGES["factors"], *EDGES["backends"]]:
        hits, of, low, high = one["fragile"]
        assert sum(one["kinds"].values()) == hits
        assert low <= hits / of <= high
    assert sum(number for number, _ in EDGES["kinds"].values()) == EDGES["diverging"]["fragile"]


def test_environments_are_the_repositorys_but_for_one_change(make, tmp_path):
    make["edges_cells"].write_project(ROOT / "environments", tmp_path)
    made = {one.name: one for one in read_environments(tmp_path / "environments")}
    assert set(made) == set(make["edges_cells"].list_names())
    own = {one.name: one for one in read_environments(ROOT / "environments")}
    same = {"backend", "packages", "settings", "variables", "batch_size", "port", "rules"}
    for base, name in make["edges_cells"].BASES.items():
        assert made[base].model_dump(include=same) == own[name].model_dump(include=same)
        assert made[f"{base}-batch"].model_dump(include=same - {"batch_size"}) == made[base].model_dump(
            include=same - {"batch_size"}
        )
    assert made["numpy-threads"].variables["OPENBLAS_NUM_THREADS"] == "2"
    assert made["opencv-winograd"].settings.winograd


def test_distances_become_a_chance_with_its_interval(make):
    said = [{"example": str(one), "why": "w", "reach": one * 100.0} for one in range(1, 101)]
    found = make["edges"].describe_reaches(said)
    assert found["near"][:2] == [9, 100]
    assert found["within"][:2] == [0, 100]
    assert found["within"][3] == pytest.approx(0.0362, abs=1e-4)
    assert found["rate"][0] == pytest.approx(9e-5)
    assert found["rate"][1] < 9e-5 < found["rate"][2]
    assert found["nearest"]["example"] == "1"
    assert found["quantiles"]["0.5"] == pytest.approx(5050)
