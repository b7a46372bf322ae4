"""What lies in the cache, how large it is, and clearing it while other harnesses run."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import InputError, explain_refusal
from harness.matrix.litter import sweep_cache
from harness.plan.store import WORKPLACES, lock_cell
from harness.system.drafts import hold_draft
from harness.system.locks import LOCKS, Say, hold_lock, release, take_lock
from harness.system.usage import GATE, NEVER, Uses, read_uses

KINDS = {
    "environments": (("venvs",), "virtual environments, made again by a run that needs them"),
    "networks": (("models",), "converted models, made again from their files"),
    "worker": (("worker",), "copies of the code that runs in environments"),
    "store": (("store",), "results of cells, which are run again without them"),
    "work": ((WORKPLACES,), "what killed cells would go on from"),
    "examples": (("examples",), "lists made of folders"),
    "images": (
        ("images", "wheelhouses", "bases"),
        "wheels and logs of image builds; images are the engine's",
    ),
    "downloads": (("downloads",), "what has come of downloads that were cut off"),
    "memory": (("hashes.json", "durations.json"), "hashes of files by size and time; how long cells took"),
}
# Who makes one of these holds a lock of its name, or any such lock.
MAKERS = {"venvs": "venv-{}", "wheelhouses": "wheelhouse-{}", "downloads": "fetch-*"}


@dataclass(frozen=True)
class Item:
    """One thing in the cache, by its path there, with the log of its making."""

    kind: str
    path: str
    bytes: int
    in_use: bool


def list_items(cache: Path, kinds: Collection[str] = tuple(KINDS)) -> list[Item]:
    """All that lies in the cache, with its size, and whether somebody uses it."""
    with hold_lock(cache, GATE, NEVER, lambda _: None):
        uses = read_uses(cache)
    return [make_item(cache, kind, path, uses) for kind in kinds for path in list_paths(cache, kind)]


def make_item(cache: Path, kind: str, path: str, uses: Uses) -> Item:
    """One thing as it is now."""
    size = sum(measure(one) for one in locate_item(cache, path))
    return Item(kind, path, size, is_used(cache, path, uses))


def locate_item(cache: Path, path: str) -> tuple[Path, ...]:
    """The thing itself, and the log beside it."""
    place = cache / path
    log = place.with_name(f"{place.name}.log")
    return (place, log) if log.is_file() else (place,)


def list_paths(cache: Path, kind: str) -> Iterator[str]:
    """Paths of one kind in the cache; what is being made is none."""
    for place in KINDS[kind][0]:
        if (cache / place).is_dir():
            names = sorted(path.name for path in (cache / place).iterdir())
            logs = {f"{name}.log" for name in names}
            yield from (f"{place}/{one}" for one in names if not one.startswith(".") and one not in logs)
        elif os.path.lexists(cache / place):
            yield place


def measure(path: Path) -> int:
    """Bytes of a file or of all files in a folder; what vanishes meanwhile has none."""
    total, waiting = 0, [path]
    while waiting:
        one = waiting.pop()
        with contextlib.suppress(OSError):
            if one.is_dir() and not one.is_symlink():
                waiting.extend(one.iterdir())
            else:
                total += one.lstat().st_size
    return total


def is_used(cache: Path, path: str, uses: Uses) -> bool:
    """Whether a running harness uses something, or may, or is making it."""
    if uses.unknown or path in uses.paths:
        return True
    place, _, name = path.partition("/")
    if place == WORKPLACES:
        return is_locked(cache, lock_cell(name))
    return place in MAKERS and is_locked(cache, MAKERS[place].format(name.removesuffix(".log")))


def is_locked(cache: Path, pattern: str) -> bool:
    """Whether somebody has a lock, or one of several."""
    for path in list((cache / LOCKS).glob(f"{pattern}.lock")):
        file = take_lock(path)
        if file is None:
            return True
        release(path, file)
    return False


def check_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    """The kinds that are named, all where `all` is; InputError for one that there is not."""
    for kind in kinds:
        if kind not in (*KINDS, "all"):
            raise InputError(f"--clear {kind}: there is no such kind; there are {', '.join(KINDS)}, and all")
    return tuple(KINDS) if "all" in kinds else tuple(dict.fromkeys(kinds))


def clear_items(cache: Path, kinds: Collection[str], say: Say) -> list[Item]:
    """Remove what nobody uses of some kinds, and what killed processes left; all there was of these kinds.

    Whoever starts meanwhile waits, and then makes what it misses.
    """
    with hold_lock(cache, GATE, NEVER, say):
        sweep_cache(cache)
        uses = read_uses(cache)
        for holder in uses.unknown:
            say(f"{holder} is just starting, or does not say what it uses: nothing is cleared; try again")
        items = []
        for kind in kinds:
            for path in list_paths(cache, kind):
                items.append(make_item(cache, kind, path, uses))
                for one in () if items[-1].in_use else locate_item(cache, path):
                    discard(one)
    return items


def discard(path: Path) -> None:
    """Take something away at once, then remove it; InputError where that cannot be done."""
    try:
        with hold_draft(path.parent) as aside:
            path.rename(aside / path.name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(explain_refusal(error)) from error
