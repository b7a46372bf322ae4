"""Why examples diverge, group by group, and what makes up a change of a rate: as text and as Markdown."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.report.markup import code, draw_table, escape, fit_rows
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
UNKNOWN = "unknown"
STYLES = {"proven": "bold green", "consistent": "bold yellow", "unknown": "bold red"}
WORDS = {word.key: word.word for word in RATES}
HEAD = ("departures", "verdict", "causes", "between", "in words")
WATERFALL = ("factor", "cause", "points")


def draw_causes(summary: Summary, most: int = MOST_GROUPS) -> RenderableType | None:
    """Groups with their sentences and commands, then the waterfalls; None where nobody asked for causes."""
    return None if summary.causes is None else draw_part(summary.causes, most)


def draw_part(causes: CausesSummary, most: int | None = None) -> RenderableType:
    """The same of the summary's part on causes; all groups, or the first so many."""
    parts: list[RenderableType] = [Text(f"why: {count_causes(causes)}", "bold")]
    for group in causes.groups[:most]:
        parts.extend(draw_group(group))
    if most is not None and len(causes.groups) > most:
        parts.append(Text(f"  and {len(causes.groups) - most} more groups in summary.json"))
    parts.extend(map(draw_waterfall, causes.waterfalls))
    if causes.untested:
        parts.append(make_text(f"  not tested here: {', '.join(causes.untested)}", "dim"))
    return Group(*parts)


def count_causes(causes: CausesSummary) -> str:
    """`350 departures explained: 348 proven, 2 unknown; 12 executions`.

    Where an example diverges, each cell that departs is explained.
    """
    found = ((causes.proven, "proven"), (causes.consistent, "consistent"), (causes.unknown, UNKNOWN))
    told = ", ".join(f"{number} {word}" for number, word in found if number) or "none"
    total, executions = count(causes.explained, "departure"), count(causes.executions, "execution")
    return f"{total} explained: {told}; {executions}"


def draw_group(group: CauseGroup) -> Iterator[RenderableType]:
    """One group: how many, how sure, of what, between whom; the sentence; the command."""
    words = make_line(f"{name_causes(group)}, {group.cells[1]} against {group.cells[0]}")
    yield Text.assemble(f"  {group.count:>5} ", (group.verdict, STYLES[group.verdict]), f"  {words}")
    yield Padding(make_text(group.sentence), (0, 0, 0, INDENT), expand=False)
    yield Command(group.command)


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


def name_causes(group: CauseGroup) -> str:
    """`pool3-channels, alpha`, or that none is known."""
    return ", ".join(dict.fromkeys(one.cause for one in group.causes)) or UNKNOWN


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
    rows = fit_rows(HEAD, map(write_group, causes.groups), budget // 2)
    left = len(causes.groups) - len(rows)
    return "\n\n".join(
        [
            f"### Why: {count_causes(causes)}",
            *([draw_table(HEAD, rows, len(HEAD))] if rows else []),
            *([f"{left} more groups: see <code>summary.json</code> of the run."] if left else []),
            *map(write_waterfall, causes.waterfalls[:MOST_GROUPS]),
            *([f"Not tested here: {escape(', '.join(causes.untested))}"] if causes.untested else []),
        ]
    )


def write_group(group: CauseGroup) -> list[str]:
    """A row of the table of groups."""
    between = f"{code(group.cells[1])} against {code(group.cells[0])}"
    words = f"{escape(group.sentence, 500)} {code(group.command, 500)}"
    return [str(group.count), group.verdict, escape(name_causes(group)), between, words]


def write_waterfall(waterfall: Waterfall) -> str:
    """A table of what every factor adds."""
    rows = [[code(part.factor), escape(part.cause), show_share(part)] for part in waterfall.parts]
    return f"{escape(title_waterfall(waterfall))}\n\n{draw_table(WATERFALL, rows, 2)}"
