"""How the command ends: which exit code, and what its last line says."""

from __future__ import annotations

import io
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from harness.core.errors import InputError, explain_refusal
from harness.system.extras import explain_import
from harness.system.stopping import Stopped
from harness.system.streams import drop_output, print_line
from harness.system.text import make_lines

COULD_NOT_RUN = 2
INTERRUPTED = 130
SHOW = "HARNESS_TRACEBACK"  # set to anything, it has tracebacks printed


def run_guarded(work: Callable[[], int | None]) -> int:
    """Do the work; its exit code. 1 comes from the work alone: whatever breaks is one line and 2.

    So is a library that gives up by SystemExit, also with 0: what was to be printed is not.
    """
    try:
        code = work() or 0
    except BaseException as error:  # noqa: BLE001 - nothing else stands behind this
        code = explain_ending(error)
    return max(code, flush_output())


def explain_ending(error: BaseException) -> int:
    """Say why the work ended, in one line; the exit code."""
    if isinstance(error, KeyboardInterrupt | Stopped) or isinstance(error.__cause__, KeyboardInterrupt):
        print_line("harness: interrupted", error=True)
        return INTERRUPTED
    if hasattr(error, "format_message") and hasattr(error, "show"):  # the command line was used wrongly
        usage = io.StringIO()
        error.show(usage)
        sys.stderr.write(make_lines(usage.getvalue()))
    else:
        print_line(f"harness: {describe_error(error)}", error=True)
    return COULD_NOT_RUN


def describe_error(error: BaseException) -> str:
    """What to do about bad input and a system that refuses something; of anything else, where it broke."""
    if isinstance(error, InputError):
        return str(error)
    if isinstance(error, ImportError) and (reason := explain_import(error)):
        return reason
    if isinstance(error, OSError):
        return explain_refusal(error)
    reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return (
        f"{reason} ({find_line(error.__traceback__)}); a fault of the harness itself: {keep_traceback(error)}"
    )


def find_line(frames: TracebackType | None) -> str:
    """File and line in which something broke: the last of this project's."""
    own = str(Path(__file__).parents[1])
    lines = [one for one in traceback.extract_tb(frames) if one.filename.startswith(own)]
    return (
        f"{Path(lines[-1].filename).relative_to(Path(own).parent)}:{lines[-1].lineno}"
        if lines
        else "outside it"
    )


def keep_traceback(error: BaseException) -> str:
    """Print the traceback where that is asked for, or else write it; where it is."""
    text = "".join(traceback.format_exception(error))
    if os.environ.get(SHOW):
        sys.stderr.write(make_lines(text))
        return "its traceback is above"
    try:
        descriptor, path = tempfile.mkstemp(prefix="harness-traceback-", suffix=".txt")
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return f"{SHOW}=1 prints its traceback"
    return f"its traceback is in {path}, and {SHOW}=1 prints it"


def flush_output() -> int:
    """Write out what was printed; COULD_NOT_RUN where the disk behind it takes no more."""
    try:
        sys.stdout.flush()
    except OSError as error:
        print_line(f"harness: standard output: {error.strerror or error}", error=True)
        drop_output(sys.stdout.fileno())  # Python tries once more, and would end with 120
        return COULD_NOT_RUN
    return 0
