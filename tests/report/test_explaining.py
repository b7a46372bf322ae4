"""What is seen while divergences are explained: how far it is, for how long, and what is done at its end."""

import io
import re

import pytest
from rich.console import Console

from harness.report.explaining import open_screen

ENDED = "explained; sharing out changes of rates"


def follow(width, *, terminal):
    """All that is written while two cells are explained, and the change of a rate is shared out."""
    out = io.StringIO()
    with open_screen(Console(file=out, force_terminal=terminal, width=width)) as screen:
        screen.tell(642, 642, 18)
        screen.note("local-listing-nose-first: running 9472 of 19200")
        if screen.bar is not None:
            screen.bar.refresh()
        screen.begin(ENDED)
    return out.getvalue()


@pytest.mark.parametrize("width", [80, 140])
def test_a_bar_has_its_time_at_any_width_and_says_what_is_done_at_its_end(width):
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", follow(width, terminal=True))
    lines = [line for line in text.splitlines() if "642 of 642 explained, 18 executions" in line]
    assert lines
    assert all(re.search(r"executions \d:\d\d:\d\d", line) for line in lines)
    assert any("local-listing" in line for line in lines)
    assert ENDED in text.splitlines()[-1]


def test_elsewhere_there_are_lines():
    assert follow(80, terminal=False).splitlines() == ["642 of 642 explained, 18 executions", ENDED]
