"""The one error that people see: what happened, where, and what to do."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Iterator, Union


class InputError(Exception):
    """Something that was handed in cannot be used; the message names it, its place and the way out."""


class RefusedError(InputError):
    """One example's file cannot be used; the other examples can."""


@contextlib.contextmanager
def name_file(path: Union[Path, str]) -> Iterator[None]:
    """Have what the system refuses name the file: of one that is open, as on a full disk, it does not."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise


def explain_refusal(error: OSError) -> str:
    """What the system refused, where, and what to do."""
    place = f"{error.filename}: " if error.filename is not None else ""
    return f"{place}{error.strerror or error}; see to that disk or place, then start it again"
