"""The one error that people see: what happened, where, and what to do."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Iterator, Union

MOST_CHARACTERS = 4000  # of a message, which may hold what stands in a file
END_CHARACTERS = 1000  # of its end, where it says what to do


class InputError(Exception):
    """Something that was handed in cannot be used; the message names it, its place and the way out."""

    def __init__(self, message: str) -> None:
        super().__init__(cut_middle(message))


class RefusedError(InputError):
    """One example's file cannot be used; the other examples can."""


def cut_middle(text: str) -> str:
    """A text of no more characters than a message may have: its beginning and its end."""
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[: MOST_CHARACTERS - END_CHARACTERS - 3]} … {text[-END_CHARACTERS:]}"


@contextlib.contextmanager
def name_file(path: Union[Path, str]) -> Iterator[None]:
    """Have what the system refuses name the file: of one that is open, as on a full disk, it does not."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error


def explain_refusal(error: OSError) -> str:
    """What the system refused, where, and what to do."""
    place = f"{error.filename}: " if error.filename is not None else ""
    return f"{place}{error.strerror or error}; see to that disk or place, then start it again"
