"""What changes give the values that a partial trace holds, by an environment that computes in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.core.traces import Trace
from harness.dumps.targets import PIXELS, TUPLE
from harness.explain.counterfactual import Answers, Failure, Side
from harness.explain.errands import Errand, declare_rules, run_errands
from harness.explain.match import Candidate
from harness.explain.noise import LIMIT, Finding
from harness.explain.patches import as_patch, merge_patches
from harness.records.record import walk_records

LOOSE = 0.01  # of a value's size
UNMEASURED = (PIXELS, TUPLE)  # they are equal or not


@dataclass(frozen=True)
class Dumped:
    """A cell, a partial trace of one of its examples, and the cell's own trace of it."""

    side: Side
    trace: Trace
    known: Trace
    example: str
    answers: Answers
    labels: Sequence[str] = ()

    def ask(
        self, candidates: Sequence[Candidate], at: str | None = None, rounding: Sequence[str] = ()
    ) -> list[Sequence[Finding]]:
        """What each change comes to of every array: of `at` alone where it misses that; nothing if refused.

        InputError where nothing can be computed here.
        """
        if not candidates:
            return []
        auditor = self.answers.auditor
        if auditor is None:
            raise InputError(
                "--foreign: needs an environment of backend reference in float64; add one to environments/"
            )
        base = declare_rules(self.side)
        if self.side.job["decoder"] != auditor.decoder:
            base["decoder"] = self.side.job["decoder"]
        patches = [merge(base, one) for one in candidates]
        details: dict[str, Any] = {"trace": str(self.trace.folder), "patches": patches, "limit": LIMIT}
        details.update({"at": at} if at else {}, rounding=list(rounding))
        (found,) = run_errands(self.answers, [Errand("predict", auditor, [self.example], details)])
        if isinstance(found, Failure):
            raise InputError(
                f"--foreign: {auditor.name} cannot compute what is held against it ({found.reason})"
            )
        return read_findings(found, len(patches))


def merge(base: Mapping[str, Any], changes: Candidate) -> dict[str, Any]:
    """Changes over what a cell declares; of parameters each over those before it."""
    merged = merge_patches([as_patch(base), *changes])
    weights: dict[str, Any] = {}
    for one in changes:
        if "weights" in one.data:
            weights = {**one.data["weights"], **({"over": weights} if weights else {})}
    return {**merged, **({"weights": weights} if weights else {})}


def read_findings(folder: Path, count: int) -> list[Sequence[Finding]]:
    """Findings of every patch, in the order in which they were asked for."""
    found: list[Sequence[Finding]] = [()] * count
    for record in walk_records(folder):
        found[int(record["patch"])] = record.get("stages") or ()
    return found


def is_beyond(finding: Finding) -> bool:
    """Whether a value is off by more than rounding."""
    return bool(finding.get("what")) or (finding.get("deviations") or 0.0) > LIMIT


def is_loose(finding: Finding) -> bool:
    """Whether rounding can come to so much of a value by then that one which fits says little.

    Also where what it is held against is itself not known well enough.
    """
    if is_beyond(finding) or finding["array"] in UNMEASURED:
        return False
    return LIMIT * (finding.get("spread") or 0.0) > LOOSE or finding.get("deviations") is None


def find_array(findings: Sequence[Finding], array: str) -> Finding | None:
    """What was found of an array; None where rules have no stage for it, or it is not in the dump."""
    return next((one for one in findings if one["array"] == array), None)
