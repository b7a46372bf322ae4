"""Why examples diverge, group by group, and what makes up a change of a rate: as text and as Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.report.families import (
    UNKNOWN,
    Family,
    list_families,
    name_causes,
    tell_sets,
)
from harness.report.markup import code, draw_table, escape, fit_rows, fold
from harness.report.meanings import Meaning, list_meanings
from harness.report.words import RATES
from harness.summary.causes import CauseGroup, CausesSummary, SharePart, Waterfall
from harness.summary.document import DivergenceSummary, Summary
from harness.system.consoles import make_text
from harness.system.numbers import count, show_percent, show_points
from harness.system.text import make_line

MOST_GROUPS = 12
INDENT = 8  # of what is said of a group
FOLD = " \\"  # at the end of a line that goes on in the next
BAR = 24  # characters for the largest part of a waterfall
MOST_BRIEF = 9  # families in the last lines, which a small terminal has to hold
STYLES = {"proven": "bold green", "consistent": "bold yellow", "unknown": "bold red"}
WORDS = {word.key: word.word for word in RATES}
HEAD = ("departures", "verdict", "causes", "between", "in words")
SETS = ("departures", "verdict", "smallest set", "in", "one of them again")
WATERFALL = ("factor", "cause", "points")


def draw_causes(summary: Summary, most: int | None = MOST_GROUPS) -> RenderableType | None:
    """Groups with their sentences and commands, then the waterfalls; None where nobody asked for causes."""
    return None if summary.causes is None else draw_part(summary.causes, most)


def draw_part(causes: CausesSummary, most: int | None = MOST_GROUPS) -> RenderableType:
    """The same of the summary's part on causes: all groups, or the first so many families."""
    families = list_families(causes)
    parts: list[RenderableType] = [Text(f"why: {count_causes(causes)}", "bold")]
    for family in families[:most]:
        parts.extend(draw_family(family, whole=most is None))
    if most is not None and len(families) > most:
        parts.append(Text(f"  and {len(families) - most} more groups in report.txt"))
    parts.extend(map(draw_waterfall, causes.waterfalls))
    if causes.untested:
        parts.append(make_text(f"  not tested here: {', '.join(causes.untested)}", "dim"))
    return Group(*parts)


def draw_family(family: Family, *, whole: bool) -> Iterator[RenderableType]:
    """A family: how many, how sure, of what, between whom; the sentence; which sets; the command."""
    lead = family.lead
    yield head_group(family.count, lead)
    yield Padding(make_text(lead.sentence), (0, 0, 0, INDENT), expand=False)
    if family.variants and not whole:
        yield Padding(make_text(tell_sets(family)), (0, 0, 0, INDENT), expand=False)
    yield Command(lead.command)
    if family.variants and whole:
        for _, group in family.groups:
            yield Padding(head_group(group.count, group, short=True), (0, 0, 0, INDENT), expand=False)


def head_group(number: int, group: CauseGroup, *, short: bool = False) -> Text:
    """`185 proven  listing-order, B against A`."""
    names = (
        name_causes(group) if short else f"{name_causes(group)}, {group.cells[1]} against {group.cells[0]}"
    )
    gap = "" if short else "  "
    return Text.assemble(
        f"{gap}{number:>5} ", (group.verdict, STYLES[group.verdict]), f"  {make_line(names)}"
    )


def draw_brief(causes: CausesSummary, most: int = MOST_BRIEF) -> RenderableType:
    """A line a family, for the end of what may be a long text."""
    families = list_families(causes)
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=3, overflow="fold")
    table.add_column(ratio=2, overflow="fold")
    for one in families[:most]:
        style = STYLES[one.lead.verdict]
        names = make_text(one.name)
        table.add_row(
            str(one.count), Text(one.lead.verdict, style), names, make_text(f"in {one.lead.cells[1]}")
        )
    left = sum(one.count for one in families[most:])
    rest = [Text(f"  and {left} in {len(families) - most} smaller groups")] if left else []
    return Group(
        Text(f"why: {count_causes(causes)}", "bold"), Padding(table, (0, 0, 0, 2), expand=False), *rest
    )


def count_causes(causes: CausesSummary) -> str:
    """`350 departures explained: 348 proven, 2 unknown; 12 executions`.

    Where an example diverges, each cell that departs is explained.
    """
    found = ((causes.proven, "proven"), (causes.consistent, "consistent"), (causes.unknown, UNKNOWN))
    told = ", ".join(f"{number} {word}" for number, word in found if number) or "none"
    total, executions = count(causes.explained, "departure"), count(causes.executions, "execution")
    return f"{total} explained: {told}; {executions}"


@dataclass(frozen=True)
class Command:
    """A command in as many lines as it takes, which a shell reads as one."""

    text: str

    def __rich_console__(self, _console: Console, options: ConsoleOptions) -> RenderResult:
        """Its lines, in as many columns as there are."""
        for line in fold_command(make_line(self.text), options.max_width - INDENT - len(FOLD)):
            yield Padding(Text(line, "dim", no_wrap=True, overflow="ignore"), (0, 0, 0, INDENT), expand=False)


