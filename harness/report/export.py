"""Every record of every cell of a run as one table, CSV or Parquet, for notebooks."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import msgspec
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from harness.core.documents import is_file, read_chunks
from harness.core.errors import InputError
from harness.core.text import store_name
from harness.diff.cells import check_cell, check_sums, name_job_port
from harness.diff.runs import PastCell, find_cells
from harness.records.cell import CellJob, read_cell
from harness.records.record import BriefRecord, Record, RecordHashes
from harness.report.families import name_causes
from harness.summary.document import Summary
from harness.system.consoles import make_text, open_errors
from harness.system.drafts import replace_file
from harness.system.extras import require_extra
from harness.system.text import make_cell
from harness.worker.records import RECORDS

Kind = Literal["text", "integer", "number", "truth"]
Row = tuple[Any, ...]
Write = Callable[[Sequence[Row]], None]
Show = Callable[[int, int], None]
"""Takes how many bytes of records were read, of how many."""

COLUMNS: dict[str, Kind] = {
    "run": "text", "environment": "text", "cell": "text", "execution": "text",
    "backend": "text", "port": "text", "alpha": "number", "beta": "number", "epsilon": "number",
    "example": "text", "source": "text", "attack": "text",
    "gold": "integer", "original": "integer", "attribute": "integer", "case": "text", "detected": "truth",
    "margin_original": "number", "margin_attribute": "number", "score": "number", "seconds": "number",
    "hash_file": "text", "hash_pixels": "text", "hash_input": "text",
    "hash_logits_original": "text", "hash_logits_attribute": "text",
    "sigma_blob": "text", "sigma_ratio": "number", "refused": "text",
    "verdict": "text", "causes": "text",
}  # fmt: skip
NOT_EXPLAINED = (None, None)
CHUNK_BYTES = 1 << 23  # of records that are held at a time


DECODE = msgspec.json.Decoder(BriefRecord).decode
FIELDS = (
    "gold",
    "original",
    "attribute",
    "case",
    "detected",
    "margin_original",
    "margin_attribute",
    "score",
    "seconds",
)
TAKE_FIELDS = attrgetter(*FIELDS)


@dataclass(frozen=True)
class RecordTable:
    """A done cell: the columns that are the same in all its rows, and the file of its records.

    `causes` are the last two columns, by example, where its divergence was explained.
    """

    head: Row
    records: Path
    causes: Mapping[str, Row]


def export_records(path: Path, run: Path, summary: Summary | None = None) -> None:
    """Write all records of a run with a progress bar, and say on standard error how many there are."""
    console = open_errors()
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=40), TaskProgressColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("records")
        count = write_records(
            path, run, lambda done, total: progress.update(bar, completed=done, total=total), summary
        )
    console.print(make_text(f"{path}: {count} records"), soft_wrap=True)


def write_records(path: Path, run: Path, show: Show, summary: Summary | None = None) -> int:
    """Write the records of a run's done cells into a `.csv` or `.parquet` file; how many there were.

    Causes are those that the run's summary has.

    InputError for another ending, no records, a damaged one (with its line), or a place that takes no file.
    """
    open_table = WRITERS.get(path.suffix.lower())
    if open_table is None:
        raise InputError(f"--records {path}: is neither .csv nor .parquet; end the name in one of these")
    check_place(path)
    tables = list_tables(run, tell_causes(summary) if summary else {})
    count = 0
    try:
        with replace_file(path) as draft:
            with open_table(draft) as write:
                for rows in read_rows(tables, show):
                    write(rows)
                    count += len(rows)
            if not count:
                raise InputError(f"{run}: no cell has records, so there is nothing to write")
    except OSError as error:
        raise InputError(f"--records {path}: cannot be written ({error.strerror or error})") from error
    return count


def check_place(path: Path) -> None:
    """InputError for a place that holds something else than a file: it would be replaced."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise InputError(f"--records {path}: is no ordinary file; name a new one")


def tell_causes(summary: Summary) -> dict[str, dict[str, Row]]:
    """Verdict and causes by environment and example."""
    told: dict[str, dict[str, Row]] = {}
    groups = summary.causes.groups if summary.causes else ()
    for one in summary.divergences:
        for name, place in one.groups.items():
            group = groups[place]
            told.setdefault(name, {})[one.example] = (group.verdict, name_causes(group))
    return told


