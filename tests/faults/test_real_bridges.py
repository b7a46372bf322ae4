"""Real pairs whose last bits a variable of the process decides, and what calibrates their noise."""

import json
import platform

import pytest

CORES = {"old": "Prescott", "new": "Haswell"}
"""Kernels of NumPy's OpenBLAS that add up in other orders."""


def add_variables(project, name, **variables):
    """More variables of an environment."""
    path = project.root / "environments" / f"{name}.toml"
    lines = "".join(f'{key} = "{value}"\n' for key, value in variables.items())
    path.write_text(path.read_text() + lines)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="kernels of other processors")
def test_the_variable_that_turns_tuples_is_named_and_the_batch_is_not(project):
    for name, core in CORES.items():
        project.add_environment(name, batch=12 if name == "old" else 6)
        add_variables(project, name, OPENBLAS_CORETYPE=core, NOBODY_READS=name)
    folder = project.run_all(["--environment", "old", "--environment", "new"], "ties", "thrice")
    code, out, err = project.explain(folder, "--no-waterfall", "--json")
    if "nothing diverges" in err:
        pytest.skip("both kernels have the same bits here")
    assert code == 0, err
    lines = [json.loads(line) for line in (folder / "causes.jsonl").read_text().splitlines()]
    assert lines
    assert {one["verdict"] for one in lines} == {"proven"}
    named = {tuple(cause["factor"] for cause in one["causes"]) for one in lines}
    assert ("variables.OPENBLAS_CORETYPE",) in named
    assert not any("variables.NOBODY_READS" in factors for factors in named)
    assert json.loads(out)["executions"] <= 20


def test_cells_that_agree_calibrate_and_the_reference_is_judged(project):
    project.add_environment("twin")
    project.add_environment("sample", rest="[rules]\nddof = 1")
    names = ("truth", "auditor", "twin", "sample")
    folder = project.run_all([word for name in names for word in ("--environment", name)])
    assert project.explain(folder, "--no-waterfall")[0] == 0
    causes = json.loads((folder / "summary.json").read_text())["causes"]
    (noise,) = causes["noise"]
    assert noise["algorithm"] == "direct"
    assert noise["examples"] >= 5
    assert set(noise["cells"]) == {"twin"}
    assert noise["percentile"] < 3
    assert noise["limit"] >= 6
    assert causes["reference"]["environment"] == "auditor"
    assert 0 < causes["reference"]["distance"] < 0.01
    assert causes["reference"]["stages"] > 20
    assert project.explain(folder, "--no-waterfall")[0] == 0  # nothing is found anew, and it stays
    again = json.loads((folder / "summary.json").read_text())["causes"]
    assert (again["noise"], again["reference"]) == (causes["noise"], causes["reference"])
