"""AmI: an input is adversarial where steering its attributes changes the answer."""

from __future__ import annotations

from functools import partial
from typing import List, Optional, Tuple

import numpy as np

from harness.ami.detection import Detector, build_detector, choose_blobs, run_both, to_number
from harness.ami.statistics import Smallest, Statistics, find_smallest, is_certain, measure_ratio
from harness.ami.steering import Steering
from harness.ami.witnesses import concatenate_witnesses
from harness.detectors.detection import Detect, Detection, Setup


def build(setup: Setup) -> Detect:
    """AmI over the blobs that the port steers."""
    entries = concatenate_witnesses(setup.witnesses, setup.port)
    walked, moved = choose_blobs(setup.network, entries, setup.port)
    return partial(detect, build_detector(setup.load(walked), moved, setup.port, setup.parameters))


def detect(detector: Detector, inputs: np.ndarray) -> List[Detection]:
    """Detections of a batch, with the least deviation over mean of any blob's statistics and where it was."""
    blobs: List[Tuple[str, np.ndarray]] = []
    plain, steered = run_both(detector, inputs, partial(note_ratios, detector, blobs))
    return [decide(*each) for each in zip(plain, steered, find_smallest(blobs, len(inputs)))]


def note_ratios(
    detector: Detector, blobs: List[Tuple[str, np.ndarray]], steering: Steering, measured: Statistics
) -> None:
    """Add a steered blob's deviations over means (N,), unless these are 0 whatever the arithmetic."""
    if not is_certain(steering.entries):
        blobs.append((steering.blob, measure_ratio(detector.executor, measured, detector.port)))


def decide(plain: np.ndarray, steered: np.ndarray, ratio: Smallest) -> Detection:
    """What AmI says of one input, from both passes' logits (classes,)."""
    original = int(np.argmax(plain))
    more = {"sigma_ratio": ratio and list(ratio)}
    return Detection(
        plain, steered, original != int(np.argmax(steered)), score_detection(original, steered), more
    )


def score_detection(original: int, attribute_logits: np.ndarray) -> Optional[float]:
    """Highest other logit of the steered pass minus that of Original: above 0 where AmI detects."""
    others = np.delete(attribute_logits, original)
    with np.errstate(invalid="ignore"):
        return to_number(others.max() - attribute_logits[original]) if others.size else None
