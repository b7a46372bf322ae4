"""What is done for an explanation besides trying patches: traces, audits, grafts, each a cell of its own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.ami.port import port_to_json, read_port
from harness.core.examples import hash_file
from harness.core.traces import INDEX
from harness.explain.counterfactual import Answers, Found, Side
from harness.plan.environments import Environment

HERE = ("local", "here")  # launchers that need nothing which a machine may lack


@dataclass(frozen=True)
class Errand:
    """A task to be done in an environment, on some examples, with what its job says besides."""

    task: str
    environment: Environment
    examples: Sequence[str]
    details: Mapping[str, Any]

    @property
    def key(self) -> str:
        """What tells it from others."""
        parts = [self.task, self.environment.name, list(self.examples), dict(self.details)]
        return json.dumps(parts, sort_keys=True)


def find_auditor(environments: Sequence[Environment]) -> Environment | None:
    """The environment in which traces are held against float64: the reference on this machine."""
    found = [
        one
        for one in environments
        if (one.backend, one.settings.precision) == ("reference", "float64") and one.launcher in HERE
    ]
    return min(found, key=lambda one: (one.python is not None, one.name), default=None)


def run_errands(answers: Answers, errands: Sequence[Errand]) -> list[Found]:
    """What errands come to, side by side; none is run twice."""
    answers.ask((), errands)
    return [answers.errands[one.key] for one in errands]


def trace(side: Side, examples: Sequence[str]) -> Errand:
    """Every value of a side's passes over some examples."""
    return Errand("trace", side.environment, examples, {"examples": list(examples)})


def audit(auditor: Environment, folder: Path, rules: Side, examples: Sequence[str]) -> Errand:
    """A trace held against the rules that a side declares."""
    return Errand("audit", auditor, examples, {**name_trace(folder), "patch": declare_rules(rules)})


def graft(side: Side, folder: Path, grafts: Sequence[Mapping[str, str]], examples: Sequence[str]) -> Errand:
    """A side's passes, each begun with the values of a trace at one blob."""
    details = {**name_trace(folder), "grafts": [dict(one) for one in grafts]}
    return Errand("graft", side.environment, examples, details)


def name_trace(folder: Path) -> dict[str, str]:
    """Where a trace is and which one: what the store has of another trace at that place is none of it."""
    return {"trace": str(folder), "sha256": hash_file(folder / INDEX)}


def declare_rules(side: Side) -> dict[str, Any]:
    """All that a side's job declares of rules, as a patch of any other job."""
    job = side.job
    port = port_to_json(read_port(job["port"]["preset"], job["port"]["rules"]))
    patch = {"port": port, "parameters": job["parameters"], "preprocess": job["model"]["preprocess"]}
    npy = job["examples"].get("npy")
    return {**patch, **({"npy": npy} if npy else {})}
