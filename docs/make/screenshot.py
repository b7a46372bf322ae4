"""A picture of the sample report's first page, for docs/reports.md.

python docs/make/screenshot.py
"""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "reports" / "sample" / "report.html"
PICTURE = ROOT / "docs" / "report.png"
WIDTH, HEIGHT = 1280, 1500
MOST_BYTES = 300_000


def main() -> None:
    """Take the picture where there is a Chromium; else say so and leave the old one."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print(f"there is no chromium here: {PICTURE.relative_to(ROOT)} stays as it is")
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        page.goto(PAGE.as_uri())
        page.wait_for_function("[...document.images].every(image => image.complete)")
        page.screenshot(path=PICTURE)
        browser.close()
    size = PICTURE.stat().st_size
    assert size < MOST_BYTES, f"{PICTURE}: {size} bytes; make it smaller"
    print(f"{PICTURE.relative_to(ROOT)}: {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
