"""The page that docs/make/table5.py writes, from what runs said alone."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.system.numbers import count, show_interval, show_percent, show_points

GROUPS = ("table5-local", "table5")
CASES = ("X-X-X", "X-X-Y", "X-Y-X", "X-Y-Y", "X-Y-Z")
ENVIRONMENT = "environment"
NOT_DECLARED = "last bits, and what no file declares"
MOST_SETS = 3
WIDTH = 118
WORDS = {"detection": "detected", "alarms": "false alarms"}
MADE = "<!-- Made by docs/make/table5.py (`nox -s table5`) from docs/table5.json alone. -->"


def write_page(results: Mapping[str, Any]) -> str:
    """The page, from the results alone."""
    groups = [name for name in GROUPS if name in results["groups"]]
    parts = [MADE, "# Table 5 of the study: which causes make its patterns", *write_head()]
    if "published" in results:
        parts.extend(write_published(results["published"]))
    for name in groups:
        parts.extend(write_group(name, results["groups"][name]))
    parts.extend(write_conclusions(results))
    return "\n\n".join(map(wrap, parts)) + "\n"


def wrap(part: str) -> str:
    """A paragraph or a list in lines of the documentation's width; tables and code as they are."""
    if part.startswith(("|", "#", "`", "<", "**")):
        return part
    shape = {"width": WIDTH, "break_long_words": False, "break_on_hyphens": False}
    lines = (
        textwrap.fill(line, subsequent_indent="  " * line.startswith("- "), **shape)
        for line in part.split("\n")
    )
    return "\n".join(lines)


def write_head() -> Iterator[str]:
    """What the page is, and how it is made."""
    yield (
        "The [study](https://arxiv.org/abs/2503.09735) ran AmI on a handful of images in three environments"
        " (its Table 5), and got other tuples in each. Here the same kinds of change are run on the bundled"
        " model, one environment each, and every divergence from float64 is explained"
        " ([causes](causes.md)). A *waterfall* shares a change of a rate out among what differs: Shapley"
        " values over every set of the differences, tried one by one. Its parts add up to the change."
    )
    yield "```console\n$ nox -s table5\n```"


def write_published(published: Mapping[str, Any]) -> Iterator[str]:
    """What the study's table says."""
    yield "## What the table has"
    rows = [
        [name, *(str(cases.get(case, 0)) for case in CASES)] for name, cases in published["cases"].items()
    ]
    yield make_table(("environment of the study", *CASES), rows)
    for one in published["pairs"]:
        yield describe_published(one)


def describe_published(one: Mapping[str, Any]) -> str:
    """A pair of columns in a sentence or two."""
    first, second = one["cells"]
    shared = count(one["shared"], "image")
    text = f"*{first}* and *{second}* share {shared} by Gold; Original agrees on {one['same_original']}"
    if not one["same_original"]:
        return f"{text}."
    patterns = [f"{before} becomes {after} ({number})" for before, after, number in one["patterns"]]
    ours, theirs = one["detected"]
    return (
        f"{text}. Of these, {ours} are detected in the first and {theirs} in the second (Fisher's exact test:"
        f" p = {one['p']:.2g}): {'; '.join(patterns) or 'none changes'}."
    )


def write_group(name: str, group: Mapping[str, Any]) -> Iterator[str]:
    """A group's environments, patterns, waterfalls and noise."""
    yield f"## `--group {name}`"
    told = ", ".join(
        f"{number} {verdict}" for verdict, number in group["explained"].items() if verdict != "explained"
    )
    yield (
        f"{group['diverging']} of {count(group['compared'], 'example')} of `{group['model']}` diverge. Of"
        f" {count(group['explained']['explained'], 'departure')} from `{group['baseline']}`: {told}; it took"
        f" {count(group['executions'], 'execution')}."
    )
    yield make_table(
        ("environment", "port", "detected", "false alarms", *CASES, "departs on"), list_cells(group)
    )
    yield "### Which causes make which pattern"
    yield make_table(
        ("environment", "becomes", "examples", "first of them", "smallest sets of causes"), list_rows(group)
    )
    yield "### How much of the change each explains"
    for waterfall in group["waterfalls"]:
        yield write_waterfall(waterfall)
    missing = list_missing(group)
    if missing:
        yield f"No waterfall was made for {', '.join(missing)}: it takes hours of one core (`--waterfall`)."
    yield "### The noise beside it"
    yield describe_noise(group)


