"""The summary as a JSON document, in pieces, so that it never has to be in memory as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from harness.summary.document import Summary
from harness.system.text import make_json

NO_LIST = '\n "divergences": []'  # stands in the document once: no text in it holds a line break


def list_pieces(summary: Summary) -> Iterator[str]:
    """Pieces that together are the document, one divergence at a time; safe to print."""
    yield from map(make_json, list_raw_pieces(summary))


def list_raw_pieces(summary: Summary) -> Iterator[str]:
    """The same, with whatever names hold."""
    document = summary.model_copy(update={"divergences": ()}).model_dump_json(indent=1)
    before, after = document.split(NO_LIST)
    yield before + NO_LIST.removesuffix("]")
    for place, one in enumerate(summary.divergences):
        yield ",\n  " if place else "\n  "
        yield one.model_dump_json(indent=1).replace("\n", "\n  ")
    yield ("\n ]" if len(summary.divergences) else "]") + after + "\n"
