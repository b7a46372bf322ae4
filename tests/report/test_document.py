"""The document in pieces is the document that the summary's classes would write, with nothing that steers."""

import json

import pytest
from summaries import HOSTILE, divergence, make_summary

from harness.report.document import NO_LIST, list_pieces
from harness.system.text import make_json

BREAKS = 'a\u2028b\x85c\x0bd\n "divergences": []'


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("text", ["x", "".join(HOSTILE), BREAKS, NO_LIST])
def test_pieces_are_the_whole_document(count, text):
    ones = tuple(divergence(f"{text}{number}", b=(1, 2, 2)) for number in range(count))
    summary = make_summary(divergences=ones, verdict=text, notes=(text,))
    document = "".join(list_pieces(summary))
    assert document == make_json(summary.model_dump_json(indent=1)) + "\n"
    assert [one["example"] for one in json.loads(document)["divergences"]] == [one.example for one in ones]


def test_every_divergence_is_a_piece_of_its_own():
    ones = tuple(divergence(f"x{number}", b=(1, 2, 2)) for number in range(50))
    pieces = list(list_pieces(make_summary(divergences=ones)))
    assert all(sum(one.example in piece for one in ones[20:40]) <= 1 for piece in pieces)
