"""`python -m harness`."""

from __future__ import annotations

import signal
import sys

COULD_NOT_RUN = 2
MISSING = (
    "{name} is not installed in {python}; from the project's folder, `nox -s harness -- VERB …` runs"
    " any verb, or install it: python -m pip install -e ."
)


def start() -> None:
    """Run the command line; one line where this interpreter is too old, or lacks what it is made of."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing has begun: Ctrl-C needs no traceback
    if sys.version_info < (3, 11):  # noqa: UP036 - it may be any that people have
        give_up(f"needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}")
    try:
        from harness.cli import main
    except ModuleNotFoundError as error:
        if (error.name or "harness").partition(".")[0] == "harness":
            raise
        give_up(MISSING.format(name=error.name, python=sys.executable))
    main()


def give_up(reason: str) -> None:
    """Say why nothing can run, and leave."""
    print(f"harness: {reason}", file=sys.stderr)
    sys.exit(COULD_NOT_RUN)


if __name__ == "__main__":
    start()
