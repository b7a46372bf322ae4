"""Cells whose logits are a function of their job, so that explaining can be tested without a framework."""

import hashlib
import json
import math
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np

from harness.ami.port import port_to_json, read_port
from harness.core.errors import InputError
from harness.explain.counterfactual import AS_IT_IS, Answers, Failure, Side, list_patches
from harness.explain.pair import Pair
from harness.explain.patches import INPUT_RULES
from harness.plan.environments import Environment

CLASSES = 500
JOB = {
    "backend": "reference",
    "settings": {"threads": 1, "precision": "float32"},
    "batch_size": 8,
    "decoder": "pillow",
    "hashes": {"worker": "code"},
    "model": {
        "network": "models/one",
        "preprocess": {
            "height": 64,
            "width": 64,
            "channel_order": "bgr",
            "mean": [93.594, 104.7624, 129.1863],
            "scale": 1.0,
            "resize": "bicubic",
        },
        "witnesses": {
            name: {"path": f"{name}.txt", "sha256": name * 16} for name in ("leye", "reye", "nose", "mouth")
        },
    },
    "examples": {"npy": None},
    "port": {"preset": "notebook", "rules": {}},
    "parameters": {"alpha": 100.0, "beta": 60.0, "epsilon": 1.15},
}


def make_job(rules=None, **parameters):
    """The job, with some rules and parameters."""
    job = json.loads(json.dumps(JOB))
    job["port"]["rules"] = dict(rules or {})
    job["parameters"].update(parameters)
    return job


def make_environment(name, **more):
    """An environment that nothing ever runs in."""
    return Environment(name=name, description=name, backend="reference", groups=(), packages=(), **more)


def settle(job, *patches):
    """What an answer depends on: the input's part, and the steering's."""
    rules, parameters = dict(job["port"]["rules"]), dict(job["parameters"])
    preprocess, rest = (
        dict(job["model"]["preprocess"]),
        {"batch_size": job["batch_size"], "decoder": job["decoder"]},
    )
    settings = dict(job["settings"])
    labels = {}
    for patch in patches:
        rules.update(patch.get("port", {}))
        parameters.update(patch.get("parameters", {}))
        preprocess.update(patch.get("preprocess", {}))
        settings.update(patch.get("settings", {}))
        labels.update(patch.get("labels", {}))
        rest.update({key: patch[key] for key in patch if key not in TABLES})
    port = port_to_json(read_port(job["port"]["preset"], rules))
    port = {key: value for key, value in port.items() if key != "listing" or port["order"] == "listing"}
    inputs = {rule: port.pop(rule) for rule in INPUT_RULES}
    return (inputs, preprocess, dict(sorted(rest.items())), settings), port, parameters, labels


TABLES = ("port", "parameters", "preprocess", "settings", "labels")


