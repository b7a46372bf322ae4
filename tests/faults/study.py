"""Many drawn faults, explained blind in several processes; what was found of each, a line each."""

import contextlib
import fcntl
import json
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from faults.clean import Clean, draw_clean, explain_clean
from faults.draw import draw_fault, draw_pair
from faults.explained import explain_fault
from faults.forked import fork_workers, read_seconds
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
    if order.what == "clean":
        return draw_clean(order.seed, number, order.models)
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
        waiting = [pool.submit(judge_number, root, order, one) for one in left]
        for done in as_completed(waiting):
            write_line(path, done.result())
            yield done.result()


STACK = contextlib.ExitStack()
"""What a process of the study keeps to its end."""
FORKED = []
"""The folder of what it forks."""


def begin():
    """Have this process's workers forked."""
    FORKED.append(STACK.enter_context(fork_workers()))


def judge_number(root, order, number):
    """What was found of one fault, or of one clean pair, as plain data."""
    drawn, started = draw(order, number), time.monotonic()
    line = {"what": order.what, "seed": order.seed, "number": number, "kinds": drawn.kinds}
    line |= {"model": drawn.model, **describe(drawn)}
    used = read_seconds(FORKED[0])
    try:
        found = look(Project(root / drawn.model), drawn, order)
    except Exception:  # noqa: BLE001 - the others are to be explained all the same
        return {**line, "broke": traceback.format_exc()[-1500:], "seconds": time.monotonic() - started}
    return {
        **line,
        **tell(found),
        "seconds": round(found.seconds, 2),
        "cpu": round(read_seconds(FORKED[0]) - used, 2),
    }


def look(project, drawn, order):
    """A fault, or a clean pair, explained."""
    if order.what == "clean":
        return explain_clean(project, drawn)
    return explain_fault(project, drawn.fault, f"{order.what}-{drawn.number}", stages=True)


def describe(drawn):
    """Where a fault is, and what is to be found of it."""
    if isinstance(drawn, Clean):
        sides = [{**one, **more} for one, more in zip(drawn.sides, drawn.variables, strict=True)]
        return {"backend": drawn.sides[0].get("backend", "reference"), "sides": sides, "expected": []}
    fault = drawn.fault
    return {
        "backend": fault.backend,
        "expected": fault.causes,
        "stage": fault.stage,
        "value": fault.value,
    }


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
        "parting": ((found.parting or {}).get("stage") or {}).get("stage"),
    }


def read_lines(path):
    """The lines of a file; none where there is none."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def write_line(path, line):
    """Add a line to a file."""
    with path.open("a", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(json.dumps(line) + "\n")
