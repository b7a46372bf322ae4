"""The report as Markdown, for the summaries of CI jobs, which take no more than a megabyte."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

from harness.report.causes import write_causes
from harness.report.cells import ALL, COLUMNS, explain_table, is_starred, title_cells
from harness.report.divergence_table import show_departure
from harness.report.divergences import (
    list_controls,
    list_departing,
    list_steady,
    name_classes,
    rank_divergences,
    show_expected,
    show_stages,
    show_tuple,
)
from harness.report.markup import code, count_bytes, draw_table, escape, fit_rows, fold, quote_lines
from harness.report.numerics import write_numerics
from harness.report.words import FIRST_STAGE, FLEISS, KAPPA, SAME_TUPLE, say_status
from harness.summary.document import CellSummary, DifferenceSummary, DivergenceSummary, PairSummary, Summary
from harness.system.numbers import NONE, show_kappa, show_margin, show_p_value, show_percent

SIGNS = {
    0: "\N{WHITE HEAVY CHECK MARK}",
    1: "\N{CROSS MARK}",
    2: "\N{WARNING SIGN}\N{VARIATION SELECTOR-16}",
}
MOST_BYTES = 1_000_000
BREAK = "\n\n"
OPEN_ROWS = 20  # divergences that are seen at once; the others are folded
MOST_ROWS = 500
MOST_NOTES = 50
MOST_PROBLEMS = 10
MOST_NAMES = 100  # of environments in a list
MOST_LOG = 4000  # characters of one log's end
MOST_LOGS = 16_000  # of all of them together
MOST_VERDICT = 1000
REST = "<code>report.txt</code>, <code>report.html</code> and <code>summary.json</code> of the run"

NO_ROOM = f"Cut, for there is no room for more: see {REST}.\n"

LEGEND_DIVERGENCES = (
    "Gold-Original-Attribute; `!` marks numbers that are not the baseline's, a dot stands for the baseline's"
    " tuple. The margin is the smallest between the best two logits in any environment."
)

LEGEND_STAGES = (
    "First stage: the first that differs beyond noise, where that was measured, with how many times the noise"
    " its error is; files, pixels and inputs differ by their hashes. “As NAME”: measured on NAME, which has"
    " the same causes."
)

LEGEND_AGREEMENT = (
    "Cohen's kappa; then how many examples only one of the two environments detects, and"
    " McNemar's exact p for these."
)

Draw = Callable[[Summary, int], str]
"""Makes a section of at most so many bytes, or one that is too long because it cannot be cut."""


def render_markdown(summary: Summary, _folder: Path, most: int = MOST_BYTES) -> str:
    """The whole report in so many bytes, which says what was left out; nothing in it names a path.

    Empty where there is no room for the verdict.
    """
    sections = list_sections()
    texts = [limit_section(draw(summary, budget), budget) for draw, budget in sections.items()]
    whole = BREAK.join(text for text in texts if text) + "\n"
    if count_bytes(whole) <= most:
        return whole
    return fit_sections(summary, dict(zip(sections, map(count_bytes, texts), strict=True)), most)


def list_sections() -> dict[Draw, int]:
    """The sections and how many bytes each may have; together they are under MOST_BYTES."""
    return {
        draw_head: 80_000,
        draw_cells: 150_000,
        draw_notes: 50_000,
        draw_agreement: 80_000,
        write_causes: 100_000,
        write_numerics: 40_000,
        draw_divergences: 250_000,
        draw_differences: 100_000,
        draw_troubles: 120_000,
        draw_incomparable: 60_000,
    }


def fit_sections(summary: Summary, sizes: Mapping[Draw, int], most: int) -> str:
    """As much as so many bytes hold of sections of these sizes, and that it is cut; headings stay longest."""
    room = most - count_bytes(NO_ROOM)
    shares = share_room({draw: size + len(BREAK) for draw, size in sizes.items() if size}, room)
    text = ""
    for draw, share in shares.items():
        shown = draw(summary, share - len(BREAK)) + BREAK
        if count_bytes(shown) > share:
            shown = shown.partition("\n")[0] + BREAK
        if count_bytes(text + shown) <= room:
            text += shown
        elif not text:
            return ""
    return text + NO_ROOM


def share_room(sizes: Mapping[Draw, int], room: int) -> dict[Draw, int]:
    """How much of some room each gets: what is small all that it takes, the others the same."""
    shares = dict.fromkeys(sizes, 0)
    for place, draw in enumerate(sorted(sizes, key=lambda draw: sizes[draw])):
        shares[draw] = max(min(sizes[draw], room // (len(sizes) - place)), 0)
        room -= shares[draw]
    return shares


def limit_section(text: str, budget: int) -> str:
    """A section as it is, or its heading alone where it is too large even so."""
    if count_bytes(text) <= budget:
        return text
    return f"{text.partition(chr(10))[0]}\n\nToo large to be shown here: see {REST}."


def keep_rows(budget: int) -> int:
    """How much of a section's bytes its table may have."""
    return budget * 6 // 7


