"""Every benchmark, one after the other, each as ratios within its own run."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPEATS = 5


def main() -> None:
    """Run the benchmarks in a folder that may hold 2.4 GB; without one, in a temporary folder."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the full-size model is made, or found again")
    folder = parser.parse_args().folder
    if folder is not None:
        measure_all(folder.resolve())
        return
    with tempfile.TemporaryDirectory(prefix="harness-bench-") as temporary:
        measure_all(Path(temporary))


def measure_all(folder: Path) -> None:
    """Full-size conversion, verdicts, causes; orchestrator, diff, report, attacks, causes, command line."""
    for name in ("convert", "verdict", "full_size"):
        print(f"\n== {name}", flush=True)
        subprocess.run([sys.executable, "-m", f"bench.{name}", "--folder", str(folder)], check=True, cwd=ROOT)
    print("\n== matrix", flush=True)
    subprocess.run([sys.executable, "-m", "bench.matrix"], check=True, cwd=ROOT)
    print("\n== diff", flush=True)
    subprocess.run([sys.executable, "-m", "bench.diff"], check=True, cwd=ROOT)
    print("\n== report", flush=True)
    subprocess.run([sys.executable, "-m", "bench.report"], check=True, cwd=ROOT)
    print("\n== attacks", flush=True)
    subprocess.run([sys.executable, "-m", "bench.attacks"], check=True, cwd=ROOT)
    print("\n== explain", flush=True)
    subprocess.run([sys.executable, "-m", "bench.explain"], check=True, cwd=ROOT)
    print("\n== command line", flush=True)
    python = fastest([sys.executable, "-c", "pass"])
    for arguments in (["--help"], ["environments"]):
        seconds = fastest([sys.executable, "-m", "harness", *arguments])
        words = " ".join(arguments)
        print(f"harness {words}: {seconds:.2f} s, {seconds / python:.0f} x an empty Python ({python:.3f} s)")


def fastest(command: list[str]) -> float:
    """Shortest of a few wall times in seconds; the others had company."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        subprocess.run(command, check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