@lru_cache(maxsize=10_000)
def draw(seed):
    """Logits that depend on all of a seed."""
    digest = hashlib.sha256(seed.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big")).normal(0, 5, CLASSES)


def shift(alpha, beta, epsilon):
    """By how much alpha, beta and epsilon move steered logits, little by little."""
    steps = {"alpha": math.log(alpha / 100), "beta": math.log(beta / 60), "epsilon": epsilon - 1.15}
    return sum(2 * step * draw(name) for name, step in steps.items())


def still_bits(inputs):
    """The input's part without last bits: they turn what the steering decides, and move no plain pass."""
    rules, preprocess, rest, settings = inputs
    return rules, preprocess, {**rest, **({"bits": AS_IT_IS} if "bits" in rest else {})}, settings


def answer(job, patches, example, noise=0.0):
    """What a cell says of an example; `noise` is what it adds to every logit."""
    inputs, port, parameters, labels = settle(job, *patches)
    plain = draw(repr((example, still_bits(inputs))))
    steered = draw(repr((example, inputs, port))) + shift(**parameters)
    if noise:
        plain, steered = (one + noise * draw(f"noise {example} {noise}") for one in (plain, steered))
    tops = [[int(one) for one in np.argsort(-logits)[:5]] for logits in (plain, steered)]
    return {
        "example": example,
        "source": example,
        "attack": "benign",
        "gold": 7 + labels.get("shift", 0),
        "original": tops[0][0],
        "attribute": tops[1][0],
        "margin_original": float(plain[tops[0][0]] - plain[tops[0][1]]),
        "margin_attribute": float(steered[tops[1][0]] - steered[tops[1][1]]),
        "top5_original": [[one, float(plain[one])] for one in tops[0]],
        "top5_attribute": [[one, float(steered[one])] for one in tops[1]],
    }


class Toy:
    """A cell: its job, what it does besides without saying so, and how often it has answered."""

    def __init__(self, name, job=None, fault=AS_IT_IS, environment=None, **more):
        self.name, self.job, self.fault = name, job or make_job(), fault
        self.environment = environment or make_environment(name)
        self.noise, self.away = more.get("noise", 0.0), more.get("away")
        self.feels = more.get("feels", lambda _environment: AS_IT_IS)
        self.bits = more.get("bits", lambda _job, _patch: AS_IT_IS)
        self.watched = more.get("watched", lambda original, attribute: [original, attribute])
        self.hashes, self.parameters = more.get("hashes", {}), more.get("parameters", {})
        self.starts = 0

    def say(self, example, environment=None, patch=AS_IT_IS):
        felt = self.feels(environment or self.environment)
        bits = self.bits(self.job, patch)
        if bits:  # nothing but last bits depend on these, and on what they are made of
            patch = {key: value for key, value in patch.items() if key != "batch_size"}
        said = answer(self.job, (self.fault, felt, {"bits": bits}, patch), example, self.noise)
        return {**said, "hashes": self.hashes}


class ToyRunner:
    """Answers questions as the worker does, in a folder of records each."""

    def __init__(self, *toys):
        self.toys = {toy.name: toy for toy in toys}
        self.questions = []

    def __call__(self, questions, errands):
        self.questions.extend(questions)
        return [*map(self.run, questions), *map(self.trace, errands)]

    def run(self, question):
        toy = self.toys[question.side.label]
        toy.starts += 1
        if toy.away:
            return Failure(toy.away)
        folder = Path(tempfile.mkdtemp())
        lines = [
            {"patch": number, **self.try_patch(toy, question, patch, example)}
            for number, patch in enumerate(list_patches(question))
            for example in patch.pop("only", question.examples)
        ]
        (folder / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return folder

    def trace(self, errand):
        toy = self.toys[errand.environment.name]
        records = [toy.say(example) for example in errand.examples]
        lines = [{**one, "watched": toy.watched(one["original"], one["attribute"])} for one in records]
        folder = Path(tempfile.mkdtemp())
        (folder / "records.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return folder

    def try_patch(self, toy, question, patch, example):
        try:
            return toy.say(example, question.place, patch)
        except InputError as error:
            return {"example": example, "refused": str(error)}


def make_pair(a, b, count=8):
    """Two toys as a pair with the examples on which they diverge, and what answers questions about them."""
    names = [f"face-{number}" for number in range(count)]
    sides = []
    for toy in (a, b):
        records = {name: toy.say(name) for name in names}
        sides.append(
            Side(
                toy.name,
                toy.environment,
                toy.job,
                records,
                {"hashes": {"parameters": toy.parameters}},
                f"execution of {toy.name}",
            )
        )
    diverging = [name for name in names if sides[0].read_tuple(name) != sides[1].read_tuple(name)]
    agreeing = [name for name in names if name not in diverging]
    runner = ToyRunner(a, b)
    pair = Pair(*sides, diverging, agreeing, lambda example: f"harness explain RUN --example {example}")
    return pair, Answers(runner, "code"), runner
