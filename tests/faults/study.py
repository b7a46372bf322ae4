"""Many drawn faults, explained blind in several processes; what was found of each, a line each."""

import contextlib
import fcntl
import json
import time
import traceback
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from faults.draw import draw_fault, draw_pair
from faults.explained import explain_fault
from faults.forked import fork_workers
from faults.models import write_models
from faults.project import Project


@dataclass(frozen=True)
class Order:
    """What is drawn: how many, from which seed, of which kinds and models; one fault alone with `only`."""

    what: str = "singles"
    count: int = 100
    seed: int = 1
    kinds: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    only: int | None = None


def draw(order, number):
    """The fault of a number."""
    if order.what == "pairs":
        return draw_pair(order.seed, number, order.models)
    return draw_fault(order.seed, number, order.kinds, order.models)


def run_study(root, order, path, jobs):
    """Explain all faults of an order, and add a line of each to a file; those that it has are not run again.

    The models and what is run of them are shared by all processes.
    """
    known = {(one["what"], one["seed"], one["number"]) for one in read_lines(path)}
    numbers = range(order.count) if order.only is None else [order.only]
    left = [one for one in numbers if (order.what, order.seed, one) not in known]
    write_models(root, order.models)
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=begin) as pool:
        for line in pool.map(partial(judge_number, root, order), left):
            write_line(path, line)
            yield line


STACK = contextlib.ExitStack()
"""What a process of the study keeps to its end."""


def begin():
    """Have this process's workers forked."""
    STACK.enter_context(fork_workers())


def judge_number(root, order, number):
    """What was found of one fault, as plain data."""
    drawn, started = draw(order, number), time.monotonic()
    line = {"what": order.what, "seed": order.seed, "number": number, "kinds": drawn.kinds}
    line |= {"model": drawn.model, "backend": drawn.fault.backend, "expected": drawn.fault.causes}
    line |= {"stage": drawn.fault.stage, "value": drawn.fault.value}
    try:
        place = order.seed * 100000 + number + (50000 if order.what == "pairs" else 0)
        found = explain_fault(Project(root / drawn.model), drawn.fault, place)
    except Exception:  # noqa: BLE001 - the others are to be explained all the same
        return {**line, "broke": traceback.format_exc()[-1500:], "seconds": time.monotonic() - started}
    return {**line, **tell(found), "seconds": round(found.seconds, 2)}


def tell(found):
    """What was found, shorter: sets of causes with verdicts and how many, values, first stages."""
    sets = [[verdict, list(causes), count] for (verdict, causes), count in found.sets.items()]
    first = [one["causes"][0] for one in found.lines if one["causes"]]
    return {
        "diverge": found.divergences,
        "sets": sets,
        "values": sorted({f"{one['factor']} {one['b']}"[:80] for one in first})[:4],
        "stages": sorted({(one.get("stage") or {}).get("stage") or "" for one in found.lines})[:6],
        "executions": found.executions,
    }


def read_lines(path):
    """The lines of a file; none where there is none."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def write_line(path, line):
    """Add a line to a file."""
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(line) + "\n")