def list_cells(group: Mapping[str, Any]) -> Iterator[list[str]]:
    """Rows of the environments."""
    for cell in group["cells"]:
        rates = [show_rate(cell[rate]) for rate in ("detection", "alarms")]
        cases = [str(cell["cases"].get(case, 0)) for case in CASES]
        port = f"{cell['port']}; {', '.join(f'{value:g}' for value in cell['parameters'].values())}"
        yield [f"`{cell['environment']}`", port, *rates, *cases, str(cell["departs"])]


def show_rate(rate: Mapping[str, Any]) -> str:
    """A rate with its interval."""
    return f"{show_percent(rate['rate'])} % ({show_interval(rate['low'], rate['high'])})"


def list_rows(group: Mapping[str, Any]) -> Iterator[list[str]]:
    """Rows of the patterns, with the sets of causes that make most of each."""
    for one in group["patterns"]:
        first, second = ("-".join(map(str, numbers)) for numbers in one["tuples"])
        sets = [
            f"{' + '.join(map(link_cause, names))} {number}" for names, number in one["causes"][:MOST_SETS]
        ]
        rest = sum(number for _, number in one["causes"][MOST_SETS:])
        shown = "; ".join([*sets, *([f"others {rest}"] if rest else [])])
        pattern = f"{one['from']} → {one['to']}"
        yield [
            f"`{one['cell']}`",
            pattern,
            str(one["count"]),
            f"`{one['example']}` {first} → {second}",
            shown,
        ]


def link_cause(name: str) -> str:
    """A cause with its section."""
    return f"[{name}](causes.md#{name})"


def write_waterfall(waterfall: Mapping[str, Any]) -> str:
    """A waterfall as a table that adds up, line by line."""
    first, second = waterfall["cells"]
    word = {"detection": "detected", "alarms": "false alarms"}[waterfall["rate"]]
    rows = [[f"`{first}`", "", "", f"{show_percent(waterfall['start'])} %"]]
    reached = waterfall["start"]
    for part in waterfall["parts"]:
        reached += part["share"]
        cause = NOT_DECLARED if is_rest(part) else link_cause(part["cause"])
        rows.append([f"`{part['factor']}`", cause, show_points(part["share"]), f"{show_percent(reached)} %"])
    rows.append([f"`{second}`", "", "", f"{show_percent(waterfall['end'])} %"])
    table = make_table(("", "cause", "points", "adds up to"), rows)
    return f"**{word}, `{second}` against `{first}`**\n\n{table}"


def list_missing(group: Mapping[str, Any]) -> list[str]:
    """Environments whose rate of detection is another than the baseline's, and has no waterfall."""
    rates = {cell["environment"]: cell["detection"]["rate"] for cell in group["cells"]}
    drawn = {fall["cells"][1] for fall in group["waterfalls"]}
    first = rates[group["baseline"]]
    return [f"`{name}`" for name, rate in rates.items() if rate != first and name not in drawn]