def list_tables(run: Path, told: Mapping[str, Mapping[str, Row]]) -> list[RecordTable]:
    """The done cells of a run, or the one that a folder is; InputError where files are damaged."""
    found = [(source, source.folder) for source in find_cells([run]) if source.folder]
    tables = (take_record_table(run, source, folder, told.get(source.label, {})) for source, folder in found)
    return [table for table in tables if table is not None]


def take_record_table(
    run: Path, source: PastCell, folder: Path, causes: Mapping[str, Row]
) -> RecordTable | None:
    """One cell, None where it is not done."""
    told = check_cell(folder, read_cell(folder))
    if told.status != "done":
        return None
    check_sums(folder)
    job = told.job or CellJob()
    known = job.parameters or {}
    parameters = (known.get(name) for name in ("alpha", "beta", "epsilon"))
    names = (run.resolve().name, source.environment, job.cell or source.label)
    texts = (*names, told.execution, job.backend, name_job_port(job))
    stored = (text if text is None else store_name(text) for text in texts)
    return RecordTable((*stored, *parameters), folder / RECORDS, causes)


def read_rows(tables: Sequence[RecordTable], show: Show) -> Iterator[list[Row]]:
    """All rows, in chunks; InputError, with the line, where one is no record."""
    done, number = 0, 1
    for table in tables:
        total = sum(measure_file(one.records) for one in tables)
        number = 1
        for lines in read_chunks(table.records, table.records.parent, CHUNK_BYTES):
            yield take_rows(table, lines, number)
            number += len(lines)
            done += sum(map(len, lines))
            show(done, total)


def measure_file(path: Path) -> int:
    """Bytes of a file, 0 where there is none: reading it will tell."""
    return path.stat().st_size if is_file(path) else 0


def take_rows(table: RecordTable, lines: Sequence[bytes], first: int) -> list[Row]:
    """Rows of some lines, of which the first has this number."""
    rows: list[Row] = []
    for line in lines:
        try:
            record = DECODE(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            place = f"{table.records}:{first + len(rows)}"
            raise InputError(f"{place}: is no record ({error}); run the cell again") from error
        rows.append((*table.head, *take_row(record), *table.causes.get(record.example, NOT_EXPLAINED)))
    return rows


def take_row(record: Record) -> Row:
    """The columns of a record."""
    names = (name and store_name(name) for name in (record.example, record.source, record.attack))
    hashes = msgspec.structs.astuple(record.hashes or RecordHashes())
    blob, sigma = record.sigma_ratio or (None, None)
    told = (text or None for text in hashes)
    return (*names, *TAKE_FIELDS(record), *told, blob and store_name(blob), sigma, record.refused)


@contextmanager
def open_csv(path: Path) -> Iterator[Write]:
    """A CSV file in UTF-8, null as nothing; text that looks like a formula has a `'` before it."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        yield lambda rows: writer.writerows(show_rows(rows))


def show_rows(rows: Sequence[Row]) -> Iterator[Row]:
    """Rows as CSV has them."""
    columns = zip(zip(*rows, strict=True), COLUMNS.values(), strict=True)
    return zip(*(SHOW.get(kind, list)(column) for column, kind in columns), strict=True)


def show_texts(values: Iterable[str | None]) -> list[str | None]:
    """Text that no spreadsheet runs and no terminal obeys."""
    return [value if value is None else make_cell(value) for value in values]


def show_truths(values: Iterable[bool | None]) -> list[str | None]:
    """`true` and `false`."""
    return [None if value is None else str(value).lower() for value in values]


SHOW: dict[Kind, Callable[[Iterable[Any]], list[Any]]] = {"text": show_texts, "truth": show_truths}


@contextmanager
def open_parquet(path: Path) -> Iterator[Write]:
    """A Parquet file, a row group a chunk; InputError where pyarrow is not installed."""
    require_extra("parquet", "--records FILE.parquet", "; or write .csv")
    import pyarrow as pa
    from pyarrow.parquet import ParquetWriter

    kinds: dict[Kind, Any] = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "truth": pa.bool_(),
    }
    schema = pa.schema([(name, kinds[kind]) for name, kind in COLUMNS.items()])
    with ParquetWriter(path, schema, compression="zstd") as writer:

        def write(rows: Sequence[Row]) -> None:
            columns = zip(zip(*rows, strict=True), schema, strict=True)
            arrays = [pa.array(column, field.type) for column, field in columns]
            writer.write_batch(pa.record_batch(arrays, schema=schema))

        yield write


WRITERS: dict[str, Callable[[Path], AbstractContextManager[Write]]] = {
    ".csv": open_csv,
    ".parquet": open_parquet,
}
