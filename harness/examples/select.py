"""Some of a subject's examples, chosen by their ids."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from harness.core.errors import InputError
from harness.core.text import store_name
from harness.examples.subject import PreparedSubject

MOST_CLOSE = 3
MOST_SEARCHED = 100_000  # ids among which close ones are looked for; more would take seconds


def choose_examples(prepared: PreparedSubject, patterns: Sequence[str]) -> PreparedSubject:
    """What was prepared, restricted to the examples that ids or globs name; all of it without any.

    InputError for a pattern that names none.
    """
    ids = prepared.subject.example_ids
    named = {one for pattern in patterns for one in match_ids(ids, pattern)}
    only = tuple(one for one in ids if one in named)
    if not patterns or only == ids:
        return prepared
    subject = dataclasses.replace(prepared.subject, example_ids=only, only=only)
    note = f"{len(only)} of {len(ids)} examples, chosen with --example"
    return dataclasses.replace(prepared, subject=subject, notes=(*prepared.notes, note))


def match_ids(ids: Sequence[str], pattern: str) -> list[str]:
    """The id that a pattern is, or else those that it names as a glob; InputError where there is none."""
    pattern = store_name(pattern)
    found = [pattern] if pattern in ids else [one for one in ids if fnmatchcase(one, pattern)]
    if not found:
        close = get_close_matches(pattern, ids[:MOST_SEARCHED], MOST_CLOSE)
        hint = f"close to it are {', '.join(close)}" if close else f"the first of them is {ids[0]}"
        raise InputError(f"--example {pattern}: names none of {len(ids)} examples; {hint}")
    return found