def describe_noise(group: Mapping[str, Any]) -> str:
    """What environments do that differ in nothing but where they run."""
    first = group["baseline"]
    others = [one for one in group["cells"] if one["is_alike"] and one["environment"] != first]
    if not others:
        return f"No other environment here has the rules of `{first}`: noise is not measured in this group."
    told = ", ".join(f"`{one['environment']}` on {describe_departures(one, group)}" for one in others)
    verb = "departs" if len(others) == 1 else "depart"
    text = f"{count(len(others), 'environment')} with the rules of `{first}` {verb} from it: {told}."
    parts = [part for one in group["waterfalls"] for part in one["parts"] if is_rest(part)]
    most = max((abs(part["share"]) for part in parts), default=0.0)
    return f"{text} In the waterfalls, what no file declares makes up at most {show_percent(most)} points."


def describe_departures(cell: Mapping[str, Any], group: Mapping[str, Any]) -> str:
    """On how many examples a cell departs, and how many that allows."""
    most = show_percent(cell["departs_high"])
    return f"{cell['departs']} of {group['compared']} (95 %: at most {most} %)"


def is_rest(part: Mapping[str, Any]) -> bool:
    """Whether a part of a waterfall is what no file declares."""
    return str(part["factor"]).startswith(ENVIRONMENT)


def write_conclusions(results: Mapping[str, Any]) -> Iterator[str]:
    """What follows, and what cannot."""
    groups = results["groups"]
    yield "## What can be concluded, and what cannot"
    falls = [fall for group in groups.values() for fall in group["waterfalls"]]
    pairs = [
        one
        for one in results.get("published", {}).get("pairs", ())
        if one["same_original"] and one["patterns"]
    ]
    yield "\n".join(
        [
            conclude_original(groups),
            *(conclude_waterfall(fall) for fall in falls if fall["rate"] == "detection"),
            *(conclude_pair(pair, groups) for pair in pairs),
            NOT_CONCLUDED,
        ]
    )


NOT_CONCLUDED = (
    "- **Not concluded**: which of these causes was at work in the study. Its weights, its images, and the"
    " order in which its file systems listed the witness files are not here. The model here is another one:"
    " shares say how strong a cause can be, not how strong it was there."
)


def conclude_original(groups: Mapping[str, Any]) -> str:
    """What changes of Original say."""
    total = sum(group["diverging"] for group in groups.values())
    moved = sum(group["other_original"] for group in groups.values())
    return (
        f"- **Original** is another one in {moved} of {total} diverging examples. The rules in which the two"
        " ports differ and the order of listing act on the steered pass alone. So where columns of the study"
        " differ in Original for one image, the cause lies before that pass: the file, its decoding,"
        " conventions of the input, weights, or last bits near a tie."
    )


def conclude_waterfall(waterfall: Mapping[str, Any]) -> str:
    """The largest part of a change, in a sentence."""
    part = max(waterfall["parts"], key=lambda one: abs(one["share"]))
    start, end = (show_percent(waterfall[key]) for key in ("start", "end"))
    return (
        f"- **`{waterfall['cells'][1]}`** detects {end} % where `{waterfall['cells'][0]}` detects {start} %;"
        f" {show_points(part['share'])} points of it are {link_cause(part['cause'])}."
    )


def conclude_pair(pair: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    """Which causes made a pair's patterns here."""
    told = "; ".join(find_makers(before, after, groups) for before, after, _ in pair["patterns"])
    first, second = pair["cells"]
    return (
        f"- **{first} against {second}**, where Original is one: the same patterns are made here, either way"
        f" round, {told}."
    )


def find_makers(before: str, after: str, groups: Mapping[str, Any]) -> str:
    """The sets of causes that made most of one pattern, either way round."""
    makers = Counter[str]()
    for pattern in (one for group in groups.values() for one in group["patterns"]):
        if (pattern["from"], pattern["to"]) in ((before, after), (after, before)):
            for names, number in pattern["causes"]:
                makers[" + ".join(map(link_cause, names))] += number
    named = ", ".join(f"{names} ({number})" for names, number in makers.most_common(MOST_SETS))
    return f"{before} and {after} by {named or 'nothing'}"


def make_table(head: Sequence[str], rows: Sequence[Sequence[str]] | Iterator[list[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))
