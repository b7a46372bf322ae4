"""An attack's folder: what made it, its attempts as they come, and the examples that were kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.attacks.attempt import CONVENTION, Attempt
from harness.attacks.tasks import AttackTask
from harness.core.documents import NAME, call_document, check_fields, is_file, read_json_lines, refuse_links
from harness.core.errors import InputError
from harness.core.examples import hash_file
from harness.core.limits import MAX_LIST_BYTES, MAX_NOTE_BYTES
from harness.system.documents import read_shape
from harness.system.drafts import write_atomically, write_json
from harness.system.locks import try_lock
from harness.worker.records import RECORDS, append_batch, keep_whole_batches

FACTS = "attack.json"
EXAMPLES = "examples.jsonl"
IMAGES = "images"
LOCK = ".lock"
ENTRY = {
    "example": NAME,
    "source": NAME,
    "attack": NAME,
    "gold": "a whole number",
    "target": "a whole number",
    "outcome": NAME,
    "case": NAME,
    "file": NAME,
    "sha256": NAME,
    "parameters": "a table",
}
GO_ON = "whole batches are kept; make room and start it again"


@contextlib.contextmanager
def open_folder(folder: Path, facts: Mapping[str, Any]) -> Iterator[None]:
    """Keep a folder for one attack; InputError where another runs there, or made what is there.

    `facts` are everything that decides what the attack makes.
    """
    with guard_writing(folder, "choose another --output"):
        check_others(folder)
        (folder / IMAGES).mkdir(parents=True, exist_ok=True)
        lock = (folder / LOCK).open("a+b")
    with lock:
        if not try_lock(lock, folder / LOCK):
            raise InputError(f"{folder}: another attack is being written there; choose another --output")
        check_facts(folder, facts)
        write_facts(folder, {**facts, "status": "begun"})
        yield


@contextlib.contextmanager
def guard_writing(folder: Path, advice: str) -> Iterator[None]:
    """Turn what keeps a folder from being written, such as a full disk, into an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{error.filename or folder}: cannot be written ({error.strerror}); {advice}"
        ) from error


def write_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Write `attack.json`; InputError where that cannot be done."""
    with guard_writing(folder, GO_ON):
        write_json(folder / FACTS, facts)


def check_others(folder: Path) -> None:
    """Refuse a folder with anything in it but what an attack left that was killed at its start."""
    if not folder.exists() or (folder / FACTS).exists():
        return
    others = [
        path
        for path in folder.iterdir()
        if path.name not in (LOCK, IMAGES) and not path.name.startswith(".making-")
    ]
    if others or ((folder / IMAGES).exists() and any((folder / IMAGES).iterdir())):
        raise InputError(f"{folder}: holds other files, and no {FACTS}; choose another --output")


def check_facts(folder: Path, facts: Mapping[str, Any]) -> None:
    """Refuse a folder that holds another attack's results."""
    path = folder / FACTS
    if not path.exists():
        return
    try:
        present = read_shape(path, dict[str, Any], MAX_NOTE_BYTES, within=folder)
    except InputError as error:
        what = "is no record of an attack"
        raise call_document(error, str(path), what, "choose another --output") from error
    wanted = json.loads(json.dumps(facts))
    changed = [key for key in wanted if present.get(key) != wanted[key]]
    if changed:
        raise InputError(
            f"{folder}: holds results of another attack, which differs in {', '.join(changed)};"
            " choose another --output"
        )


def hash_facts(facts: Mapping[str, Any]) -> str:
    """What the attempts of these facts are vouched for by."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def find_done(folder: Path, facts: Mapping[str, Any], tasks: Sequence[AttackTask], batch: int) -> int:
    """How many tasks are done, in whole batches; what is broken is cut off."""
    ids = [task.id for task in tasks]
    batches = [ids[start : start + batch] for start in range(0, len(ids), batch)]
    with guard_writing(folder, "choose another --output"):
        return sum(map(len, batches[: keep_whole_batches(folder, hash_facts(facts), batches)]))


def check_images(folder: Path, entries: Sequence[Mapping[str, Any]], keep: int | None) -> None:
    """Refuse to go on where an image that was kept is no longer what was written."""
    for entry in [entry for entry in entries if entry["outcome"] == "kept"][:keep]:
        path = folder / entry["file"]
        if not is_file(path) or hash_file(path) != entry["sha256"]:
            raise InputError(
                f"{path}: is missing or was changed since it was made; restore it, or choose another --output"
            )


def keep_attempts(
    folder: Path,
    facts: Mapping[str, Any],
    attempts: Sequence[Attempt],
    entries: Sequence[Mapping[str, Any]],
    room: int | None,
) -> None:
    """Write the images of the first `room` that are kept, then the batch's entries."""
    kept = [
        (entry, attempt)
        for entry, attempt in zip(entries, attempts, strict=True)
        if attempt.outcome == "kept"
    ]
    with guard_writing(folder, GO_ON):
        for entry, attempt in kept[:room]:
            (folder / entry["file"]).write_bytes(attempt.stored.data)
        append_batch(folder, hash_facts(facts), entries)


def describe_attempt(
    attempt: Attempt, example: Mapping[str, Any], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """A line of `records.jsonl`: the example that an attempt would be, AmI's record where there is one."""
    name = f"{IMAGES}/{example['example']}.{attempt.stored.ending}"
    return {
        **(attempt.record or {}),
        **example,
        "outcome": attempt.outcome,
        "file": name,
        "sha256": hashlib.sha256(attempt.stored.data).hexdigest(),
        "parameters": dict(parameters),
    }


def read_entries(folder: Path) -> list[dict[str, Any]]:
    """All attempts so far."""
    path = folder / RECORDS
    if not os.path.lexists(path):
        return []
    found = []
    for number, entry in read_json_lines(path, MAX_LIST_BYTES, within=folder):
        place = f"{path}:{number}"
        check_fields(entry, ENTRY, place, optional=["target", "case"])
        refuse_links(folder / entry["file"], folder)
        found.append(entry)
    return found


def write_examples(folder: Path, entries: Sequence[Mapping[str, Any]]) -> None:
    """The list of the kept examples."""
    with guard_writing(folder, GO_ON):
        write_atomically(folder / EXAMPLES, "".join(json.dumps(list_example(one)) + "\n" for one in entries))


def list_example(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A kept attempt as a line of a list of examples."""
    more = {"target": entry["target"]} if entry.get("target") is not None else {}
    arrays = {"npy": CONVENTION} if entry["file"].endswith(".npy") else {}
    return {
        "id": entry["example"],
        **{key: entry[key] for key in ("source", "attack", "gold", "file", "sha256")},
        **more,
        **arrays,
        "parameters": entry["parameters"],
    }
