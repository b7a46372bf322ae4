"""What explaining one example of a full-size VGG-Face takes: memory beyond the network, and bytes written."""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from bench.convert import make_model
from bench.matrix import EPSILON, ROOT
from bench.verdict import STEERED
from harness.ami.port import ATTRIBUTES
from harness.ami.witnesses import write_witnesses
from harness.core.examples import hash_file
from harness.model.random_weights import vgg_face_network
from harness.system.cache import find_cache

MODEL = "full-size"
REFERENCE = "local-reference-float64"
PAIRS = ((REFERENCE, "local-port", "witnesses"), (REFERENCE, "local-onnxruntime", "witnesses-alike"))
"""Two environments, and the witnesses that they have: rules part the first pair, last bits the second."""
EXAMPLES = 12
PAUSE_SECONDS = 0.02  # between two looks at the memory of `harness` itself
MOST_MEMORY, MOST_WRITTEN = 2e9, 500e6
TABLE = f"""name = "{MODEL}"
description = "VGG-Face's shape, random weights."
prototxt = "deploy.prototxt"
caffemodel = "vgg_face.caffemodel"
labels = "labels.txt"

[preprocess]
height = 224
width = 224
channel_order = "bgr"
mean = [93.5940, 104.7624, 129.1863]

[examples]
default = "examples/examples.jsonl"
"""


@dataclass(frozen=True)
class Call:
    """A command's output, its seconds, the peak memory of `harness` itself, and the cells that it had run."""

    output: str
    seconds: float
    memory: int
    cells: Sequence[dict[str, Any]]


def main() -> None:
    """Run one example in pairs of environments, trace it, explain it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where 1.2 GB may be written; files stay")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    for *names, witnesses in PAIRS:
        write_model(options.folder, witnesses)
        measured = measure(options.folder, names)
        print(json.dumps(measured) if options.json else describe(measured), flush=True)


def write_model(folder: Path, witnesses: str) -> None:
    """A model folder of VGG-Face's shape with one of two sets of witnesses; weights are made once.

    Three of the witnesses in each blob of `witnesses-alike` are one channel: the deviation is 0, but for last
    bits.
    """
    make_model(folder)
    network = vgg_face_network()
    (folder / "labels.txt").write_text("".join(f"person{one}\n" for one in range(network.logits.shape[0])))
    (folder / "witnesses").mkdir(exist_ok=True)
    (folder / "witnesses-alike").mkdir(exist_ok=True)
    for number, attribute in enumerate(ATTRIBUTES):
        name = f"{attribute}_witness.txt"
        entries = {blob: [number, number + 7] for blob in STEERED}
        write_witnesses(folder / "witnesses" / name, entries)
        alike = {"fc7": [3, 5]} if attribute == "mouth" else {blob: [20] for blob in STEERED if blob != "fc7"}
        write_witnesses(folder / "witnesses-alike" / name, alike)
    files = "".join(f'{one} = "{witnesses}/{one}_witness.txt"\n' for one in ATTRIBUTES)
    (folder / "model.toml").write_text(f"{TABLE}\n[witnesses]\n{files}")
    copy_examples(folder / "examples")


def copy_examples(folder: Path) -> None:
    """A few faces of the bundled model, which are made larger for this network."""
    folder.mkdir(exist_ok=True)
    source = ROOT / "models" / "tiny-vgg-face" / "examples"
    with (source / "examples.jsonl").open(encoding="utf-8") as lines:
        entries = [json.loads(line) for line, _ in zip(lines, range(EXAMPLES), strict=False)]
    for one in entries:
        path = folder / Path(one["file"]).name
        shutil.copyfile(source / one["file"], path)
        one.update(file=path.name, sha256=hash_file(path))
    (folder / "examples.jsonl").write_text("".join(json.dumps(one) + "\n" for one in entries))


def measure(folder: Path, names: Sequence[str]) -> dict[str, Any]:
    """What a run of two environments, a trace and an explanation of one divergence of it take."""
    chosen = [word for name in names for word in ("--environment", name)]
    fresh = ["--epsilon", str(EPSILON + 1e-9 * (time.time_ns() % 1000 + 1))]
    with tempfile.TemporaryDirectory(prefix="harness-full-") as reports:
        place = ["--reports", reports]
        run = call(["matrix", "--model", str(folder.resolve()), *chosen, *fresh, *place, "--json"])
        summary = json.loads(run.output)
        found = {"cells": names, "examples": len(summary["divergences"]), "run": describe_call(run)}
        if not summary["divergences"]:
            return found
        example, path = summary["divergences"][0]["example"], str(Path(reports) / summary["run"])
        wanted = [path, "--example", example]
        trace = call(["trace", *wanted, "--cell", names[1], "--output", str(Path(reports) / "trace")])
        explained = call(["explain", *wanted, "--json"])
        groups = json.loads(explained.output)["groups"]
        found["reports"] = count_bytes(Path(reports))
    found |= {"trace": describe_call(trace), "explain": describe_call(explained)}
    return found | {"verdict": groups[0]["verdict"], "sentence": groups[0]["sentence"]}


def call(arguments: Sequence[str]) -> Call:
    """What `harness` prints, what it takes, and what the cells say that it had run."""
    cells, start = set(list_cells()), time.perf_counter()
    command, memory = [sys.executable, "-m", "harness", *arguments], 0
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        with subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=errors) as process:
            while process.poll() is None:
                memory = max(memory, read_peak(process.pid))
                time.sleep(PAUSE_SECONDS)
        text, said = read_text(output), read_text(errors)
    if process.returncode not in (0, 1):
        sys.exit(f"{' '.join(command)}: {said}")
    seconds = time.perf_counter() - start
    made = [read_cell(path) for path in list_cells() if path not in cells]
    return Call(text, seconds, memory, [one for one in made if one["model"] == MODEL])  # others may run, too


def read_text(file: IO[bytes]) -> str:
    """All that a program wrote."""
    file.seek(0)
    return file.read().decode()


def list_cells() -> list[Path]:
    """Every cell that the store has."""
    return list((find_cache(ROOT) / "store").glob("*/cell.json"))


def read_peak(process: int) -> int:
    """Highest resident bytes of a process so far; 0 where it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    found = status.partition("VmHWM:")[2].split()
    return int(found[0]) * 1024 if found else 0


