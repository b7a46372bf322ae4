"""Mutations by the thousand: `python -m fuzz --reader NAME --number N --seed S`; what is found is kept."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fuzz.drive import MEGABYTES, Tally, limit_memory, make_case, prepare, run_reader

PROGRAM = "fuzz"
SILENT_SECONDS = 300.0  # without a next document; the machine may be busy


def main():
    """Fuzz the readers that are asked for; 1 where something was found."""
    options = read_options()
    if options.child:
        run_child(options)
        return 0
    from fuzz.readers import READERS

    names = options.reader or list(READERS)
    print(f"{'reader':14} {'n':>7} {'read':>7} {'refused':>8} {'seconds':>8} {'findings':>8}", flush=True)
    found = sum(fuzz_reader(READERS[name], options) for name in names)
    print(f"{found} findings, of seed {options.seed}" + (f", in {options.output}" if found else ""))
    return min(found, 1)


def read_options():
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--reader", action="append", help="a reader's name; all of them without it")
    parser.add_argument("--number", type=int, default=1000, help="mutations of each reader")
    parser.add_argument("--first", type=int, default=0, help="number of the first of them")
    parser.add_argument("--seed", default="1", help="another one makes other mutations")
    parser.add_argument("--output", type=Path, default=Path("fuzz-findings"), help="where findings are kept")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def fuzz_reader(reader, options):
    """One reader's mutations in a process of their own, and its line of the table; how many were found."""
    tally, begun = Tally(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as temporary:
        place, stop = Path(temporary), options.first + options.number
        first = options.first
        while first < stop:
            first = follow_child(reader, options, place, first, stop, tally)
        for number, name, reason in tally.findings:
            keep_finding(reader, options, place / "again", number, name, reason)
    refused = tally.number - tally.accepted - len(tally.findings)
    seconds = time.monotonic() - begun
    counts = f"{tally.number:7} {tally.accepted:7} {refused:8} {seconds:8.1f} {len(tally.findings):8}"
    print(f"{reader.name:14} {counts}", flush=True)
    return len(tally.findings)


def follow_child(reader, options, place, first, stop, tally):
    """Watch one process until it ends; the number to go on with after it."""
    words = f"-m {PROGRAM} --reader {reader.name} --first {first} --number {stop - first} --child"
    command = [sys.executable, "-W", "ignore", *words.split(), str(place), "--seed", options.seed]
    process, seen, heard = subprocess.Popen(command), None, time.monotonic()
    while process.poll() is None:
        time.sleep(0.2)
        now = read_now(place, first)
        if now != seen:
            seen, heard = now, time.monotonic()
        if time.monotonic() - heard > SILENT_SECONDS:
            process.kill()
            process.wait()
    collect_tally(place, tally)
    if process.returncode == 0:
        return stop
    number = read_now(place, first)
    whole = prepare(reader, place / "again")
    reason = f"ended its process with {process.returncode}"
    tally.findings.append((number, make_case(reader, whole, options.seed, number)[0], reason))
    tally.number += number + 1 - first
    return number + 1


def read_now(place, first):
    """Number of the document that is being read."""
    try:
        return int((place / "now").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return first


def collect_tally(place, tally):
    """Add what a process came to."""
    path = place / "tally.json"
    if path.exists():
        told = json.loads(path.read_text(encoding="utf-8"))
        path.unlink()
        tally.number += told["number"]
        tally.accepted += told["accepted"]
        tally.findings += [tuple(one) for one in told["findings"]]


def run_child(options):
    """Read the documents of some numbers, and say what came of them."""
    from fuzz.readers import READERS

    reader, tally, place = READERS[options.reader[0]], Tally(), options.child
    limit_memory(MEGABYTES)
    with (place / "now").open("w", encoding="ascii") as now:

        def begin(number):
            now.seek(0)
            now.write(str(number))
            now.flush()

        numbers = range(options.first, options.first + options.number)
        run_reader(reader, place / "folder", numbers, options.seed, tally, begin)
    told = {"number": tally.number, "accepted": tally.accepted, "findings": tally.findings}
    (place / "tally.json").write_text(json.dumps(told), encoding="utf-8")


def keep_finding(reader, options, folder, number, name, reason):
    """Keep the document, and say how to read it again."""
    whole = prepare(reader, folder)
    _, data = make_case(reader, whole, options.seed, number)
    path = options.output / f"{reader.name}-{options.seed}-{number}-{Path(name).name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    again = f"--reader {reader.name} --seed {options.seed} --first {number} --number 1"
    print(f"  {path}: {name}: {reason} ({again})", flush=True)


if __name__ == "__main__":
    sys.exit(main())
