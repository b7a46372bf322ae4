"""What is seen of a fetch: lines now and then, or a bar where there is a terminal."""

import io

import pytest
from rich.console import Console

from harness.fetch import screen
from harness.fetch.screen import open_screen


@pytest.mark.parametrize(
    ("total", "said"), [(4_000_000, "1.5 of 4.0 MB\n2.5 of 4.0 MB\n"), (None, "1.5 MB\n2.5 MB\n")]
)
def test_without_a_terminal_lines_tell_how_far_it_is(monkeypatch, total, said):
    monkeypatch.setattr(screen, "PLAIN_SECONDS", 0.0)
    out = io.StringIO()
    with open_screen(Console(file=out)) as shown:
        for done in (1_500_000, 2_500_000):
            shown.show_bytes(done, total)
    assert out.getvalue() == said


def test_without_a_terminal_lines_do_not_come_all_the_time(monkeypatch):
    monkeypatch.setattr(screen, "PLAIN_SECONDS", 1e9)
    out = io.StringIO()
    with open_screen(Console(file=out)) as shown:
        shown.show_bytes(1, 2)
        shown.say("a [b]line[/b]")
    assert out.getvalue() == "a [b]line[/b]\n"


def test_on_a_terminal_a_bar_tells_it():
    out = io.StringIO()
    with open_screen(Console(file=out, force_terminal=True, width=100)) as shown:
        for done in (1_000_000, 2_000_000):
            shown.show_bytes(done, 4_000_000)
        (bar,) = shown.progress.tasks
        assert (bar.completed, bar.total) == (2_000_000, 4_000_000)
    assert "2.0/4.0 MB" in out.getvalue()
