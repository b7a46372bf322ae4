"""A summary that has something of everything the HTML report shows, and hostile text for all of it."""

import json
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from summaries import cell, make_summary, rate

from harness.ami.cases import CASES, name_case
from harness.summary.document import (
    AgreeingSummary,
    AgreementSummary,
    DifferenceSummary,
    DivergenceSummary,
    IncomparableSummary,
    PairSummary,
    Summary,
)

NAMES = ("plain", "caffe", "torch", "onnx", "opencv", "ported")
BASELINE = (7, 7, 3)
ATTACKS = ("benign", "fgsm", "patch")
OTHERS = {"attribute": (7, 7, 9), "case": (7, 7, 7), "original": (7, 4, 3), "gold": (8, 7, 3)}
FIXED = {*CASES, "benign"}


def name_changes(baseline, value):
    """What differs between two tuples."""
    names = [
        name for name, one, other in zip(("gold", "original", "attribute"), baseline, value) if one != other
    ]
    names += ["case"] if name_case(*baseline) != name_case(*value) else []
    return (*names, *(["detected"] if (baseline[1] == baseline[2]) != (value[1] == value[2]) else []))


def make_divergence(place, kind="attribute", departing=("ported",), **more):
    """Divergence number `place`, in which some environments say another tuple of a kind."""
    tuples = {name: OTHERS[kind] if name in departing else BASELINE for name in NAMES}
    classes = [tuple(name for name in NAMES if name not in departing), tuple(departing)]
    given = {
        "example": f"example-{place}", "attack": ATTACKS[place % 3], "source": f"clean-{place}",
        "baseline_environment": NAMES[0], "baseline": BASELINE, "tuples": tuples, "classes": tuple(classes),
        "departing": departing, "expected": dict.fromkeys(departing),
        "changes": dict.fromkeys(departing, name_changes(BASELINE, OTHERS[kind])),
        "margins": dict.fromkeys(NAMES, (2.5, 0.001 * (place + 1))),
        "smallest_margin": 0.001 * (place + 1), "stages": dict.fromkeys(departing, "steered pool3"),
    }  # fmt: skip
    return DivergenceSummary(**{**given, **more})


def make_rich(count=12, **more):
    """Six environments, two of which did not run, some divergences of each kind, and all the rest."""
    divergences = [make_divergence(place) for place in range(count)]
    divergences[1:6] = [
        make_divergence(1, "case", ("caffe", "ported"), stages={"caffe": "file", "ported": None}),
        make_divergence(2, "original", ("opencv",), stages={"opencv": "pixels"}, smallest_margin=1e-5),
        make_divergence(3, "gold", ("torch", "onnx", "opencv", "ported")),
        make_divergence(4, expected={"ported": "another rule for pool3"}),
        make_divergence(5, causes={"ported": "the rule of pool3 was swapped, and with it the tuple"}),
    ]
    given = {
        "reference": NAMES[0], "baseline": NAMES[0],
        "examples": count + 33, "compared": count + 31, "cells": tuple(make_cells()),
        "divergences": tuple(divergences), "agreeing": make_agreeing(31),
        "agreement": AgreementSummary(pairs=tuple(make_pairs()), fleiss_kappa=0.87),
        "labels": {3: "Third Person", 4: "Fourth Person", 7: "Seventh Person", 8: "Eighth", 9: "Ninth"},
        "incomparable": (
            IncomparableSummary(example="lost-1", environment="caffe", reason="has no record"),
            IncomparableSummary(example="lost-2", environment="caffe", reason="has no record"),
        ),
        "register_problems": ("expected divergence of x in y does not occur any more",),
        "notes": ("ported runs port pytorch-port, plain notebook",), "exit_code": 1,
        "verdict": f"{count} of {count + 31} examples diverge among {len(NAMES)} environments",
    }  # fmt: skip
    return make_summary(**{**given, **more})


def make_cells():
    """Six done cells with differences, one that failed, one that is unavailable."""
    differences = (
        DifferenceSummary(what="versions.torch", baseline="2.13.0", here="1.13.1", matters=True),
        DifferenceSummary(what="packages.tzdata", baseline=None, here="2025b", matters=False),
    )
    detection = rate(3, 5, cluster_low=0.21, cluster_high=0.88)
    yield cell("plain", key="0123456789abcdef")
    for name in NAMES[1:-1]:
        yield cell(name, differences=differences, reused=True, detection=detection)
    yield cell("ported", port="pytorch-port", detection=rate(5, 5), differences=differences, origin="a log",
               controls={"pixels": {"differ": 31, "of": 31}, "logits_original": {"differ": 31, "of": 31},
                         "logits_attribute": {"differ": 31, "of": 31}})  # fmt: skip
    yield cell("broken", status="failed", reason="it broke", log_end="first line\nlast line")
    yield cell("away", status="unavailable", reason="no engine answers")


def make_pairs():
    """Every pair of the done cells; the port agrees less."""
    for place, first in enumerate(NAMES):
        for second in NAMES[place + 1 :]:
            hits = 30 if second == "ported" else 43
            yield PairSummary(
                first=first, second=second, agreement=rate(hits, 43), kappa=hits / 43,
                only_first=1, only_second=2, p_value=0.5,
            )  # fmt: skip


def make_agreeing(count):
    """Examples on which all agree."""
    return AgreeingSummary(
        examples=tuple(f"agreeing-{place}" for place in range(count)),
        sources=(None,) * count,
        attacks=tuple(ATTACKS[place % 2] for place in range(count)),
        tuples=((4, 4, 4),) * count,
        smallest_margins=tuple(0.5 + place for place in range(count)),
    )


def plant(summary, mark):
    """The summary with a mark after every text that a file could have brought in, and those texts.

    What is a text is read from the model itself; texts of a closed set stay as they are.
    """
    closed = {"", *FIXED, *list_literals(Summary, set())}
    planted = {}

    def change(value):
        if isinstance(value, dict):
            return {(mark_key(key)): change(one) for key, one in value.items()}
        if isinstance(value, list):
            return [change(one) for one in value]
        return mark_text(value) if isinstance(value, str) else value

    def mark_key(key):
        return key if key in Summary.model_fields or key in FIELDS or key.isdecimal() else mark_text(key)

    def mark_text(text):
        return text if text in closed else planted.setdefault(text, f"{text}{mark}")

    changed = change(json.loads(summary.model_dump_json()))
    return Summary.model_validate_json(json.dumps(changed)), list(planted.values())


def list_models(model, seen):
    """A model and all models that its fields speak of."""
    if model in seen:
        return seen
    seen.add(model)
    for field in model.model_fields.values():
        for part in flatten(field.annotation):
            if isinstance(part, type) and issubclass(part, BaseModel):
                list_models(part, seen)
    return seen


def list_literals(model, seen):
    """Every text of a closed set in a model."""
    for one in list_models(model, seen):
        for field in one.model_fields.values():
            for part in flatten(field.annotation):
                if get_origin(part) is Literal:
                    yield from (value for value in get_args(part) if isinstance(value, str))


def flatten(annotation):
    """An annotation and everything in its brackets."""
    yield annotation
    if get_origin(annotation) is not Literal:
        for part in get_args(annotation):
            yield from flatten(part)


FIELDS = {name for model in list_models(Summary, set()) for name in model.model_fields}
