"""What calibrates: cells that agree with the reference on every example, and how good the reference is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.explain.counterfactual import Answers, Side
from harness.explain.errands import audit, run_errands, trace
from harness.explain.noise import (
    KNOWN,
    LIMIT,
    PERCENTILE,
    Algorithm,
    Finding,
    classify,
    gather_deviations,
    make_envelope,
)
from harness.records.record import walk_records

MOST_EXAMPLES = 6  # of a cell that calibrates


@dataclass(frozen=True)
class Sound:
    """What an audit found of cells by one algorithm that agree with the reference, and which these are."""

    cells: tuple[str, ...] = ()
    findings: Sequence[Finding] = ()


def measure_sound(algorithm: Algorithm, answers: Answers) -> Sound:
    """The findings on one such cell; none where there is none here, or nothing that audits."""
    if algorithm not in answers.calibrated:
        side = next((one for one in answers.sound if calibrates(one, algorithm)), None)
        known = algorithm in KNOWN and side is not None
        findings = list(look_at_cell(side, answers)) if side is not None and known else []
        cells = (side.label,) if side is not None and findings else ()
        answers.calibrated[algorithm] = Sound(cells, findings)
    return answers.calibrated[algorithm]


def calibrates(side: Side, algorithm: Algorithm) -> bool:
    """Whether a cell is by an algorithm; one in float64 is as good as what judges it, and says nothing."""
    return classify(side.job) == algorithm and side.job["settings"].get("precision") != "float64"


def look_at_cell(side: Side, answers: Answers) -> Iterator[Finding]:
    """An audit of a cell by its own rules."""
    examples = list(side.records)[:MOST_EXAMPLES]
    if answers.auditor is None or not examples:
        return
    (traced,) = run_errands(answers, [trace(side, examples)])
    if isinstance(traced, Path):
        (held,) = run_errands(answers, [audit(answers.auditor, traced, side, examples)])
        if isinstance(held, Path):
            yield from walk_records(held)


def list_calibrations(answers: Answers) -> list[dict[str, Any]]:
    """What a summary says of each algorithm that was calibrated."""
    return [
        describe_calibration(algorithm, one) for algorithm, one in answers.calibrated.items() if one.findings
    ]


def describe_calibration(algorithm: Algorithm, sound: Sound) -> dict[str, Any]:
    """The largest percentile of any stage, in deviations, and the limit that it makes."""
    envelope = make_envelope(algorithm, (), sound.findings)
    by_stage = gather_deviations(sound.findings)
    highest = [float(np.percentile(values, PERCENTILE)) for values in by_stage.values()]
    return {
        "algorithm": algorithm,
        "percentile": max(highest, default=0.0),
        "limit": max(envelope.stages.values(), default=LIMIT),
        "examples": envelope.count,
        "cells": list(sound.cells),
    }


def describe_reference(answers: Answers) -> dict[str, Any] | None:
    """How far the float64 reference was off sums without rounding, in deviations of what it judged.

    What it is not good enough to judge is not told, and counts under `uncalibrated`.
    """
    if answers.auditor is None:
        return None
    audits = (ones for looks in answers.looks.values() for ones in looks.audits.values())
    found = [line for ones in audits for lines in ones.values() for line in lines if line.get("own")]
    told = [line["own"] for line in found if line.get("note") != "uncalibrated"]
    if not found:
        return None
    return {
        "environment": answers.auditor.name,
        "distance": max(told, default=0.0),
        "stages": len(told),
        "uncalibrated": len(found) - len(told),
    }
