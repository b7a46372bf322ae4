"""A cell's records as arrays, one column a field, made while its file is read."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from sys import intern
from typing import Any

import msgspec
import numpy as np

from harness.ami.statistics import NEAR_ZERO
from harness.core.documents import NAME, check_fields, read_chunks, shorten
from harness.core.limits import MAX_REASON
from harness.core.text import store_name
from harness.records.record import STAGES, Record, RecordHashes, SoundRecord, read_record
from harness.worker.records import RECORDS

NAMES = ("example", "attack", "source")
NO_TUPLE = "its record holds no tuple"
DECODE = msgspec.json.Decoder(SoundRecord).decode


@dataclass(frozen=True)
class Broken:
    """A record that holds no tuple, and why."""

    example: str
    reason: str


@dataclass(frozen=True, eq=False)
class Columns:
    """The sound records of a cell in their file's order, and the broken ones.

    `examples`, `sources` and `attacks` are (n,) str objects; `tuples` (n, 3) int64: Gold, Original,
    Attribute; `detected` (n,) bool, what the detector decided; `margins` (n, 2) float64, plain and steered,
    and `scores` (n,) float64, NaN where there is none; `hashes` (n, 5) uint64, the first 64 bits of each of
    STAGES, 0 where there is none; `near_zero` counts, by blob, records whose smallest deviation of witnesses'
    sums is there, and below NEAR_ZERO of their mean.
    """

    examples: np.ndarray
    sources: np.ndarray
    attacks: np.ndarray
    tuples: np.ndarray
    detected: np.ndarray
    margins: np.ndarray
    scores: np.ndarray
    hashes: np.ndarray
    broken: tuple[Broken, ...] = ()
    near_zero: Mapping[str, int] = field(default_factory=dict)


def read_columns(folder: Path) -> Columns:
    """Columns of a cell's `records.jsonl`; InputError, with the line, where one is no record."""
    path = folder / RECORDS
    parts, number = [], 1
    for lines in read_chunks(path, within=folder):
        parts.append(stack_lines(read_batch(path, lines, number)))
        number += len(lines)
    return join_parts(parts)


def take_columns(records: Iterable[Mapping[str, Any]]) -> Columns:
    """Columns of records that are plain data."""
    return stack_lines([take_sound(record) for record in records])


def read_batch(path: Path, lines: Sequence[bytes], first: int) -> list[Record | Broken]:
    """Records of some lines, of which the first has this number."""
    try:
        return [DECODE(line) for line in lines]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [read_sound(line, f"{path}:{number}") for number, line in enumerate(lines, start=first)]


def read_sound(line: bytes, place: str) -> Record | Broken:
    """One record, sound or not; InputError where it is none."""
    try:
        return DECODE(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return take_sound(read_record(line, place), place)


def take_sound(record: Mapping[str, Any], place: str = "record") -> Record | Broken:
    """One record of plain data, sound or not; InputError where its names are none."""
    try:
        return msgspec.convert(record, SoundRecord)
    except msgspec.ValidationError as error:
        names = {key: record[key] for key in NAMES if isinstance(record.get(key), str)}
        check_fields(names, dict.fromkeys(names, NAME), place)
        return Broken(store_name(shorten(str(record.get("example")))), explain_damage(record, error))


def explain_damage(record: Mapping[str, Any], error: msgspec.ValidationError) -> str:
    """Why a record is not sound: its worker refused the file, it holds no tuple, or what else is wrong."""
    if isinstance(record.get("refused"), str):
        return f"was refused: {shorten(record['refused'], MAX_REASON)}"
    if any(type(record.get(name)) is not int for name in ("gold", "original", "attribute")):
        return NO_TUPLE
    return f"its record is damaged ({error})"


def stack_lines(lines: Sequence[Record | Broken]) -> Columns:
    """Columns of records."""
    sound = [line for line in lines if not isinstance(line, Broken)]
    tuples = np.array([(line.gold, line.original, line.attribute) for line in sound], dtype=np.int64)
    margins = [(line.margin_original, line.margin_attribute) for line in sound]
    return Columns(
        examples=stack_names([line.example for line in sound]),
        sources=stack_names([line.source or "" for line in sound]),
        attacks=stack_names([line.attack or "" for line in sound]),
        tuples=tuples.reshape(-1, 3),
        detected=stack_detected([line.detected for line in sound], tuples.reshape(-1, 3)),
        margins=np.array(margins, dtype=np.float64).reshape(-1, 2),
        scores=np.array([line.score for line in sound], dtype=np.float64),
        hashes=stack_hashes([line.hashes for line in sound]),
        broken=tuple(line for line in lines if isinstance(line, Broken)),
        near_zero=count_near_zero([line.sigma_ratio for line in sound if line.sigma_ratio]),
    )


def stack_detected(said: Sequence[bool | None], tuples: np.ndarray) -> np.ndarray:
    """What detectors decided (n,) of tuples (n, 3); AmI's decision where a record does not say so."""
    decided = find_detected(tuples)
    if None in said:
        return np.where([one is None for one in said], decided, np.array([one is True for one in said]))
    return np.array(said, dtype=bool)


def find_detected(tuples: np.ndarray) -> np.ndarray:
    """What AmI decides (…,) of tuples (…, 3): detected is whose Original is not Attribute."""
    return np.asarray(tuples[..., 1] != tuples[..., 2])


def count_near_zero(ratios: Iterable[tuple[str, float]]) -> Counter[str]:
    """How many ratios are below NEAR_ZERO, by blob."""
    return Counter(store_name(blob) for blob, ratio in ratios if ratio < NEAR_ZERO)


def stack_names(names: Iterable[str]) -> np.ndarray:
    """Names (n,) as they are stored, as objects; equal ones are one object, whatever cell they come from."""
    names = list(names)
    together = "".join(names)
    if not (together.isascii() and together.isprintable()):
        names = [store_name(name) for name in names]
    return np.fromiter(map(intern, names), dtype=object)


def stack_hashes(hashes: Sequence[RecordHashes | None]) -> np.ndarray:
    """First 64 bits of the stages' hashes (n, 5), uint64."""
    texts = [() if one is None else msgspec.structs.astuple(one) for one in hashes]
    try:
        digits = bytes.fromhex("".join([text[:16] for text in chain.from_iterable(texts)]))
        return np.frombuffer(digits, dtype=">u8").astype(np.uint64).reshape(len(texts), len(STAGES))
    except ValueError:
        rows = [[shorten_hash(text) for text in row] or [0] * len(STAGES) for row in texts]
        return np.array(rows, dtype=np.uint64).reshape(-1, len(STAGES))


def shorten_hash(text: str) -> int:
    """First 64 bits of a hexadecimal hash; of the hash of any other text; 0 of none."""
    try:
        digest = bytes.fromhex(text[:16].ljust(16, "0"))
    except ValueError:
        digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:8], "big") if text else 0


def join_parts(parts: Sequence[Columns]) -> Columns:
    """One cell's columns from those of its parts."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return take_columns(())
    names = ("examples", "sources", "attacks", "tuples", "detected", "margins", "scores", "hashes")
    return Columns(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names},
        broken=tuple(chain.from_iterable(part.broken for part in parts)),
        near_zero=sum((Counter(part.near_zero) for part in parts), start=Counter[str]()),
    )
