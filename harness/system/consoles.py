"""The two consoles: results on standard output, what goes on meanwhile on standard error."""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.text import Text

from harness.system.text import make_line

PLAIN_WIDTH = 120  # where the stream is no terminal and COLUMNS is not set


def open_output() -> Console:
    """Standard output."""
    return Console(width=choose_width(terminal=sys.stdout.isatty()), highlight=False)


def open_errors() -> Console:
    """Standard error."""
    return Console(stderr=True, width=choose_width(terminal=sys.stderr.isatty()), highlight=False)


def make_text(text: str, style: str = "") -> Text:
    """One line of any text for a console: no markup, nothing that steers the terminal."""
    return Text(make_line(text), style)


def choose_width(*, terminal: bool) -> int | None:
    """Columns to draw in; None leaves it to the terminal."""
    return None if terminal or os.environ.get("COLUMNS") else PLAIN_WIDTH
