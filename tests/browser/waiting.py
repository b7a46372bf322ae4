"""Waiting for a page."""

import time


def wait_until(page, expression, seconds=20):
    """Wait for a truth in the page; Playwright's own way would need a policy that allows eval."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never came true: {expression}"
        time.sleep(0.02)
