"""Two values held against each other: how far one is off, measured in what rounding can do."""

from __future__ import annotations

from typing import Any, Dict, Optional

import numpy as np

from harness.worker.exact import WORTH
from harness.worker.truth import Truth

SMALLEST = float(np.finfo(np.float32).tiny)  # what lies below may be 0 to whoever flushes it
UNKNOWN = "uncalibrated"  # of a stage whose truth is not better known than what it judges
LARGEST = 1e300  # where anything can be


def hold_against(found: np.ndarray, truth: Truth, resolution: float = 0.0) -> Dict[str, Any]:
    """How far a value is off the truth: `error` and `relative`, and in bounds (`ratio`) and deviations.

    `noise` is one deviation where the error is largest in deviations, and at least the `resolution`: what a
    stage comes to that cancels, or is 0, is not known better than what went in. Null where one side alone has
    values that are no finite numbers, and where the truth is not that much better than what it judges; `own`
    is how far it is off itself, in deviations.
    """
    values, known = found.astype(np.float64), np.isfinite(truth.value)
    both = known & np.isfinite(values)
    if not (both | is_same_special(values, truth.value)).all():
        where = int(np.count_nonzero(~both))
        return {
            **make_finding(None, values=values),
            "what": f"{where} values that are no finite numbers on one side alone",
        }
    if not both.any():
        return make_finding(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, values)
    error = abs(values - truth.value)[both]
    bound, scale = (limit(one[both], resolution) for one in (truth.bound, truth.scale))
    off, size = float(np.sqrt((error**2).mean())), float(np.sqrt((truth.value[both] ** 2).mean()))
    worst, furthest = int(np.argmax(error / bound)), int(np.argmax(error / scale))
    finding = make_finding(
        float(error.max()),
        off / size if size else float(off > 0),
        float(bound[worst]),
        float(error[worst] / bound[worst]),
        float(scale[furthest]),
        float(error[furthest] / scale[furthest]),
        values,
    )
    return weigh_truth(finding, truth.own)


def weigh_truth(finding: Dict[str, Any], own: float) -> Dict[str, Any]:
    """A finding with how good the truth is; in no units of noise where that is too bad to tell."""
    finding["own"] = own
    if WORTH * own > max(1.0, finding["deviations"]):
        return {**finding, "bound": None, "ratio": None, "noise": None, "deviations": None, "note": UNKNOWN}
    return finding


def limit(sizes: np.ndarray, resolution: float) -> np.ndarray:
    """What rounding can do, as numbers that JSON has."""
    least = min(max(SMALLEST, resolution), LARGEST)
    return np.clip(np.where(np.isnan(sizes), LARGEST, sizes), least, LARGEST)


def is_same_special(values: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Where both are NaN, or the same infinity."""
    same: np.ndarray = (np.isnan(values) & np.isnan(others)) | (~np.isfinite(values) & (values == others))
    return same


def make_finding(
    error: Optional[float],
    relative: Optional[float] = None,
    bound: Optional[float] = None,
    ratio: Optional[float] = None,
    noise: Optional[float] = None,
    deviations: Optional[float] = None,
    values: Optional[np.ndarray] = None,
) -> Dict[str, Any]:
    """What is said of a stage that is a number; `value` is the number, or the root mean square of several."""
    finite = None if values is None else values[np.isfinite(values)]
    size = finite if finite is None or finite.size < 2 else np.sqrt((finite**2).mean())
    return {
        "value": None if size is None or not np.size(size) else float(np.ravel(size)[0]),
        "error": error,
        "relative": relative,
        "bound": bound,
        "ratio": ratio,
        "noise": noise,
        "deviations": deviations,
        "what": None,
    }


def say(what: Optional[str]) -> Dict[str, Any]:
    """What is said of a stage that is no number: in words what differs, or nothing."""
    return {**make_finding(None if what else 0.0), "what": what}
