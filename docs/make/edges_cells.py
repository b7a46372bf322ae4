"""The environments that docs/make/edges.py compares: four backends, and each with one thing changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.plan.environments import REGISTER, Environment, read_environments

REFERENCE, GROUP = "float64", "edges"
TRUTH = "local-reference-float64"
BASES = {
    "numpy": "local-reference-float32",
    "pytorch": "local-pytorch",
    "onnxruntime": "local-onnxruntime",
    "opencv": "local-opencv-direct",
}
TWO: Mapping[str, Any] = {
    "settings": {"threads": 2},
    "variables": dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "2"),
}
ONE: Mapping[str, Any] = {"batch_size": 1}
FACTORS: Mapping[str, Mapping[str, Mapping[str, Any]]] = {
    "numpy": {"threads": TWO, "batch": ONE, "blas": {"variables": {"OPENBLAS_CORETYPE": "Prescott"}}},
    "pytorch": {"threads": TWO, "batch": ONE, "isa": {"variables": {"ONEDNN_MAX_CPU_ISA": "SSE41"}}},
    "onnxruntime": {"threads": TWO, "batch": ONE, "graph": {"settings": {"graph_optimisation": False}}},
    "opencv": {"threads": TWO, "batch": ONE, "winograd": {"settings": {"winograd": True}}},
}
"""What is changed of each backend, which has one thread, batches of 8, and what its own file says."""
REGISTER_TEXT = f"""reference = "{REFERENCE}"
default = "{GROUP}"
[groups]
{GROUP} = "four backends, and each with one thing changed that moves last bits alone"
"""


def write_project(source: Path, project: Path) -> None:
    """A folder with these environments, made of the repository's own."""
    own = {one.name: one for one in read_environments(source)}
    folder = project / "environments"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / REGISTER).write_text(REGISTER_TEXT, encoding="utf-8")
    for name, environment, change in list_cells(own):
        (folder / f"{name}.toml").write_text("\n".join(describe(environment, change)), encoding="utf-8")


def list_cells(own: Mapping[str, Environment]) -> Iterator[tuple[str, Environment, Mapping[str, Any]]]:
    """Names of all environments, each with the one that it is made of and what is changed."""
    yield REFERENCE, own[TRUTH], {}
    for base, name in BASES.items():
        yield base, own[name], {}
        yield from ((f"{base}-{factor}", own[name], change) for factor, change in FACTORS[base].items())


def list_names() -> list[str]:
    """Names of all environments."""
    return [
        REFERENCE,
        *BASES,
        *(f"{base}-{factor}" for base, factors in FACTORS.items() for factor in factors),
    ]


def describe(environment: Environment, change: Mapping[str, Any]) -> Iterator[str]:
    """Lines of an environment's file."""
    data = environment.model_dump(include={"description", "backend", "batch_size", "packages"})
    data |= {"groups": [GROUP], "packages": list(data["packages"])}
    data |= {name: value for name, value in change.items() if not isinstance(value, dict)}
    yield from (f"{name} = {json.dumps(value)}" for name, value in data.items())
    tables = {"settings": environment.settings.model_dump(), "variables": environment.variables}
    for name, table in tables.items():
        yield f"\n[{name}]"
        merged = {**table, **change.get(name, {})}
        yield from (f"{key} = {json.dumps(value)}" for key, value in merged.items())
    yield ""
