"""Detectors: a module each, found by the name that stands in the job."""

from __future__ import annotations

from typing import Dict, Protocol

from harness.core.errors import InputError
from harness.detectors import ami
from harness.detectors.detection import Detect, Setup

DEFAULT = "ami"


class DetectorModule(Protocol):
    """A detector's module."""

    def build(self, setup: Setup) -> Detect:
        """The detector over one model, loaded as it wants it; it makes the passes that it needs."""


DETECTORS: Dict[str, DetectorModule] = {"ami": ami}


def find_detector(name: str) -> DetectorModule:
    """The detector of that name; InputError where there is none."""
    if name not in DETECTORS:
        raise InputError(f"detector {name!r}: unknown; there are {', '.join(DETECTORS)}")
    return DETECTORS[name]
