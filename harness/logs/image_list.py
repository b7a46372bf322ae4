"""The images that a log was made of: their names, and which of them its results are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import InputError
from harness.core.text import store_name
from harness.examples.layouts import ENDINGS, describe_file, index_labels
from harness.logs.notebook_log import Log, Result, read_lines

# The published PyTorch notebooks leave the others out: clean images that are misread, attacks that fail.
SELECTIONS = {True: "Original = Gold", False: "Original other than Gold"}


@dataclass(frozen=True)
class Images:
    """A list's file, and the names in it, without folder and ending."""

    path: Path
    names: tuple[str, ...]


def read_images(path: Path) -> Images:
    """Names of images, one a line; InputError, with the line, where one is missing or doubled."""
    names = [strip_name(line) for line in read_rows(path)]
    seen: dict[str, int] = {}
    for line, name in enumerate(names, start=1):
        if not name:
            raise InputError(f"{path}:{line}: names no image; give one name a line")
        if name in seen:
            raise InputError(f"{path}:{line}: {name} is there already, in line {seen[name]}")
        seen[name] = line
    return Images(path, tuple(names))


def read_rows(path: Path) -> list[str]:
    """Stripped lines of a file."""
    return [line.strip() for line in read_lines(path)]


def strip_name(line: str) -> str:
    """A file's name without folder and ending; dots in a name are no ending."""
    name = store_name(line.replace("\\", "/").rpartition("/")[2])
    return next((name[: -len(end)] for end in ENDINGS if name.lower().endswith(end)), name)


def name_results(images: Images, labels: Path | None, log_path: Path, log: Log) -> list[str]:
    """The image of each result; InputError where list and log do not fit each other.

    Without labels there has to be an image for each result. With them, each image's Gold is known by its
    name, and the results have to be of some of the images in the list's order, in one way only.
    """
    if labels is not None:
        return [
            images.names[place] for place in match_golds(images, read_golds(images, labels), log_path, log)
        ]
    if len(images.names) == len(log.results):
        return list(images.names)
    selection = find_selection(log.results)
    hint = f", all with {selection}, so that others may not have been printed: --labels finds out"
    raise InputError(
        f"{images.path}: names {len(images.names)} images, {log_path} holds {len(log.results)} results"
        f"{hint if selection else ''}"
    )


def find_selection(results: Sequence[Result]) -> str | None:
    """What all results have in common; None where there are both kinds."""
    kinds = {one.original == one.gold for one in results}
    return SELECTIONS[kinds.pop()] if len(kinds) == 1 else None


def read_golds(images: Images, labels: Path) -> list[int]:
    """Gold of every image, by its name; InputError where that names no label."""
    classes = index_labels(read_rows(labels))
    golds = []
    for line, name in enumerate(images.names, start=1):
        candidate = describe_file("", Path(f"{name}.jpg"), classes)
        if not candidate.entry:
            raise InputError(f"{images.path}:{line}: {name}: {candidate.reason}")
        golds.append(int(candidate.entry["gold"]))
    return golds


def match_golds(images: Images, golds: Sequence[int], log_path: Path, log: Log) -> list[int]:
    """Place in the list of each result's image; InputError where there is none, or more than one way."""
    wanted = [one.gold for one in log.results]
    first = find_places(golds, wanted)
    if len(first) < len(wanted):
        one, before = log.results[len(first)], f"after line {first[-1] + 1} " if first else ""
        raise InputError(
            f"{log_path}:{one.line}: Gold {one.gold} is of no image {before}of {images.path};"
            " give the list in the order of the log, and the labels it was made with"
        )
    last = [len(golds) - 1 - place for place in find_places(golds[::-1], wanted[::-1])][::-1]
    for one, early, late in zip(log.results, first, last, strict=True):
        if early != late:
            raise InputError(
                f"{log_path}:{one.line}: may be of line {early + 1} or {late + 1} of {images.path};"
                " list the images that were printed alone"
            )
    return first


def find_places(golds: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """The earliest places at which the wanted ones come one after the other; fewer where they end."""
    places: list[int] = []
    for place, gold in enumerate(golds):
        if len(places) < len(wanted) and gold == wanted[len(places)]:
            places.append(place)
    return places
