"""What both passes hold on their way, of one image of a batch, as arrays by name."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, Optional, Tuple

import numpy as np

from harness.ami.detection import Detector, list_edits
from harness.ami.statistics import Statistics, choose_arrays
from harness.ami.steering import Factors, Steering, find_factors, resize_cropped
from harness.core.traces import name_plain, name_steered
from harness.core.walk import Edits, Executor, walk

Arrays = Dict[str, np.ndarray]


def record_plain(executor: Executor, value: Any, row: int) -> Arrays:
    """Every blob of one image of a batch in the plain pass."""
    arrays: Arrays = {}

    def keep(blob: str, found: Any) -> None:
        arrays[name_plain(blob)] = take_row(executor, found, row)

    walk(executor, value, watch=keep, watched=list_blobs(executor))
    return arrays


def record_steered(detector: Detector, value: Any, row: int) -> Arrays:
    """The same of the steered pass, with what every visit measured and did."""
    recorder = Recorder(detector, row)
    walk(detector.executor, value, recorder.edits(), recorder.watch, list_blobs(detector.executor))
    return recorder.arrays


def list_blobs(executor: Executor) -> Tuple[str, ...]:
    """Every blob from the input to the logits."""
    network = executor.network
    return tuple(blob.name for blob in network.blobs[: network.index(network.logits.name) + 1])


def take_row(executor: Executor, value: Any, row: int) -> np.ndarray:
    """One image of a native value."""
    return executor.to_numpy(value[row : row + 1])[0]


class Recorder:
    """Notes a steered pass's values; `edited` is the blob that was visited last, until it is watched."""

    def __init__(self, detector: Detector, row: int) -> None:
        self.detector, self.row = detector, row
        self.arrays: Arrays = {}
        self.edited: Optional[str] = None
        self.before: Any = None

    def edits(self) -> Edits:
        """The pass's edits, each of which is noted."""
        pairs = list_edits(self.detector, self.measure)
        return [(blob, partial(self.edit, blob, edit)) for blob, edit in pairs]

    def edit(self, blob: str, edit: Callable[[Any], Any], value: Any) -> Any:
        """A visit's edit, with the value that it finds and the one that it leaves."""
        self.before, self.edited = value, blob
        self.arrays.pop(name_steered(blob), None)  # of coming by before the visit
        self.arrays[f"{name_steered(blob)}/before"] = take_row(self.detector.executor, value, self.row)
        after = edit(value)
        self.arrays[f"{name_steered(blob)}/after"] = take_row(self.detector.executor, after, self.row)
        return after

    def watch(self, blob: str, value: Any) -> None:
        """Note a blob that is no visit's, or that the pass comes by again after one."""
        if blob == self.edited:
            self.edited = None
        else:
            self.arrays[name_steered(blob)] = take_row(self.detector.executor, value, self.row)

    def measure(self, steering: Steering, measured: Statistics) -> None:
        """Note a visit's statistics, and what every channel was multiplied with."""
        port, arrays = self.detector.port, choose_arrays(self.detector.executor, self.detector.port)
        value = self.before
        if steering.resizes and port.pool3_when == "before-statistics":
            value = resize_cropped(self.detector.executor, value, port)
        factors = find_factors(
            self.detector.executor, value, measured, steering, port, self.detector.parameters
        )
        found = {
            "sums": measured.sums,
            "mean": measured.mean,
            "deviation": measured.sigma,
            "minimum": measured.minimum,
            "weakened": factors.weakened,
            "factors": multiply_factors(factors),
        }
        for name, values in found.items():
            rows = arrays.to_numpy(values)[self.row]
            self.arrays[f"{name_steered(steering.blob)}/{name}"] = (
                np.array(rows) if rows.dtype.kind == "f" else rows.astype(np.float32)
            )


def multiply_factors(factors: Factors) -> Any:
    """What every channel is multiplied with in all, (N, C)."""
    total = factors.first * 1
    for channels, grown in factors.later:
        total[:, channels] = total[:, channels] * grown
    return total
