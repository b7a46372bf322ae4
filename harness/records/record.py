"""A record: what one cell says of one example, a line of `records.jsonl`, as every version wrote it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import msgspec

from harness.core.documents import call_document, parse_json, read_chunks
from harness.core.errors import InputError
from harness.system.documents import Integer, Name, take_shape
from harness.worker.records import RECORDS

Stage = Literal["file", "pixels", "input", "logits_original", "logits_attribute"]
STAGES: tuple[Stage, ...] = get_args(Stage)
Best = tuple[Integer, float | None]
"""A class and its logit; null where that is no finite number."""
Shape = TypeVar("Shape", bound=msgspec.Struct)


class RecordHashes(msgspec.Struct, gc=False):
    """Hashes of a record's stages, hexadecimal; empty where it has none."""

    file: str = ""
    pixels: str = ""
    input: str = ""
    logits_original: str = ""
    logits_attribute: str = ""


class Record(msgspec.Struct, gc=False):
    """One line of `records.jsonl`; what it does not tell is null.

    A record holds a tuple (`gold`, `original`, `attribute`), or says in `refused` why its file could not be
    used. `margin_*` are top-1 minus top-2 logit, `score` is the detector's, whatever it decides by.
    `sigma_ratio` is the smallest deviation of witnesses' sums over their mean, with its blob: records were
    written without it once. `npy` says what an array's values were taken for. `patch` is the place of
    what was changed, in a job that tries patches. Records of an imported log have a tuple, `case` and
    `detected` alone.
    """

    example: Name
    patch: Integer | None = None
    source: Name | None = None
    attack: Name | None = None
    gold: Integer | None = None
    npy: Name | None = None
    original: Integer | None = None
    attribute: Integer | None = None
    case: Name | None = None
    detected: bool | None = None
    margin_original: float | None = None
    margin_attribute: float | None = None
    score: float | None = None
    top5_original: tuple[Best, ...] | None = None
    top5_attribute: tuple[Best, ...] | None = None
    hashes: RecordHashes | None = None
    sigma_ratio: tuple[Name, float] | None = None
    seconds: float | None = None
    refused: str | None = None


class ExtractionRecord(msgspec.Struct, gc=False):
    """A line that an extraction of witnesses writes: a blob's channels that follow an attribute.

    `substitution` and `preservation` are differences to the base (pairs, channels).
    """

    attribute: Name
    blob: Name
    witnesses: list[Integer]
    substitution: list[list[float]]
    preservation: list[list[float]]


def leave_out(
    shape: type[Shape], names: Collection[str], needed: Mapping[str, Any] | None = None
) -> type[Shape]:
    """A shape without some of its fields, over which a reader skips; `needed` ones are of these kinds."""
    fields = [one for one in msgspec.structs.fields(shape) if one.name not in names]
    kinds = needed or {}
    kept: list[Any] = [
        (one.name, kinds.get(one.name, one.type), *default)
        for one in fields
        for default in [() if one.default is msgspec.NODEFAULT or kinds.get(one.name) else (one.default,)]
    ]
    return msgspec.defstruct(shape.__name__, kept, gc=False, kw_only=True)  # type: ignore[return-value]


# The five best classes take four times as long to read as all the rest.
BEST = ("top5_original", "top5_attribute")
BriefRecord = leave_out(Record, BEST)
# A record without a tuple, or of a file that was refused, does not fit this one.
SoundRecord = leave_out(
    Record,
    (*BEST, "patch", "npy", "case", "seconds"),
    {"gold": Integer, "original": Integer, "attribute": Integer, "refused": None},
)


def read_whole_records(folder: Path, wanted: Collection[str] | None = None) -> dict[str, Record]:
    """Records of a cell by their example's id, all or those `wanted`; InputError where one is none.

    Of an example with several records, which no sound cell has, the last one counts.
    """
    found: dict[str, Record] = {}
    for place, line in walk_lines(folder):
        data = read_record(line, place)
        if wanted is None or data.get("example") in wanted:
            record = take_record(data, place)
            found[record.example] = record
    return found


def take_record(data: Any, place: str) -> Record:
    """Plain data as a record; InputError, with place and field, where it is none."""
    try:
        return take_shape(data, Record, place)
    except InputError as error:
        raise explain_record(error, place) from error


def read_records(folder: Path) -> list[dict[str, Any]]:
    """A cell's records as plain data; InputError, with the line, where one is none."""
    return list(walk_records(folder))


def walk_records(folder: Path) -> Iterator[dict[str, Any]]:
    """The same, one after the other."""
    for place, line in walk_lines(folder):
        yield read_record(line, place)


def walk_lines(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Place and bytes of every line of a cell's records."""
    path, number = folder / RECORDS, 0
    for lines in read_chunks(path, within=folder):
        for line in lines:
            number += 1
            yield f"{path}:{number}", line


def read_record(line: bytes, place: str) -> dict[str, Any]:
    """The plain data of a line; InputError where it holds no table."""
    try:
        return take_shape(parse_json(line, place), dict[str, Any], place)
    except InputError as error:
        raise explain_record(error, place) from error


def explain_record(error: InputError, place: str) -> InputError:
    """What a line is called that is no record."""
    return call_document(error, place, "is no record", "run the cell again")
