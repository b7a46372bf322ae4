"""A real browser for the report's tests: Debian's Chromium, without a network, every request recorded."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cards import put_run
from html_samples import NAMES, make_rich
from waiting import settle

from harness.report.html.write import write_html

CHROMIUM = shutil.which("chromium")
SHOTS = Path(__file__).resolve().parents[3] / ".harness" / "screenshots"
TALL = 8000  # room for all cards of a small report, so that all are built
FLAGS = ["--no-sandbox", "--disable-gpu"]


@dataclass
class Tab:
    """A page in the browser, with all that it said and asked for."""

    page: object
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def open(self, path, address=""):
        self.page.goto(Path(path).as_uri() + address)
        settle(self.page)
        return self.page

    def shoot(self, name):
        """Keep a screenshot as the test's output."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.set_viewport_size({**self.page.viewport_size, "height": 1800})
        self.page.screenshot(path=SHOTS / f"{name}.png")


@pytest.fixture(scope="module")  # an idle browser takes processor time from the tests that follow
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no chromium; on Debian: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api").sync_playwright()
    with playwright as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(name="open_tab")
def make_tabs(browser):
    """Tabs of any width and theme; after the test each must have kept silent and asked for nothing else."""
    tabs, contexts = [], []

    def open_tab(width=1400, height=TALL, theme="light", **more):
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, offline=True, **more
        )
        context.set_default_timeout(120_000)
        tab = Tab(context.new_page())
        tab.page.on("console", lambda message: tab.said.append(message.text))
        tab.page.on("pageerror", lambda error: tab.said.append(str(error)))
        tab.page.on("request", lambda request: tab.asked.append(request.url))
        contexts.append(context)
        tabs.append(tab)
        return tab

    yield open_tab
    for context in contexts:
        context.close()
    assert [text for tab in tabs for text in tab.said] == []
    assert [url for tab in tabs for url in tab.asked if not url.startswith(("file:", "data:"))] == []


@pytest.fixture
def tab(open_tab):
    return open_tab()


@pytest.fixture(name="path", scope="module")
def write_rich(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    run = put_run(folder / "run", NAMES, model="m")
    (path,) = write_html(folder / "report.html", make_rich(), [run])
    return path


@pytest.fixture(name="page")
def open_rich(path, tab):
    return tab.open(path)
