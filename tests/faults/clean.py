"""Clean pairs, drawn: two environments that may differ in last bits alone, beside no fault."""

import json
import time
from dataclasses import dataclass

import numpy as np

from faults.explained import Found, count_sets
from faults.models import MODELS, choose_model

LIBRARIES = ("reference", "pytorch", "onnxruntime", "openvino", "opencv")
CORES = ("Prescott", "Nehalem", "Haswell", "SkylakeX")


@dataclass(frozen=True)
class Clean:
    """Two environments that were drawn, and what they differ in."""

    number: int
    kinds: tuple[str, ...]
    model: str
    sides: tuple[dict, dict]
    variables: tuple[dict, dict] = ({}, {})


def draw_libraries(rng):
    """Two libraries."""
    one, other = rng.choice(LIBRARIES, 2, replace=False).tolist()
    return ({"backend": one}, {"backend": other}), ({}, {})


def draw_batches(rng):
    """One library on batches of two sizes."""
    backend = str(rng.choice(LIBRARIES))
    one, other = rng.choice((1, 2, 3, 5, 8, 12), 2, replace=False).tolist()
    return ({"backend": backend, "batch": one}, {"backend": backend, "batch": other}), ({}, {})


def draw_threads(rng):
    """One library with one thread and with two."""
    backend = str(rng.choice(LIBRARIES))
    return ({"backend": backend}, {"backend": backend, "settings": "threads = 2"}), ({}, {})


def draw_graph(_rng):
    """ONNX Runtime with its graph optimisation, and without."""
    return (
        {"backend": "onnxruntime"},
        {"backend": "onnxruntime", "settings": "graph_optimisation = false"},
    ), (
        {},
        {},
    )


def draw_winograd(_rng):
    """OpenCV with Winograd's convolutions, and without."""
    return ({"backend": "opencv"}, {"backend": "opencv", "settings": "winograd = false"}), ({}, {})


def draw_kernels(rng):
    """NumPy over two kernels of its BLAS."""
    one, other = rng.choice(CORES, 2, replace=False).tolist()
    return ({}, {}), ({"OPENBLAS_CORETYPE": one}, {"OPENBLAS_CORETYPE": other})


def draw_instructions(rng):
    """PyTorch with two sets of instructions."""
    sets = ("SSE41", "AVX2", "AVX512_CORE")
    one, other = rng.choice(sets, 2, replace=False).tolist()
    return ({"backend": "pytorch"},) * 2, ({"ONEDNN_MAX_CPU_ISA": one}, {"ONEDNN_MAX_CPU_ISA": other})


DIFFERENCES = {
    "two libraries": draw_libraries,
    "batch size": draw_batches,
    "threads": draw_threads,
    "graph optimisation": draw_graph,
    "Winograd": draw_winograd,
    "BLAS kernels": draw_kernels,
    "instruction set": draw_instructions,
}
MAY_BE = {"Winograd": ("numerics", "algorithm")}
"""What a pair may be said to differ in: last bits, and what its files declare."""


def draw_clean(seed, number, models=tuple(MODELS)):
    """The pair of a number: differences take turns."""
    kind = list(DIFFERENCES)[number % len(DIFFERENCES)]
    rng = np.random.default_rng([seed, number, 3])
    model = choose_model(rng, models)
    return Clean(number, (kind,), model, *DIFFERENCES[kind](rng))


def explain_clean(project, clean):
    """Run a pair on witnesses whose equal sums any last bit turns, and have its divergences explained."""
    started, names = time.monotonic(), [f"clean-{clean.number:04}-{side}" for side in "ab"]
    for name, options, variables in zip(names, clean.sides, clean.variables, strict=True):
        project.add_environment(name, **options)
        path = project.root / "environments" / f"{name}.toml"
        lines = "".join(f'{key} = "{value}"\n' for key, value in variables.items())
        path.write_text(path.read_text() + lines)
    folder = project.run(*names, "ties", "thrice")
    code, out, err = project.explain(folder, "--json", "--no-waterfall")
    if code == 2 and "nothing diverges" in err:
        return Found(None, 0, {}, 0, time.monotonic() - started, ())
    assert code == 0, f"exit {code}: {err[-2000:]}"
    lines = tuple(map(json.loads, (folder / "causes.jsonl").read_text().splitlines()))
    executions = json.loads(out)["executions"]
    return Found(None, len(lines), count_sets(lines), executions, time.monotonic() - started, lines)
