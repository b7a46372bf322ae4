"""The report against the rules of axe-core, in both themes and at both ends of the widths."""

import pytest
from html_samples import make_rich
from summaries import make_summary

from harness.report.html.write import write_html

Axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe


def find_violations(page):
    """What axe objects to, in words that help to find it."""
    found = Axe().run(page).response["violations"]
    return [(one["id"], node["html"][:200], node["failureSummary"]) for one in found for node in one["nodes"]]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_no_rule_is_broken(tmp_path, open_tab, theme, width):
    (path,) = write_html(tmp_path / "report.html", make_rich())
    page = open_tab(width=width, theme=theme, bypass_csp=True).open(path)
    assert find_violations(page) == []
    for fold in ("#agreeing-fold summary", ".unfold >> nth=1", ".legend summary", ".apart >> nth=0"):
        page.locator(fold).first.click()
    if width < 800:
        page.locator("#more-filters").click()
    assert find_violations(page) == []


@pytest.mark.parametrize("exit_code", [0, 2])
def test_the_other_banners_break_none_either(tmp_path, open_tab, exit_code):
    (path,) = write_html(tmp_path / "report.html", make_summary(exit_code=exit_code))
    for theme in ("light", "dark"):
        assert find_violations(open_tab(theme=theme, bypass_csp=True).open(path)) == []


def test_a_broken_rule_is_found(tmp_path, open_tab):
    (path,) = write_html(tmp_path / "report.html", make_summary())
    page = open_tab(bypass_csp=True).open(path)
    page.evaluate("document.querySelector('h1').style.color = '#ddd'")
    assert [one[0] for one in find_violations(page)] == ["color-contrast"]
