"""What was fetched first: hashes recorded beside a model's table, and held against all that comes later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.ami.errors import InputError
from harness.matrix.cache import write_json

LEDGER = "fetched.json"
SCHEMA = 1


@dataclass(frozen=True)
class Entry:
    """One source's archive and files (size and SHA-256 by place), when and from where they came first."""

    url: str
    sha256: str
    fetched: str
    files: Mapping[str, tuple[int, str]]


def read_ledger(folder: Path) -> dict[str, Entry]:
    """What a model's folder has of each source; InputError where the record is damaged."""
    path = folder / LEDGER
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["schema"] != SCHEMA:
            raise ValueError(f"schema {data['schema']}")  # noqa: TRY301 - one message for all damage
        return {name: read_entry(entry) for name, entry in data["sources"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{path}: is no record of what was fetched ({error!r}); restore or remove it"
        ) from error


def read_entry(data: Mapping[str, object]) -> Entry:
    """One source's record from plain data."""
    files = data["files"]
    if not isinstance(files, dict):
        raise TypeError("files")
    checked = {str(name): (int(size), str(digest)) for name, (size, digest) in files.items()}
    return Entry(str(data["url"]), str(data["sha256"]), str(data["fetched"]), checked)


def write_entry(folder: Path, name: str, entry: Entry) -> None:
    """Put one source's record among the others."""
    sources = {**read_ledger(folder), name: entry}
    data = {"schema": SCHEMA, "sources": {one: asdict(value) for one, value in sources.items()}}
    try:
        write_json(folder / LEDGER, data)
    except OSError as error:
        raise InputError(f"{folder / LEDGER}: cannot be written ({error.strerror})") from error


def check_same(path: Path, files: Mapping[str, tuple[int, str]], known: Entry) -> None:
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
