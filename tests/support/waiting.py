"""Waiting for a page."""

import time

# The page fills its selects, and goes where its address leads, in one step after it has shown its list.
SETTLED = """document.readyState === 'complete' && document.querySelector('[name=sort]').options.length > 0
  && ![...document.querySelectorAll('.gap')].map(one => one.getBoundingClientRect())
  .some(box => box.height > 1 && box.top < innerHeight && box.bottom > 0)"""


def settle(page):
    """Wait until a page has done all that it does by itself."""
    wait_until(page, SETTLED)


def wait_until(page, expression, seconds=120):
    """Wait for a truth in the page; Playwright's own way would need a policy that allows eval."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never came true: {expression}"
        time.sleep(0.02)
