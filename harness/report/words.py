"""The words of a report: what every number is called, one word each, in all of its forms."""

from __future__ import annotations

from dataclasses import dataclass

from harness.records.record import Stage
from harness.summary.document import CellSummary, Change


@dataclass(frozen=True)
class RateWord:
    """A rate of `RatesSummary` by its name there: what it is called, and of what it is counted."""

    key: str
    word: str
    meaning: str


RATES = (
    RateWord("detection", "detected", "of attacked examples with Original other than Gold"),
    RateWord("alarms", "FPR", "detected of benign examples with Original = Gold"),
    RateWord("evasion", "evasion", "Original other than Gold and not detected, of attacked examples"),
    RateWord("recovery", "recovery", "Attribute = Gold, of attacked examples with Original other than Gold"),
    RateWord("alarms_all", "FPR all", "detected of all benign examples"),
    RateWord("accuracy", "accuracy", "Original = Gold, of benign examples"),
    RateWord("attribute_accuracy", "attribute accuracy", "Attribute = Gold, of benign examples"),
)
STAGES: dict[Stage, str] = {
    "file": "file",
    "pixels": "pixels",
    "input": "input",
    "logits_original": "original logits",
    "logits_attribute": "attribute logits",
}
CHANGES: dict[Change, str] = {
    "gold": "Gold",
    "original": "Original",
    "attribute": "Attribute",
    "case": "case",
    "detected": "detected",
}
PAGE = "report.html"  # the form that people look at, in a run's folder
STAGE_NAMES: dict[str, str] = dict(STAGES.items())
"""The same by any name: measured stages have their own."""
FIRST_STAGE = "first stage"
NOT_MEASURED = "not measured"
AS = "as"  # before the example with the same causes, of which it was measured
WHAT_DIFFERS = "what differs"
ORIGINAL_MARGIN = "original margin"
ATTRIBUTE_MARGIN = "attribute margin"
SMALLEST_MARGIN = "smallest margin"
SAME_TUPLE = "same tuple %"
KAPPA = "kappa on detected"
FLEISS = "Fleiss' kappa on detected"


def say_status(cell: CellSummary) -> str:
    """How a cell ended, or what it is a copy of."""
    if cell.copy_of is not None:
        return f"copy of {cell.copy_of}"
    return "reused" if cell.reused else cell.status


def capitalise(words: str) -> str:
    """The same with a capital letter in front."""
    return words[:1].upper() + words[1:]
