"""The command that runs a divergent example again, in the environments that it is divergent among."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.plan.identity import name_environment
from harness.system.invocation import name_place, name_program

FILES = ("prototxt", "caffemodel", "labels", "witnesses")
PARAMETERS = ("port", "alpha", "beta", "epsilon")


def start_command(request: Mapping[str, Any], model: str) -> str:
    """Everything but environments and example: verb, model and whatever else the run was asked for.

    Nothing for a run of which that is not known.
    """
    if not request:
        return ""
    words = [*name_program(), "run" if any(request.get(name) for name in FILES) else "matrix", "--model"]
    words.append(str(request.get("model") or model))
    for name in FILES:
        words += option(name, request.get(name))
    stages = request.get("stages")
    for stage in stages if isinstance(stages, list) else ():
        words += option("stage", stage)
    level = request.get("level")
    words += option("level", level if isinstance(level, int) else None)
    examples = request.get("examples")
    for place in examples if isinstance(examples, list) else ():
        words += option("examples", place)
    words += option("npy", request.get("npy"))
    override = request.get("override")
    for name in PARAMETERS:
        words += option(name, override.get(name) if isinstance(override, dict) else None)
    rules = override.get("rules") if isinstance(override, dict) else None
    for rule in rules if isinstance(rules, list | tuple) else ():
        words += option("rule", rule)
    repeat = request.get("repeat")
    words += option("repeat", repeat if isinstance(repeat, int) and repeat > 1 else None)
    words += ["--fresh"] if request.get("fresh") is True else []
    return join_words(words)


def option(name: str, value: Any) -> list[str]:
    """An option with its value; nothing where there is none."""
    return [] if value is None else [f"--{name}", str(value)]


def quote_environment(label: str) -> str:
    """The environment of a cell with this label, as an option."""
    return join_words(["--environment", name_environment(label)])


def join_words(words: Sequence[str]) -> str:
    """Words as a shell takes them; empty where one holds what no shell should be fed."""
    return shlex.join(words) if all(map(str.isprintable, words)) else ""


def write_diff(runs: Sequence[Path]) -> str:
    """The command that compares runs again; nothing without runs."""
    return join_words([*name_program(), "diff", *map(name_place, runs)]) if runs else ""
