"""Standard output and standard error: open, whoever started the command, and free of what steers others."""

from __future__ import annotations

import errno
import io
import json
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

from harness.system.text import make_json, make_line

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MOST_LINE = 20_000  # characters; an error may name many things
CLOSED = {errno.EPIPE, errno.EINVAL} if sys.platform == "win32" else {errno.EPIPE}


class ForgivingOutput(io.RawIOBase):
    """A stream's file; what is written after its reader has gone is dropped, and no error."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def write(self, data: ReadableBuffer, /) -> int:
        """Write some of the bytes; how many."""
        try:
            return os.write(self.descriptor, data)
        except OSError as error:
            if error.errno not in CLOSED:
                raise
            drop_output(self.descriptor)
            return memoryview(data).nbytes

    def fileno(self) -> int:
        """Its number."""
        return self.descriptor

    def writable(self) -> bool:
        """It is made for that."""
        return True


def drop_output(descriptor: int) -> None:
    """Have what is written to a descriptor from now on go nowhere."""
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), descriptor)


def open_streams() -> None:
    """Make both streams ones that take every character, that may have been closed, and whose reader may go.

    `harness diff RUN | head` ends with the same exit code as without `head`.
    """
    open_descriptors()
    if sys.stdout is sys.__stdout__:
        sys.stdout = make_stream(1, sys.stdout)
    if sys.stderr is sys.__stderr__:
        sys.stderr = make_stream(2, sys.stderr)


def open_descriptors() -> None:
    """Have descriptors that are closed lead nowhere: the next file that is opened would get their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one


def make_stream(number: int, before: TextIO | None) -> TextIO:
    """A terminal as it is, in its own encoding; anything else behind an outlet, in UTF-8."""
    if isinstance(before, io.TextIOWrapper) and before.isatty():
        before.reconfigure(errors="backslashreplace")
        return before
    return io.TextIOWrapper(
        io.BufferedWriter(ForgivingOutput(number)),
        encoding="utf-8",
        errors="backslashreplace",
        line_buffering=number == 2,
    )


def print_line(text: str, *, error: bool = False) -> None:
    """Print one line that may hold anything, on standard output or standard error."""
    print(make_line(text, MOST_LINE), file=sys.stderr if error else sys.stdout)


def print_json(data: Any) -> None:
    """Print plain data as JSON, in which no CI system finds a command."""
    print(make_json(json.dumps(data, indent=1, allow_nan=False)))
