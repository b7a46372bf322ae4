"""What every detector is given, and what it says of an input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional, Sequence

import numpy as np

from harness.ami.port import Port
from harness.ami.steering import Parameters
from harness.ami.witnesses import Witnesses
from harness.core.network import Network
from harness.core.walk import Executor


@dataclass(frozen=True)
class Setup:
    """A model and what was chosen for its detection; `load` makes an executor of a network on its weights."""

    network: Network
    load: Callable[[Network], Executor]
    witnesses: Witnesses
    port: Port
    parameters: Parameters


@dataclass(frozen=True)
class Detection:
    """What a detector says of one input.

    `original` are the plain pass's logits (classes,), `attribute` those of the detector's own pass; one that
    has none gives the plain ones again. `score` is higher the surer the detector is, and None where it is no
    finite number. `more` are fields that the record has of this detector alone.
    """

    original: np.ndarray
    attribute: np.ndarray
    detected: bool
    score: Optional[float]
    more: Mapping[str, Any] = field(default_factory=dict)


Detect = Callable[[np.ndarray], Sequence[Detection]]
"""Makes a detection of each of a batch of network inputs (N, C, H, W)."""