def fold_command(command: str, width: int) -> list[str]:
    """Lines of a command, all but the last with a mark that it goes on; its words stay whole."""
    try:
        words = [shlex.quote(word) for word in shlex.split(command)]
    except ValueError:  # a quote that does not end
        return [command]
    lines = [words[0]] if words else [""]
    for word in words[1:]:
        if cell_len(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [line + FOLD for line in lines[:-1]] + lines[-1:]


def name_groups(one: DivergenceSummary, causes: CausesSummary) -> str:
    """Causes of a divergence, those of each departing cell once: `pool3-channels, alpha; unknown`."""
    groups = (causes.groups[place] for place in one.groups.values())
    return make_line("; ".join(dict.fromkeys(map(name_causes, groups))))


def draw_waterfall(waterfall: Waterfall) -> RenderableType:
    """What every factor adds to a rate, as bars right and left of a line."""
    table = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
    for justify in ("left", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    largest = max((abs(part.share) for part in waterfall.parts), default=0) or 1
    for part in waterfall.parts:
        table.add_row(make_text(part.factor), show_share(part), draw_bar(part, largest))
    return Group(
        make_text(f"  {title_waterfall(waterfall)}", "bold"), Padding(table, (0, 0, 0, 4), expand=False)
    )


def title_waterfall(waterfall: Waterfall) -> str:
    """`detected: 57.0 % in A, 87.0 % in B; what each difference adds, in points`."""
    first, second = waterfall.cells
    start, end = show_percent(waterfall.start), show_percent(waterfall.end)
    word = WORDS[waterfall.rate]
    return f"{word}: {start} % in {first}, {end} % in {second}; points that each difference adds"


def show_share(part: SharePart) -> str:
    """`+12.3`, or `+12.3 (+11.0 to +13.6)` where it was sampled."""
    if part.low is None or part.high is None:
        return show_points(part.share)
    return f"{show_points(part.share)} ({show_points(part.low)} to {show_points(part.high)})"


def draw_bar(part: SharePart, largest: float) -> Text:
    """A bar as long as the share is large."""
    length = round(BAR * abs(part.share) / largest)
    return Text("█" * length, "green" if part.share > 0 else "red")


def write_causes(summary: Summary, budget: int) -> str:
    """The same as Markdown, in so many bytes; empty where nobody asked for causes."""
    causes = summary.causes
    if causes is None:
        return ""
    families = list_families(causes)
    rows = fit_rows(HEAD, map(write_family, families), budget // 3)
    sets = list(write_sets(families, budget // 4))
    left = len(families) - len(rows)
    return "\n\n".join(
        [
            f"### Why: {count_causes(causes)}",
            *([draw_table(HEAD, rows, len(HEAD))] if rows else []),
            *([f"{left} more groups: see <code>summary.json</code> of the run."] if left else []),
            *(
                [fold(f"{len(sets)} of the smallest sets of causes", draw_table(SETS, sets, len(SETS)))]
                if sets
                else []
            ),
            *map(write_waterfall, causes.waterfalls[:MOST_GROUPS]),
            *([f"Not tested here: {escape(', '.join(causes.untested))}"] if causes.untested else []),
            *write_meanings(causes, budget // 6),
        ]
    )


def write_family(family: Family) -> list[str]:
    """A row of the table of families."""
    lead = family.lead
    between = f"{code(lead.cells[1])} against {code(lead.cells[0])}"
    names = escape(family.name)
    words = f"{escape(lead.sentence, 500)} {code(lead.command, 500)}"
    return [str(family.count), lead.verdict, names, between, words]


def write_sets(families: Sequence[Family], budget: int) -> list[list[str]]:
    """Rows of all groups of the families that have several."""
    groups = [
        group for one in families if one.variants for group in (one.lead, *(it.group for it in one.variants))
    ]
    rows = (
        [str(one.count), one.verdict, escape(name_causes(one)), code(one.cells[1]), code(one.command, 500)]
        for one in groups
    )
    return fit_rows(SETS, rows, budget)


def write_meanings(causes: CausesSummary, budget: int) -> list[str]:
    """What the causes are that groups name, and what to do, folded; nothing where there is no room."""
    lines = [
        f"- **{escape(one.slug)}**: {escape(one.what, 800)} *Do*: {escape(one.do, 500)}"
        for one in list_named(causes)
    ]
    text = fold("What these causes are, and what to do", "\n".join(lines)) if lines else ""
    return [text] if text and len(text.encode()) <= budget else []


def list_named(causes: CausesSummary) -> list[Meaning]:
    """Meanings of the causes that groups name, those of the largest families first."""
    families = list_families(causes)
    groups = [one.lead for one in families] + [it.group for one in families for it in one.variants]
    return list_meanings([cause.cause for group in groups for cause in group.causes])


def write_waterfall(waterfall: Waterfall) -> str:
    """A table of what every factor adds."""
    rows = [[code(part.factor), escape(part.cause), show_share(part)] for part in waterfall.parts]
    return f"{escape(title_waterfall(waterfall))}\n\n{draw_table(WATERFALL, rows, 2)}"