def draw_head(summary: Summary, _budget: int) -> str:
    """Verdict and facts."""
    word = summary.outcome.upper()
    problems = summary.register_problems
    lines = [
        f"## {SIGNS[summary.exit_code]} {word}: {escape(summary.verdict, MOST_VERDICT)}",
        "",
        f"- run {code(summary.run)}, {escape(summary.created)}, harness {escape(summary.harness)}",
        f"- {escape(title_cells(summary))}; {summary.compared} examples compared",
        f"- baseline: {name_baseline(summary)}",
        *(f"- register: {escape(problem, 300)}" for problem in problems[:MOST_PROBLEMS]),
    ]
    more = say_more(len(problems) - MOST_PROBLEMS, "problems with the register")
    return "\n\n".join(["\n".join(lines), *more])


def name_baseline(summary: Summary) -> str:
    """The environment that others are held against, and why that."""
    if summary.baseline is None:
        return "none"
    if summary.baseline == summary.reference:
        return f"{code(summary.baseline)}, the reference"
    return f"{code(summary.baseline)}, {'as asked' if summary.chosen else 'with which the others agree most'}"


def say_more(left: int, what: str) -> list[str]:
    """A paragraph on how many were left out, where some were."""
    return [f"{left} more {what}: see {REST}."] if left > 0 else []


def draw_cells(summary: Summary, budget: int) -> str:
    """A row a cell, with all the numbers that any form shows."""
    head = ["environment", "status", *(name for name, _, _ in COLUMNS)]
    rows = fit_rows(head, (list_cell(cell, summary) for cell in summary.cells), keep_rows(budget))
    parts = [
        "### Environments",
        draw_table(head, rows, 2),
        escape(explain_table(summary, ALL), MOST_VERDICT),
        *say_more(len(summary.cells) - len(rows), "environments"),
    ]
    return "\n\n".join(parts)


def list_cell(cell: CellSummary, summary: Summary) -> list[str]:
    """A row of the cells' table."""
    name = code(cell.environment) + (r" \*" if is_starred(cell, summary) else "")
    numbers = [escape(show(cell)) if cell.rates else NONE for _, _, show in COLUMNS]
    return [name, escape(say_status(cell)), *numbers]


def draw_notes(summary: Summary, _budget: int) -> str:
    """What differs by intent, and what was left out of the run."""
    if not summary.notes:
        return ""
    lines = [f"- {escape(note, 500)}" for note in summary.notes[:MOST_NOTES]]
    more = say_more(len(summary.notes) - len(lines), "notes")
    return "\n\n".join(["### Notes", "\n".join(lines), *more])


def draw_agreement(summary: Summary, budget: int) -> str:
    """The pairs of environments, those that agree least first."""
    pairs = sorted(summary.agreement.pairs, key=lambda pair: (pair.agreement.hits, pair.kappa or 0))
    if not pairs:
        return ""
    head = ["environment", "and", SAME_TUPLE, KAPPA, "only the first", "only the second", "p"]
    rows = fit_rows(head, map(list_pair, pairs), keep_rows(budget))
    parts = [
        "### Agreement",
        LEGEND_AGREEMENT,
        draw_table(head, rows[:OPEN_ROWS], 2),
        *(
            [fold(f"{len(rows) - OPEN_ROWS} more", draw_table(head, rows[OPEN_ROWS:], 2))]
            if rows[OPEN_ROWS:]
            else []
        ),
        *say_more(len(pairs) - len(rows), "pairs"),
        f"{FLEISS}, all environments: {show_kappa(summary.agreement.fleiss_kappa)}",
    ]
    return "\n\n".join(parts)


def list_pair(pair: PairSummary) -> list[str]:
    """A row of the agreement's table."""
    return [
        code(pair.first),
        code(pair.second),
        f"{show_percent(pair.agreement.rate)} ({pair.agreement.hits} of {pair.agreement.of})",
        show_kappa(pair.kappa),
        str(pair.only_first),
        str(pair.only_second),
        show_p_value(pair.p_value),
    ]


