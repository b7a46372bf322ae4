"""Clean pairs of real libraries: where last bits turn a tuple, numerics are named, and nothing else."""

import json
from itertools import combinations

import pytest

LIBRARIES = {
    "float64": {"precision": "float64"},
    "float32": {},
    "torch": {"backend": "pytorch"},
    "onnx": {"backend": "onnxruntime"},
    "vino": {"backend": "openvino"},
    "winograd": {"backend": "opencv"},
    "direct": {"backend": "opencv", "settings": "winograd = false"},
}
NUMERICS = {"numerics", "precision", "algorithm"}
"""Last bits; and what two cells' files say of how they are made."""
DECLARED = {("float64", name): "precision" for name in LIBRARIES} | {("direct", "winograd"): "algorithm"}


@pytest.fixture(name="clean", scope="module")
def run_clean(project):
    """A run of all libraries on witnesses whose equal sums any last bit turns, with its explanations."""
    for name, more in LIBRARIES.items():
        project.add_environment(name, **more)
    names = [word for name in LIBRARIES for word in ("--environment", name)]
    folder = project.run_all(names, "ties", "thrice")
    code, _, err = project.explain(folder)
    assert code == 0, err
    for pair in combinations(sorted(LIBRARIES), 2):
        code, _, err = project.explain(folder, "--cells", *pair)
        assert code == 0 or "nothing diverges" in err, err
    return [json.loads(line) for line in (folder / "causes.jsonl").read_text().splitlines()]


@pytest.mark.planted
def test_clean_pairs_have_no_cause_but_numerics(clean):
    pairs = {tuple(one["cells"]) for one in clean}
    assert len(pairs) >= 10
    named = {(tuple(one["cells"]), cause["cause"]) for one in clean for cause in one["causes"]}
    assert {cause for _, cause in named} <= NUMERICS
    for cells, cause in named:
        assert cause == "numerics" or cause in (DECLARED.get(cells), DECLARED.get(cells[::-1]))
    assert all(one["verdict"] in ("proven", "consistent") for one in clean)
