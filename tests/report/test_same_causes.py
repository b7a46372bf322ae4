"""Terminal, Markdown, page, JUnit and JSON say the same causes: which, how sure, of how many departures."""

import html
import io
import json
import re
import xml.etree.ElementTree as ET
from collections import Counter
from urllib.parse import parse_qsl

import pytest
from rich.console import Console
from summaries import divergence, make_summary

from harness.explain.causes import Explanation, Named, Stage
from harness.explain.groups import summarise_causes
from harness.report.causes import MOST_BRIEF
from harness.report.explained import write_explained
from harness.report.terminal import print_summary
from harness.report.write import HTML, write_reports
from harness.summary.causes import CausesSummary
from harness.summary.reading import read_summary

SETS = (
    ("b", "proven", "pool3-channels", 5),
    ("b", "proven", "pool3-channels alpha", 3),
    ("b", "proven", "pool3-channels alpha beta", 1),
    ("b", "proven", "alpha", 4),
    ("b", "unknown", "", 2),
    ("c", "consistent", "decoder", 3),
    ("c", "proven", "listing-order", 9),
)
FAMILIES = {("proven", "pool3-channels & more", "b"): 9, ("proven", "alpha", "b"): 4,
            ("proven", "listing-order", "c"): 9, ("consistent", "decoder", "c"): 3,
            ("unknown", "unknown", "b"): 2}  # fmt: skip
VERDICTS = "proven|consistent|unknown"


def explain(cell, verdict, causes, number):
    """One explanation, its stage measured for the first of a set."""
    names = causes.split()
    example = f"{cell}-{'-'.join(names) or 'none'}-{number}"
    return Explanation(
        example, ("a", cell), ((1, 1, 1), (1, 2, 2)), verdict, f"{example} is so.", f"explain {example}",
        causes=[Named(one, f"port.{one}", 0, 1) for one in names],
        stage=Stage("steered pool3", 0.3, 1e-6, 3e5) if number == 0 and names else None,
    )  # fmt: skip


@pytest.fixture(name="folder", scope="module")
def write_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("same") / "run"
    ones = [explain(*one[:3], number) for one in SETS for number in range(one[3])]
    divergences = tuple(divergence(one.example, **{one.cells[1]: (1, 2, 2)}) for one in ones)
    write_reports(folder, make_summary(baseline="a", divergences=divergences))
    write_explained(folder, CausesSummary.model_validate(summarise_causes(ones, 7)), ones)
    return folder


def say(names):
    return ", ".join(names.split()) or "unknown"


WANTED = Counter({(verdict, say(causes), cell): count for cell, verdict, causes, count in SETS})


def test_the_json_has_every_set(folder):
    groups = json.loads((folder / "summary.json").read_text())["causes"]["groups"]
    found = Counter({
        (one["verdict"], say(" ".join(it["cause"] for it in one["causes"])), one["cells"][1]): one["count"]
        for one in groups
    })  # fmt: skip
    assert found == WANTED


def test_the_text_has_every_set_and_each_family_with_all_of_its_departures(folder):
    text = (folder / "report.txt").read_text(encoding="utf-8")
    heads = re.findall(rf"^ +(\d+) ({VERDICTS})  (.+), (\w) against a$", text, re.MULTILINE)
    families = {(verdict, names, cell): int(number) for number, verdict, names, cell in heads}
    lead = {
        (verdict, names.removesuffix(" & more"), cell): count
        for (verdict, names, cell), count in FAMILIES.items()
    }
    assert families == lead
    sets = re.findall(rf"^ {{8,}}(\d+) ({VERDICTS})  ([\w, -]+)$", text, re.MULTILINE)
    assert Counter({(verdict, names, "b"): int(number) for number, verdict, names in sets}) == {
        key: count for key, count in WANTED.items() if key[1].startswith("pool3-channels")
    }