def read_cell(path: Path) -> dict[str, Any]:
    """What a cell took: its memory beyond the network, as its backend holds it, and what it wrote."""
    cell = json.loads(path.read_text(encoding="utf-8"))
    job = cell["job"]
    network = 4 * sum(count_values(shape) for shape in vgg_face_network().parameter_shapes().values())
    is_double = job["settings"].get("precision") == "float64" and job.get("task") != "audit"
    held = network * (3 if is_double else 1)  # float32 files, and what they are turned into
    return {
        "model": job["model"].get("name"),
        "task": job.get("task", "judge"),
        "environment": job.get("environment"),
        "seconds": cell["timings"]["worker_seconds"],
        "processor": cell["timings"]["processor_seconds"],
        "memory": cell["peak_memory_bytes"],
        "beyond": cell["peak_memory_bytes"] - held,
        "written": count_bytes(path.parent),
    }


def count_bytes(folder: Path) -> int:
    """What all files in a folder take."""
    return sum(one.stat().st_size for one in folder.rglob("*") if one.is_file())


def count_values(shape: Sequence[int]) -> int:
    """How many numbers an array of this shape has."""
    count = 1
    for side in shape:
        count *= side
    return count


def describe_call(one: Call) -> dict[str, Any]:
    """What a command took."""
    written = sum(cell["written"] for cell in one.cells)
    return {
        "seconds": round(one.seconds, 1), "memory": one.memory, "written": written, "cells": list(one.cells)
    }  # fmt: skip


def describe(measured: dict[str, Any]) -> str:
    """The same as text."""
    lines = [f"{' and '.join(measured['cells'])}: {measured['examples']} of {EXAMPLES} diverge"]
    for verb in ("run", "trace", "explain"):
        if verb in measured:
            one = measured[verb]
            lines.append(f"  {verb}: {one['seconds']} s, {megabytes(one['written'])} written,"
                         f" {megabytes(one['memory'])} in harness itself")  # fmt: skip
            lines += [
                f"    {cell['task']} in {cell['environment']}: {megabytes(cell['memory'])},"
                f" {megabytes(cell['beyond'])} beyond the network, {megabytes(cell['written'])} written"
                for cell in one["cells"]
            ]
    if "verdict" in measured:
        lines.append(f"  the run's folder with the trace's copy: {megabytes(measured['reports'])}")
        lines.append(f"  {measured['verdict']}: {measured['sentence']}")
    return "\n".join([*lines, f"  aims: {megabytes(MOST_MEMORY)} beyond, {megabytes(MOST_WRITTEN)} written"])


def megabytes(count: float) -> str:
    """A number of bytes for people."""
    return f"{count / 1e6:.0f} MB"


if __name__ == "__main__":
    main()
