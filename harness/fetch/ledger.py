"""What was fetched first: hashes recorded beside a model's table, and held against all that comes later."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from harness.core.documents import call_document, refuse_links
from harness.core.errors import InputError
from harness.core.limits import MAX_NOTE_BYTES
from harness.system.documents import read_shape
from harness.system.drafts import write_json

LEDGER = "fetched.json"
SCHEMA = 1


@dataclass(frozen=True)
class FetchRecord:
    """One source's archive and files (size and SHA-256 by place), when and from where they came first."""

    url: str
    sha256: str
    fetched: str
    files: Mapping[str, tuple[int, str]]


@dataclass(frozen=True)
class Ledger:
    """The whole file."""

    schema: Literal[1]
    sources: dict[str, FetchRecord]


def read_ledger(folder: Path) -> dict[str, FetchRecord]:
    """What a model's folder has of each source; InputError where the record is damaged."""
    path = folder / LEDGER
    if not os.path.lexists(path):
        return {}
    try:
        sources = read_shape(path, Ledger, MAX_NOTE_BYTES, within=folder).sources
    except InputError as error:
        what = "is no record of what was fetched"
        raise call_document(error, str(path), what, "restore or remove it") from error
    for entry in sources.values():
        for name in entry.files:
            refuse_links(folder / name, folder)
    return sources


def write_record(folder: Path, name: str, entry: FetchRecord) -> None:
    """Put one source's record among the others."""
    sources = {**read_ledger(folder), name: entry}
    data = {"schema": SCHEMA, "sources": {one: asdict(value) for one, value in sources.items()}}
    try:
        write_json(folder / LEDGER, data)
    except OSError as error:
        raise InputError(f"{folder / LEDGER}: cannot be written ({error.strerror})") from error


def check_same(path: Path, files: Mapping[str, tuple[int, str]], known: FetchRecord) -> None:
    """Refuse files other than those that were recorded; the archive around them may be packed anew."""
    changed = sorted(name for name in files if name in known.files and files[name] != known.files[name])
    missing = sorted(known.files.keys() - files.keys())
    news = sorted(files.keys() - known.files.keys())
    for names, what in ((changed, "differs from"), (missing, "is missing, unlike in"), (news, "is not in")):
        if names:
            more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
            raise InputError(
                f"{path}: {names[0]}{more} {what} what came first, {known.fetched} from {known.url};"
                f" nothing is taken. If it is to be trusted, remove the entry from {LEDGER} and the files"
            )