def test_markdown_has_every_family_and_the_sets_of_each(folder):
    text = html.unescape((folder / "report.md").read_text(encoding="utf-8"))
    rows = [
        line.strip("| ").split(" | ")
        for line in text.splitlines()
        if re.match(rf"\| \d+ \| ({VERDICTS})", line)
    ]
    families = {
        (verdict, names, re.match(r"<code>(\w)", cell)[1]): int(number)
        for number, verdict, names, cell, _ in rows
        if "against" in cell
    }
    assert families == FAMILIES
    sets = {(one[1], one[2], "b"): int(one[0]) for one in rows if "against" not in one[3]}
    assert sets == {key: count for key, count in WANTED.items() if key[1].startswith("pool3-channels")}


def test_the_page_has_every_family_and_every_set(folder):
    text = (folder / HTML).read_text(encoding="utf-8")
    links = re.findall(r'<a href="#([^"]*)" aria-label="Show[^>]*>(\d+)</a>', text)
    asked = [dict(parse_qsl(html.unescape(link))) for link, _ in links]
    found = {
        (one["verdict"], one["cause"], one["environment"]): int(number)
        for one, (_, number) in zip(asked, links, strict=True)
    }
    assert found == FAMILIES | {key: count for key, count in WANTED.items() if "," in key[1]}
    assert "5 by this alone" in text


def test_junit_has_every_departure(folder):
    tree = ET.parse(folder / "junit.xml")
    texts = [
        (suite.get("name"), one.text) for suite in tree.iter("testsuite") for one in suite.iter("failure")
    ]
    said = [
        (cell, re.search(rf"^cause, ({VERDICTS})(?:, (.*?))?: ", text, re.MULTILINE)) for cell, text in texts
    ]
    assert Counter((one[1], one[2] or "unknown", cell) for cell, one in said) == WANTED


def test_a_stage_is_measured_or_named_after_the_one_that_was(folder):
    summary = read_summary(folder)
    markdown = html.unescape((folder / "report.md").read_text(encoding="utf-8"))
    junit = html.unescape((folder / "junit.xml").read_text(encoding="utf-8"))
    assert markdown.count("steered pool3 (300000") == 6  # one of each set that has causes
    assert junit.count("first stage: steered pool3 (300000") == 6
    assert junit.count("first stage: as b-alpha-0") == 3
    assert sum(bool(one.ratios) for one in summary.divergences) == 6


def show(summary, folder, width):
    """Lines of a terminal of so many columns."""
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_summary(summary, folder, console)
    return [
        line[place : place + width]
        for line in console.file.getvalue().splitlines()
        for place in range(0, max(len(line), 1), width)
    ]


def test_the_last_screen_of_a_small_terminal_has_causes_the_page_and_what_next(folder):
    last = show(read_summary(folder), folder, 80)[-24:]
    told = "\n".join(last)
    for (verdict, names, cell), count in FAMILIES.items():
        assert re.search(rf"^ *{count}  {verdict} +{names} +in {cell}$", told, re.MULTILINE), (verdict, names)
    assert "27 departures explained: 22 proven, 3 consistent, 2 unknown" in told
    assert "report.html" in "".join(last)
    assert last[-1].startswith("next: explain ")


def test_many_families_are_counted_in_the_last_lines(folder):
    summary = read_summary(folder)
    group = summary.causes.groups[0]
    many = tuple(group.model_copy(update={"count": 2}) for _ in range(MOST_BRIEF + 3))
    causes = summary.causes.model_copy(update={"groups": many})
    more = summary.model_copy(update={"causes": causes, "divergences": ()})
    assert "  and 6 in 3 smaller groups" in show(more, folder, 100)


def test_a_run_that_was_not_explained_says_how(folder, tmp_path):
    summary = read_summary(folder).model_copy(update={"causes": None})
    (tmp_path / "run.json").write_text("{}")
    assert re.fullmatch(rf"next: .*explain {re.escape(str(tmp_path))}", show(summary, tmp_path, 200)[-1])
    assert not show(summary, folder, 200)[-1].startswith("next")
