"""What rounding can do at a stage, by the algorithm that a side computes with.

An audit counts errors in standard deviations of roundings that are independent of each other. Of the bundled
model's examples no stage is off by more than two, in NumPy, PyTorch, ONNX Runtime, OpenVINO or OpenCV, with
Winograd's algorithm or without. Half precision in one layer is off by dozens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from harness.explain.causes import Stage

LIMIT = 6.0  # deviations; three times the most of any sound backend
MOST = 2 * LIMIT  # to which sound environments may widen it; half precision in one layer is off by dozens
PERCENTILE = 99.0
FACTOR = 3.0  # above that percentile of agreeing examples
LEAST = 5  # agreeing examples that calibrate an algorithm
Algorithm = Literal["direct", "winograd", "tf32", "half"]
KNOWN: tuple[Algorithm, ...] = ("direct", "winograd")
"""Algorithms of which the audit knows how large roundings are."""

Finding = Mapping[str, Any]
"""A line of an audit."""


def classify(job: Mapping[str, Any]) -> Algorithm:
    """By what algorithm and in which precision a side's job computes."""
    settings = job.get("settings") or {}
    if settings.get("precision", "float32") not in ("float32", "float64"):
        return "half"
    on_card = str(settings.get("device", "cpu")).startswith("cuda")
    if on_card and settings.get("tf32"):
        return "tf32"
    by_opencv = job.get("backend") == "opencv" and settings.get("winograd", True)
    return "winograd" if by_opencv or on_card else "direct"


@dataclass(frozen=True)
class Envelope:
    """How many deviations are noise: by theory, and by stage from examples on which cells agree.

    A stage that neither says anything of is not calibrated, and nothing is claimed of it. `count` is how many
    examples the stages rest on.
    """

    algorithm: Algorithm
    stages: Mapping[str, float] = field(default_factory=dict)
    count: int = 0

    def find_limit(self, stage: str) -> float | None:
        """Deviations that are noise at a stage; None where nothing is known."""
        return self.stages.get(stage, LIMIT if self.algorithm in KNOWN else None)

    def is_beyond(self, finding: Finding) -> bool:
        """Whether a stage's error is more than noise; what differs in words always is."""
        if finding.get("what"):
            return True
        limit, deviations = self.find_limit(finding["stage"]), finding.get("deviations")
        return limit is not None and deviations is not None and deviations > limit

    def measure(self, finding: Finding) -> Stage:
        """A finding in terms of noise."""
        limit, noise = self.find_limit(finding["stage"]), finding.get("noise")
        known = None if limit is None or noise is None else limit * noise
        deviations = finding.get("deviations")
        ratio = None if limit is None or deviations is None else deviations / limit
        return Stage(finding["stage"], finding.get("error"), known, ratio)


def calibrate(job: Mapping[str, Any], findings: Iterable[Finding], sound: Sequence[Finding] = ()) -> Envelope:
    """The envelope of a side's algorithm, from audits."""
    return make_envelope(classify(job), findings, sound)


def make_envelope(algorithm: Algorithm, findings: Iterable[Finding], sound: Sequence[Finding]) -> Envelope:
    """An algorithm's envelope, from an audit of examples on which both sides of a pair agree.

    Where there is a theory it is widened by `sound` alone, which is of cells that agree on all examples, and
    not without end: who is judged does not say what is noise.
    """
    known = algorithm in KNOWN
    by_stage = gather_deviations(sound if known else findings)
    highest = {
        stage: FACTOR * float(np.percentile(values, PERCENTILE))
        for stage, values in by_stage.items()
        if len(values) >= LEAST
    }
    limits = {stage: max(LIMIT, min(one, MOST) if known else one) for stage, one in highest.items()}
    return Envelope(algorithm, limits, max((len(by_stage[stage]) for stage in limits), default=0))


def gather_deviations(findings: Iterable[Finding]) -> dict[str, list[float]]:
    """The deviations that were found, stage by stage."""
    found: dict[str, list[float]] = {}
    for one in findings:
        if one.get("deviations") is not None:
            found.setdefault(one["stage"], []).append(float(one["deviations"]))
    return found
