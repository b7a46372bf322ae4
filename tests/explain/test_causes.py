"""The shape of a line of causes.jsonl."""

import json

import msgspec
import pytest

from harness.core.errors import InputError
from harness.explain.causes import Cause, Explanation, Named, Proof
from harness.system.documents import take_shape

LINE = {
    "schema": 1,
    "example": "benign-0001",
    "cells": ["one", "two"],
    "tuples": [[1, 2, 3], [1, 2, 4]],
    "verdict": "proven",
    "sentence": "The two differ.",
    "command": "harness explain RUN",
    "causes": [{"cause": "ddof", "factor": "port.ddof", "a": 0, "b": 1}],
    "proof": {"kind": "undone", "in": "two", "tuple": [1, 2, 3], "other": 4},
}


def test_a_line_is_read_as_it_is_written():
    made = take_shape(LINE, Explanation, "causes.jsonl:1")
    assert made.causes == [Named("ddof", "port.ddof", 0, 1)]
    assert made.proof == Proof("undone", "two", (1, 2, 3), 4)
    again = json.loads(msgspec.json.encode(made))
    assert again | LINE == again


@pytest.mark.parametrize("key", ["example", "cells", "tuples", "verdict", "sentence", "command"])
def test_a_line_without_a_key_says_which(key):
    line = {name: value for name, value in LINE.items() if name != key}
    with pytest.raises(InputError, match=f"causes.jsonl:1.*{key}"):
        take_shape(line, Explanation, "causes.jsonl:1")


@pytest.mark.parametrize(("key", "value"), [("schema", 2), ("verdict", "guessed"), ("cells", ["one"])])
def test_a_line_of_another_shape_is_refused(key, value):
    with pytest.raises(InputError, match=key):
        take_shape({**LINE, key: value}, Explanation, "causes.jsonl:1")


def test_every_cause_has_a_slug_and_a_title_of_its_own():
    assert all(cause.value == cause.value.lower() and cause.title for cause in Cause)
    assert len({cause.title for cause in Cause}) == len(Cause)
