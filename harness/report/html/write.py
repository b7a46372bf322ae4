"""Writing the report: its first page, and the pages beside it where one is not enough."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from harness.core.errors import InputError
from harness.report.divergences import rank_divergences
from harness.report.html.command import quote_environment, start_command, write_diff
from harness.report.html.example_lists import (
    find_example_lists,
    find_listed_examples,
    find_owners,
    read_run_request,
)
from harness.report.html.page import Commands, PagePlace, render_page
from harness.report.html.pictures import Picture, make_pictures
from harness.report.html.rows import (
    Names,
    Row,
    list_names,
    pack_pages,
    row_divergence,
    rows_agreeing,
    rows_incomparable,
)
from harness.report.html.why import gather_ladders
from harness.summary.document import Summary
from harness.system.drafts import write_atomically

PAGE = "page-{number}.html"
EXPORTED_PICTURES = 2000


@dataclass(frozen=True)
class Budget:
    """How many examples get pictures, how many bytes these and ladders may take, and what a page may hold."""

    pictures: int = 100
    picture_bytes: int = 8_000_000
    ladder_bytes: int = 2_000_000
    page_bytes: int = 18_000_000
    page_rows: int = 60_000


def write_html(
    path: Path,
    summary: Summary,
    runs: Sequence[Path] = (),
    budget: Budget | None = None,
    places: Sequence[Path] | None = None,
) -> list[Path]:
    """Write the report and the pages that go beside it; where they are. OSError where that cannot be.

    Pictures and the command that was given are looked up in the folders of the runs, which will be found at
    `places` (default: where they are).
    """
    budget = budget or Budget()
    names = list_names(summary)
    pictures = find_pictures(summary, runs, budget)
    slices = pack_pages(
        {
            "divergences": rows_divergent(summary, names, pictures),
            "agreeing": rows_agreeing(summary, names),
            "incomparable": rows_incomparable(summary),
        },
        budget.page_bytes,
        budget.page_rows,
    )
    paths = name_pages(path, len(slices))
    ladders = gather_ladders(summary, runs, budget.ladder_bytes)
    commands = make_commands(summary, names, runs, runs if places is None else places)
    remove_pages(path, keep=paths)
    for number, (place, part) in reversed(list(enumerate(zip(paths, slices, strict=True), start=1))):
        seen = PagePlace(number, tuple(link_page(place, other) for other in paths))
        write_atomically(place, render_page(summary, names, part, seen, commands, ladders))
    return paths


def export_html(path: Path, summary: Summary, runs: Sequence[Path]) -> None:
    """Write the report to any place, with pictures of more examples; InputError where it cannot be."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InputError(f"--html {path}: is no ordinary file, and pages may go beside it; name a new one")
    try:
        write_html(path, summary, runs, Budget(pictures=EXPORTED_PICTURES))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error


def rows_divergent(summary: Summary, names: Names, pictures: Mapping[str, Picture | None]) -> Iterator[Row]:
    """The divergences as rows, in the order in which they matter."""
    for one in rank_divergences(summary.divergences):
        yield row_divergence(one, names, pictures)


def find_pictures(summary: Summary, runs: Sequence[Path], budget: Budget) -> dict[str, Picture | None]:
    """Pictures of the divergences that matter most, from the lists of examples that are left."""
    if not summary.divergences:
        return {}
    examples = find_listed_examples(find_example_lists(runs))
    wanted = (one.example for one in rank_divergences(summary.divergences))
    return make_pictures(wanted, examples, budget.pictures, budget.picture_bytes)


def make_commands(summary: Summary, names: Names, runs: Sequence[Path], places: Sequence[Path]) -> Commands:
    """The commands that the runs were given; what came from elsewhere cannot be run again, only compared."""
    owners = find_owners(names.environments, runs)
    foreign = {cell.environment for cell in summary.cells if cell.origin}
    starts = {run: start_command(read_run_request(run), summary.model) for run in runs}
    known = list(dict.fromkeys(start for start in starts.values() if start))
    pieces: list[tuple[int, str] | None] = []
    for name, owner in owners.items():
        start = starts[owner] if owner and name not in foreign else ""
        piece = quote_environment(name)
        pieces.append((known.index(start), piece) if start and piece else None)
    return Commands(tuple(known), tuple(pieces), again=write_diff(places))


def name_pages(path: Path, count: int) -> list[Path]:
    """The report itself, and the others in a folder of its name."""
    return [path, *(folder_of(path) / PAGE.format(number=number) for number in range(2, count + 1))]


def folder_of(path: Path) -> Path:
    """`report-files` beside `report.html`."""
    return path.with_name(f"{path.stem}-files")


def link_page(here: Path, there: Path) -> str:
    """Address of a page as seen from another one."""
    if here.parent == there.parent:
        return quote(there.name)
    up = f"{quote(there.parent.name)}/" if here.parent == there.parent.parent else "../"
    return up + quote(there.name)


def remove_pages(path: Path, keep: Sequence[Path]) -> None:
    """Remove what an earlier, longer report left beside this one."""
    for old in folder_of(path).glob(PAGE.format(number="*")):
        if old not in keep:
            old.unlink()
