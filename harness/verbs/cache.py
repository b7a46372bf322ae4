"""The verb `harness cache`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from harness.system.invocation import show_example
from harness.system.streams import print_json, print_line
from harness.verbs import options

if TYPE_CHECKING:
    from harness.matrix.clear import Item

EXAMPLE = show_example("cache --clear environments --clear work --dry-run")
UNITS = ("B", "kB", "MB", "GB", "TB")


def cache(
    clear: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Remove all of a kind that nobody uses, or all; several times."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what --clear would remove.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Say what the harness keeps on this machine and how large it is, or clear some of it.

    What another harness uses that runs now stays. Images are the engine's: see `images prune`.
    """
    from harness.core.errors import InputError
    from harness.matrix.clear import check_kinds, clear_items, list_items
    from harness.system.cache import choose_cache, find_cache
    from harness.system.consoles import open_errors
    from harness.system.project import find_root

    if dry_run and not clear:
        raise InputError("--dry-run: goes with --clear KIND")
    place, kinds = find_cache(find_root()), check_kinds(clear or ["all"])
    if clear and not dry_run:
        items = clear_items(place, kinds, open_errors().print)
    else:
        items = list_items(place, kinds)
    if as_json:
        print_json({"folder": str(place), "items": [asdict(one) for one in items]})
        return
    reason = choose_cache(find_root())[1]
    print_line(f"{place}: {write_size(sum(one.bytes for one in items))}{reason and f' ({reason})'}")
    for line in (describe_kind(kind, items) for kind in kinds) if not clear else list_cleared(items, dry_run):
        print_line(line)


def describe_kind(kind: str, items: Sequence[Item]) -> str:
    """How much there is of a kind, and what that is."""
    from harness.matrix.clear import KINDS

    mine = [one for one in items if one.kind == kind]
    size = write_size(sum(one.bytes for one in mine))
    return f"  {kind:<12} {len(mine):>6} {size:>9}  {KINDS[kind][1]}"


def list_cleared(items: Sequence[Item], dry_run: bool) -> list[str]:
    """What was removed or would be, and what stays."""
    cleared = [one for one in items if not one.in_use]
    done = "would remove" if dry_run else "removed"
    lines = [f"  {done} {one.path}, {write_size(one.bytes)}" for one in cleared]
    lines += [f"  in use, stays: {one.path}, {write_size(one.bytes)}" for one in items if one.in_use]
    return [*lines, f"{done} {len(cleared)}, {write_size(sum(one.bytes for one in cleared))}"]


def write_size(count: float) -> str:
    """`1.9 GB`."""
    for unit in UNITS:
        if count < 1000 or unit == UNITS[-1]:
            break
        count /= 1000
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
