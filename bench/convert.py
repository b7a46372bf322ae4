"""Time and memory of a full-size conversion, against reading the bytes and writing them again."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.model.caffemodel import write_caffemodel
from harness.model.convert import convert_model
from harness.model.prototxt import write_prototxt
from harness.model.random_weights import random_weights, vgg_face_network

CHUNK_BYTES = 1 << 20
SEED = 1
CHILD = """
import resource, sys, time
from pathlib import Path
from harness.model.convert import convert_model
start = time.perf_counter()
convert_model(*map(Path, sys.argv[1:]))
seconds = time.perf_counter() - start
try:
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(seconds, peak)
"""
# The child asks /proc first: Linux lets a process inherit its parent's ru_maxrss, in KiB; macOS counts bytes.


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=Path, required=True, help="where 1.8 GB may be written; files stay there"
    )
    parser.add_argument("--repeats", type=int, default=3, help="measurements, of which the fastest counts")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    prototxt, caffemodel = make_model(options.folder)
    measured = measure(prototxt, caffemodel, options.folder / "bench-networks", options.repeats)
    print(json.dumps(measured, indent=1) if options.json else describe(measured))


def make_model(folder: Path) -> tuple[Path, Path]:
    """A model of VGG-Face's shape with random weights, unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    prototxt, caffemodel = folder / "deploy.prototxt", folder / "vgg_face.caffemodel"
    if not (prototxt.exists() and caffemodel.exists()):
        network = vgg_face_network()
        write_caffemodel(caffemodel, network, random_weights(network, SEED))
        prototxt.write_text(write_prototxt(network))
    return prototxt, caffemodel


def measure(prototxt: Path, caffemodel: Path, cache: Path, repeats: int) -> dict[str, Any]:
    """Fastest of alternating measurements (other load only ever adds), and the largest peak memory."""
    copy = caffemodel.with_suffix(".copy")
    copied, converted, peaks = [], [], []
    for _ in range(repeats):
        copied.append(seconds(lambda: copy_bytes(caffemodel, copy)))
        shutil.rmtree(cache, ignore_errors=True)
        took, peak = convert_in_child(prototxt, caffemodel, cache)
        converted.append(took)
        peaks.append(peak)
    copy.unlink()
    reused = seconds(lambda: convert_model(prototxt, caffemodel, cache))
    shutil.rmtree(cache)
    size = caffemodel.stat().st_size
    return {
        "file_bytes": size,
        "copy_seconds": min(copied),
        "convert_seconds": min(converted),
        "reuse_seconds": reused,
        "time_ratio": min(converted) / min(copied),
        "peak_memory_bytes": max(peaks),
        "peak_memory_ratio": max(peaks) / size,
        "repeats": repeats,
    }


def copy_bytes(source: Path, target: Path) -> None:
    """Read a file and write it again, until the disk has it, as a conversion does."""
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK_BYTES):
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())


def convert_in_child(prototxt: Path, caffemodel: Path, cache: Path) -> tuple[float, int]:
    """Seconds and peak resident bytes of a conversion in a process of its own."""
    command = [sys.executable, "-c", CHILD, str(prototxt), str(caffemodel), str(cache)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    took, peak = done.stdout.split()
    return float(took), int(peak)


def seconds(action: Callable[[], object]) -> float:
    """How long something takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def describe(measured: dict[str, Any]) -> str:
    """The measurements as text."""
    return (
        f"caffemodel           {measured['file_bytes'] / 1e6:8.0f} MB\n"
        f"read and write it    {measured['copy_seconds']:8.2f} s\n"
        f"convert it           {measured['convert_seconds']:8.2f} s  ({measured['time_ratio']:.2f} times)\n"
        f"find it converted    {measured['reuse_seconds']:8.2f} s\n"
        f"peak memory          {measured['peak_memory_bytes'] / 1e6:8.0f} MB "
        f"({measured['peak_memory_ratio']:.2f} times the file)"
    )


if __name__ == "__main__":
    main()