def draw_divergences(summary: Summary, budget: int) -> str:
    """The diverging examples, the unexpected ones with the smallest margins first."""
    if not summary.divergences:
        return ""
    ranked = rank_divergences(summary.divergences, MOST_ROWS)
    head, rows = list_divergences(ranked, summary, keep_rows(budget))
    parts = [
        f"### Divergences: {len(summary.divergences)}",
        LEGEND_DIVERGENCES,
        draw_table(head, rows[:OPEN_ROWS], len(head)),
    ]
    if rows[OPEN_ROWS:]:
        table = draw_table(head, rows[OPEN_ROWS:], len(head))
        parts.append(fold(f"{len(rows) - OPEN_ROWS} more", table))
    parts.extend(say_more(len(summary.divergences) - len(rows), "divergences"))
    steady = ", ".join(map(code, list_steady(summary)[:MOST_NAMES]))
    parts.extend([f"Never departing from the baseline: {steady}"] if steady else [])
    controls = [f"- {code(name)}: {escape(text)}" for name, text in list_controls(summary)[:MOST_NAMES]]
    parts.extend([LEGEND_STAGES] if FIRST_STAGE in head else [])
    return "\n\n".join([*parts, *(["\n".join(controls)] if controls else [])])


def list_divergences(
    shown: Sequence[DivergenceSummary], summary: Summary, budget: int
) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the divergences' table, without the columns in which nothing stands."""
    names = list_departing(summary, shown)
    more = ("margin", "expected", FIRST_STAGE, "names", "cause")
    head = ["example", "attack", "baseline", *map(code, names), *more]
    rows = fit_rows(head, (list_divergence(one, names, summary) for one in shown), budget)
    keep = [place for place in range(len(head)) if any(row[place] for row in rows)]
    return [head[place] for place in keep], [[row[place] for place in keep] for row in rows]


def list_divergence(one: DivergenceSummary, names: Sequence[str], summary: Summary) -> list[str]:
    """A row of the divergences' table."""
    return [
        code(one.example),
        escape(one.attack),
        show_tuple(one.baseline),
        *(show_departure(one, name) for name in names),
        show_margin(one.smallest_margin),
        show_expected(one),
        escape(show_stages(one, summary.causes)),
        escape(", ".join(name_classes(one, summary.labels))),
        escape("; ".join(dict.fromkeys(one.causes.values())), 500),
    ]


def draw_differences(summary: Summary, budget: int) -> str:
    """In what the environments differ from the baseline's, as far as it matters."""
    ones = [(cell.environment, one) for cell in summary.cells for one in cell.differences]
    if not ones:
        return ""
    head = ["environment", "what", "baseline", "here"]
    matter = [(name, one) for name, one in ones if one.matters]
    rows = fit_rows(head, (list_difference(name, one) for name, one in matter), keep_rows(budget))
    parts = [
        "### What differs between the environments",
        *([draw_table(head, rows, 4)] if rows else []),
        *say_more(len(matter) - len(rows), "differences"),
        *say_more(len(ones) - len(matter), "differences that matter less"),
    ]
    return "\n\n".join(parts)


def list_difference(name: str, one: DifferenceSummary) -> list[str]:
    """A row of the differences' table."""
    values = (NONE if value is None else escape(value) for value in (one.baseline, one.here))
    return [code(name), escape(one.what), *values]


def draw_troubles(summary: Summary, budget: int) -> str:
    """Cells that failed or were unavailable, each with the end of its log."""
    cells = [cell for cell in summary.cells if cell.status != "done"]
    if not cells:
        return ""
    most = max(min(MOST_LOG, min(MOST_LOGS, budget // 8) // len(cells)), 1)
    return "\n\n".join(["### Could not run", *(draw_trouble(cell, most) for cell in cells)])


def draw_trouble(cell: CellSummary, most: int) -> str:
    """Why a cell has no records; its log is folded."""
    title = f"{code(cell.environment)} {cell.status}: {escape(cell.reason or 'no reason is known', 500)}"
    return fold(title, quote_lines(cell.log_end, most)) if cell.log_end.strip() else f"- {title}"


def draw_incomparable(summary: Summary, budget: int) -> str:
    """The examples that could not be compared, with the reasons."""
    if not summary.incomparable:
        return ""
    head = ["example", "environment", "reason"]
    lost = ([code(one.example), code(one.environment), escape(one.reason)] for one in summary.incomparable)
    rows = fit_rows(head, islice(lost, MOST_ROWS), keep_rows(budget))
    parts = [
        f"### Not compared: {len(summary.incomparable)}",
        draw_table(head, rows, 3),
        *say_more(len(summary.incomparable) - len(rows), "that were not compared"),
    ]
    return "\n\n".join(parts)
