"""The five cases of a Gold-Original-Attribute tuple."""

from __future__ import annotations

CASES = ("X-X-X", "X-X-Y", "X-Y-X", "X-Y-Y", "X-Y-Z")

MEANINGS = {
    "X-X-X": "true negative",
    "X-X-Y": "false positive",
    "X-Y-X": "true positive, recovered",
    "X-Y-Y": "false negative, evasion",
    "X-Y-Z": "true positive",
}


def name_case(gold: int, original: int, attribute: int) -> str:
    """Case of one tuple of class ids: X is Gold, Y the first other class, Z a third."""
    if original == gold:
        return "X-X-X" if attribute == gold else "X-X-Y"
    if attribute == gold:
        return "X-Y-X"
    return "X-Y-Y" if attribute == original else "X-Y-Z"
