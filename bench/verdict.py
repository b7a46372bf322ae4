"""Time and memory of a verdict (a plain and a steered pass) against two plain passes, full-size VGG-Face."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.convert import make_model
from harness.ami.detection import build_detector, run_plain, run_steered
from harness.ami.port import ATTRIBUTES, Port
from harness.ami.steering import Parameters
from harness.ami.witnesses import Entries, concatenate_witnesses, read_witnesses
from harness.backends import Settings, find_backend
from harness.core.network import Network
from harness.core.network_files import read_network, read_weights
from harness.model.convert import convert_model

BACKENDS = ("pytorch", "onnxruntime")
# The published witnesses: 306 entries, in these 17 blobs.
STEERED = [
    "conv1_1",
    "conv2_2",
    "pool2",
    "conv3_1",
    "conv3_2",
    "conv3_3",
    "pool3",
    "conv4_1",
    "conv4_2",
    "conv4_3",
    "pool4",
    "conv5_1",
    "conv5_2",
    "conv5_3",
    "pool5",
    "fc6",
    "fc7",
]
ENTRIES_PER_BLOB = 18
TARGET_RATIO = 1.25
TARGET_MEMORY_OVER_WEIGHTS = 1.5e9
Timings = dict[str, dict[str, list[float]]]


def main() -> None:
    """Measure each backend in a process of its own, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="where 1.2 GB may be written; files stay")
    parser.add_argument("--witnesses", type=Path, help="folder of *_witness.txt; random ones otherwise")
    parser.add_argument("--backends", default=",".join(BACKENDS), help="names, separated by commas")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5, help="measurements, of which the median counts")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options)))
        return
    network = convert_model(*make_model(options.folder), options.folder / "networks")
    measured = {name: start_child(name, network) for name in options.backends.split(",")}
    print(json.dumps(measured, indent=1) if options.json else describe(measured))


def start_child(backend: str, network: Path) -> dict[str, Any]:
    """Measurements of one backend in its own process, so that peaks of memory stay apart."""
    command = [sys.executable, "-m", "bench.verdict", *sys.argv[1:]]
    command += ["--backends", backend, "--child", str(network)]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=root)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds and peak bytes of one backend; for ONNX Runtime also one session over the whole network."""
    network = read_network(options.child)
    weights = read_weights(options.child, network)
    settings = Settings(threads=options.threads)
    executor = find_backend(options.backends).load(network, weights, settings)
    detector = build_detector(executor, read_entries(options.witnesses, network), Port(), Parameters())
    rng = np.random.default_rng(1)
    value = executor.to_native(rng.normal(0, 60, (options.batch, *network.input.shape)))

    def plain() -> np.ndarray:
        return executor.to_numpy(run_plain(executor, value))

    def verdict() -> tuple[np.ndarray, np.ndarray]:
        return plain(), executor.to_numpy(run_steered(detector, value))

    times = alternate({"plain pair": lambda: (plain(), plain()), "verdict": verdict}, options.repeats)
    peak = peak_memory()
    if options.backends == "onnxruntime":
        whole = make_whole(network, weights, settings)
        times.update(alternate({"whole plain": lambda: whole(value), "cut plain": plain}, options.repeats))
    return summarise(times, peak, sum(array.nbytes for array in weights.values()), vars(options))


def read_entries(folder: Path | None, network: Network) -> Entries:
    """Witness entries by blob: published ones, or as many random ones."""
    if folder is not None:
        files = {attribute: folder / f"{attribute}_witness.txt" for attribute in ATTRIBUTES}
        witnesses = {attribute: read_witnesses(path, network) for attribute, path in files.items()}
        return concatenate_witnesses(witnesses, Port())
    rng = np.random.default_rng(0)
    channels = {name: network.blobs[network.index(name)].shape[0] for name in STEERED}
    return {name: [tuple(rng.integers(count, size=ENTRIES_PER_BLOB))] for name, count in channels.items()}


def make_whole(
    network: Network, weights: dict[str, np.ndarray], settings: Settings
) -> Callable[[np.ndarray], object]:
    """The plain pass as one ONNX session, as somebody would run it who does not steer."""
    from harness.backends.onnx_graph import BOTTOM, TOP
    from harness.backends.onnxruntime import build_session

    span = network.span(network.input.name, network.logits.name)
    whole = build_session(network.input, span, weights, settings)
    return lambda value: whole.session.run([TOP], {BOTTOM: value})


def alternate(actions: dict[str, Callable[[], object]], repeats: int) -> Timings:
    """Wall and processor seconds of actions that take turns, after one unmeasured turn each.

    Turns spread a machine's other load evenly; processor seconds hardly see it.
    """
    times: Timings = {name: {"wall": [], "cpu": []} for name in actions}
    for turn in range(repeats + 1):
        for name, action in actions.items():
            wall, cpu = time.perf_counter(), time.process_time()
            action()
            if turn:
                times[name]["wall"].append(time.perf_counter() - wall)
                times[name]["cpu"].append(time.process_time() - cpu)
    return times


def peak_memory() -> int:
    """Highest resident bytes of this process.

    Not `ru_maxrss`: on Linux a process started by a larger one begins with the larger one's peak.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status says no VmHWM; run the bench on Linux")


def summarise(times: Timings, peak: int, weights: int, options: dict[str, Any]) -> dict[str, Any]:
    """Medians and ratios beside the raw times."""
    medians = {
        clock: {name: statistics.median(both[clock]) for name, both in times.items()}
        for clock in ("wall", "cpu")
    }
    ratios = {clock: medians[clock]["verdict"] / medians[clock]["plain pair"] for clock in medians}
    return {
        "batch": options["batch"],
        "threads": options["threads"],
        "load_average": os.getloadavg()[0],
        "median_seconds": medians,
        "verdict_ratio": ratios,
        "target_ratio": TARGET_RATIO,
        "peak_memory_bytes": peak,
        "weight_bytes": weights,
        "target_memory_bytes": weights + TARGET_MEMORY_OVER_WEIGHTS,
        "seconds": times,
    }


def describe(measured: dict[str, dict[str, Any]]) -> str:
    """The measurements as text."""
    lines = []
    for backend, one in measured.items():
        lines.append(f"{backend}, batch {one['batch']}, {one['threads']} threads, median seconds")
        for name in one["seconds"]:
            wall, cpu = (one["median_seconds"][clock][name] for clock in ("wall", "cpu"))
            lines.append(f"  {name:12} {wall:6.2f} wall {cpu:6.2f} processor")
        wall, cpu = one["verdict_ratio"]["wall"], one["verdict_ratio"]["cpu"]
        lines.append(f"  verdict / plain pair {wall:.2f} wall, {cpu:.2f} processor (target {TARGET_RATIO})")
        peak, target = one["peak_memory_bytes"] / 1e6, one["target_memory_bytes"] / 1e6
        lines.append(f"  peak memory {peak:.0f} MB (target {target:.0f})")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
