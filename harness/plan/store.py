"""The store: results of finished cells under their keys, checked before they are used again."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path

from harness.core.documents import open_file, read_chunks, refuse_links
from harness.core.errors import InputError
from harness.core.examples import hash_file
from harness.core.limits import MAX_NOTE_BYTES
from harness.records.cell import read_cell
from harness.system.documents import read_shape
from harness.system.drafts import move_folder, remove_path, write_atomically, write_json
from harness.worker.records import BATCHES, RECORDS, read_batches, read_voucher

SUMS, WORKPLACES = "checksums.json", "working"
KEY_DIGITS = 20
FILES = ("cell.json", "records.jsonl", "log.txt", SUMS)
CHECKED = ("cell.json", "records.jsonl")
COPY_PAUSES_SECONDS = (0.1, 0.5, 2.0)
RESUMABLE = ("records.jsonl", "batches.jsonl")
EXECUTION = "execution"  # the file with a workplace's, and what cell.json calls it


def locate_result(cache: Path, key: str) -> Path:
    """Folder of the result with a key, whether it is there or not."""
    return cache / "store" / key


def lock_cell(key: str) -> str:
    """Name of the lock of the cell with a key, or with a workplace whose name begins with it."""
    return f"cell-{key[:KEY_DIGITS]}"


def make_workplace(cache: Path, key: str, *, fresh: bool = False) -> Path:
    """A folder beside the store, in which a cell works before its result is moved in.

    It starts with the records of the attempt that came furthest, and as the same execution, unless it is to
    be `fresh`. That attempt's worker may still be ending in its own folder; the cell's lock is held, so no
    other one is going on.
    """
    folder = cache / WORKPLACES
    folder.mkdir(parents=True, exist_ok=True)
    earlier = sorted(folder.glob(f"{key[:KEY_DIGITS]}-*"), key=measure_records)
    workplace = Path(tempfile.mkdtemp(dir=folder, prefix=f"{key[:KEY_DIGITS]}-"))
    try:
        for name in (*RESUMABLE, EXECUTION):
            if earlier and not fresh and (earlier[-1] / name).is_file():
                shutil.copyfile(earlier[-1] / name, workplace / name)
        if not (workplace / EXECUTION).is_file():
            write_atomically(workplace / EXECUTION, secrets.token_hex(16))
    except OSError:
        shutil.rmtree(workplace, ignore_errors=True)  # one more would be left with every try on a full disk
        raise
    for one in earlier:
        shutil.rmtree(one, ignore_errors=True)
    return workplace


def stamp_execution(workplace: Path) -> None:
    """Have a workplace's `cell.json` say which execution it is of, so that copies can be told from others."""
    path = workplace / "cell.json"
    try:
        cell = read_cell(workplace)
    except InputError:
        return  # a broken worker's, which is no result
    write_json(path, {**cell, EXECUTION: (workplace / EXECUTION).read_text(encoding="utf-8")})


def measure_records(workplace: Path) -> int:
    """Bytes of the records in a workplace."""
    path = workplace / "records.jsonl"
    return path.stat().st_size if path.is_file() else 0


def keep_result(cache: Path, key: str, workplace: Path, *, replace: bool = False) -> Path:
    """Move a finished cell's files into the store, with their checksums; the folder they are in then.

    Of two results under one key the first stays, unless it is damaged or to be replaced.
    """
    write_json(workplace / SUMS, {name: hash_file(workplace / name) for name in CHECKED})
    folder = locate_result(cache, key)
    if os.path.lexists(folder) and (replace or find_damage(folder)):
        remove_path(folder)
    move_folder(workplace, folder)
    return folder


def find_damage(folder: Path) -> str | None:
    """What is wrong with a stored result; None where it is whole or where there is none."""
    if not os.path.lexists(folder):
        return None
    try:
        sums = read_shape(folder / SUMS, dict[str, str], MAX_NOTE_BYTES, within=folder)
        for name in CHECKED:
            refuse_links(folder / name, folder)
            if name not in sums:
                return f"{folder} is not whole ({SUMS} lacks {name})"
            if hash_file(folder / name) != sums[name]:
                return f"{folder / name} was changed after it was written"
    except InputError as error:
        return f"{folder} is not whole ({error})"
    return None


def find_lost_batch(folder: Path) -> str | None:
    """What is wrong with records that were vouched for batch by batch; None where they are whole."""
    path = folder / RECORDS
    first = next(read_chunks(folder / BATCHES, within=folder), [b""])[0]
    voucher = read_voucher(first)
    if voucher is None:
        return f"{folder / BATCHES}: vouches for no records"
    whole = sum(len(data) for _, data in read_batches(folder, voucher["job"]))
    with open_file(path, within=folder) as file:
        size = os.fstat(file.fileno()).st_size
    return None if whole == size else f"{path}: only {whole} of its {size} bytes are what was written"


def copy_result(source: Path, target: Path, *, whole: bool = False) -> None:
    """Copy what there is of a cell's files.

    A result that is `whole` may be replaced by that of a fresh run at any moment; then it is copied again.
    """
    target.mkdir(parents=True, exist_ok=True)
    for pause in COPY_PAUSES_SECONDS:
        copy_files(source, target)
        if not whole or not find_damage(target):
            return
        time.sleep(pause)


def copy_files(source: Path, target: Path) -> None:
    """Copy what there is of a cell's files."""
    for name in FILES:
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(source / name, target / name)
