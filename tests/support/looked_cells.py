"""Cells of a small network that are run in this process: judged, traced, audited, grafted, patched."""

import contextlib
import copy
import itertools
from pathlib import Path

import numpy as np
from worker_jobs import run

from harness.core.network_files import read_weights
from harness.explain.counterfactual import Answers, Failure, Side, list_patches
from harness.explain.pair import Pair
from harness.plan.environments import Environment
from harness.worker.tasks import judge

FLOAT64 = {"threads": 1, "precision": "float64"}


class Cells:
    """Sides by name; `faults` change weights as they are loaded, where nobody declares it."""

    def __init__(self, tmp_path, monkeypatch):
        self.folder, self.monkeypatch = tmp_path, monkeypatch
        self.jobs, self.faults, self.away = {}, {}, {}
        self.numbers = itertools.count()
        self.errands = []

    def add(self, name, job, fault=None):
        """A side with its job, judged."""
        self.jobs[name], self.faults[name] = copy.deepcopy(job), fault
        records, cell = self.run_task(name, "judge", {})
        environment = make_environment(name)
        return Side(
            name, environment, cell["job"], {one["example"]: one for one in records}, cell, f"run of {name}"
        )

    def run_task(self, name, task, details, only=None):
        """Records and cell of a task."""
        _, records, cell = self.run_folder(name, task, details, only)
        return records, cell

    def run_folder(self, name, task, details, only=None):
        """Folder, records and cell of a task in a side's job."""
        out = self.folder / f"cell-{next(self.numbers)}"
        out.mkdir()
        job = copy.deepcopy(self.jobs[name])
        job.update(task=task, details=details, output=str(out))
        job["examples"] = {**job["examples"], **({"only": list(only)} if only else {})}
        with self.spoil(name):
            code, records, cell = run(job, self.folder)
        assert code == 0, cell["error"]
        return out, records, cell

    @contextlib.contextmanager
    def spoil(self, name):
        """Have a side's fault."""
        fault, real = self.faults[name], judge.load_network

        def load(job, network, walked):
            weights = {key: np.array(one) for key, one in read_weights(job.network, network).items()}
            executor = real(job, network, walked)
            executor._weights = fault(weights)
            return executor

        with self.monkeypatch.context() as patched:
            if fault is not None:
                patched.setattr("harness.worker.loading.load_network", load)
                patched.setattr(judge, "load_network", load)
            yield

    def run_errands(self, errands):
        """A folder for every errand."""
        self.errands.extend(errands)
        return [
            self.away.get(one.environment.name)
            or self.run_folder(one.environment.name, one.task, dict(one.details), one.examples)[0]
            for one in errands
        ]

    def answer(self, questions, errands):
        """A folder of records for every question, and one for every errand."""
        return [
            self.run_folder(one.side.label, "counterfactuals", {"patches": list_patches(one)}, one.examples)[
                0
            ]
            for one in questions
        ] + self.run_errands(errands)

    def pair(self, a, b):
        """Two sides, and what answers about them."""
        names = list(a.records)
        diverging = [name for name in names if a.read_tuple(name) != b.read_tuple(name)]
        agreeing = [name for name in names if name not in diverging]
        auditor = make_environment("auditor")
        self.jobs["auditor"] = {**self.jobs[a.label], "backend": "reference", "settings": FLOAT64}
        self.jobs["auditor"]["port"] = {"preset": "notebook", "rules": {}}
        self.faults["auditor"] = None
        pair = Pair(a, b, diverging, agreeing, lambda example: f"harness explain RUN --example {example}")
        network, made = Path(self.jobs[a.label]["model"]["network"]), self.folder / "made"
        return pair, Answers(self.answer, "code", auditor=auditor, network=network, made=made)


def make_environment(name):
    """An environment, of which only the name is used."""
    return Environment(name=name, description=name, backend="reference", groups=(), packages=())


def fail(reason):
    """What an errand comes to that cannot be run."""
    return Failure(reason, is_unavailable=True)


def scale(layer, factor):
    """A fault: a layer's weights times a factor."""

    def change(weights):
        weights[f"{layer}.weight"] = weights[f"{layer}.weight"] * np.float32(factor)
        return weights

    return change


def reverse(layer):
    """A fault: a layer's outputs in reverse order."""

    def change(weights):
        for part in ("weight", "bias"):
            weights[f"{layer}.{part}"] = np.ascontiguousarray(weights[f"{layer}.{part}"][::-1])
        return weights

    return change
