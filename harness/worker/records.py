"""Records on disk: appended batch by batch with a checksum each, so that a killed cell can go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from harness.core.documents import NAME, check_fields, open_file, parse_json, parse_json_lines, read_chunks
from harness.core.errors import InputError, name_file
from harness.core.examples import hash_bytes
from harness.core.limits import MAX_BATCH_BYTES

RECORDS = "records.jsonl"
BATCHES = "batches.jsonl"
VOUCHER = {"bytes": "a whole number", "sha256": NAME, "job": NAME}


def append_batch(output: Path, job: str, records: Iterable[Mapping[str, Any]]) -> None:
    """Append records, then the line that vouches for them, and for the job (a hash) that they are of."""
    lines = [json.dumps(record, allow_nan=False) + "\n" for record in records]
    data = "".join(lines).encode()
    append_bytes(output / RECORDS, data)
    voucher = {"records": len(lines), "bytes": len(data), "sha256": hash_bytes(data), "job": job}
    append_bytes(output / BATCHES, json.dumps(voucher).encode() + b"\n")


def append_bytes(path: Path, data: bytes) -> None:
    """Write at a file's end; OSError, with its name, as where the disk is full."""
    with name_file(path), path.open("ab") as file:
        file.write(data)


def keep_whole_batches(output: Path, job: str, batches: Sequence[Sequence[str]]) -> int:
    """Cut both files down to their leading whole batches; how many these are.

    A batch is whole when its bytes are what was vouched for, and it is of this job and of just these ids;
    so what follows is what an undisturbed run would have written.
    """
    done = kept = vouched = 0
    for wanted, (line, data) in zip(batches, read_batches(output, job)):
        if read_ids(data) != list(wanted):
            break
        done, kept, vouched = done + 1, kept + len(data), vouched + len(line)
    cut_file(output / RECORDS, kept)
    cut_file(output / BATCHES, vouched)
    return done


def read_batches(output: Path, job: str) -> Iterator[Tuple[bytes, bytes]]:
    """Voucher line and bytes of every batch, up to the first that is damaged or of another job."""
    if not ((output / RECORDS).exists() and (output / BATCHES).exists()):
        return
    with open_file(output / RECORDS, within=output) as file:
        for lines in read_chunks(output / BATCHES, within=output):
            for line in lines:
                voucher = read_voucher(line)
                data = file.read(voucher["bytes"] if voucher else 0)
                if voucher is None or (hash_bytes(data), job) != (voucher["sha256"], voucher["job"]):
                    return
                yield line, data


def read_voucher(line: bytes) -> Optional[Dict[str, Any]]:
    """What a line vouches for; None where it is cut off or damaged."""
    try:
        voucher: Dict[str, Any] = parse_json(line, BATCHES)
        check_fields(voucher, VOUCHER, BATCHES)
    except InputError:
        return None
    whole = line.endswith(b"\n") and 0 <= voucher["bytes"] <= MAX_BATCH_BYTES
    return voucher if whole else None


def read_ids(data: bytes) -> List[Any]:
    """Example ids of a batch's records, None for what has none; empty where it holds no records."""
    try:
        records = [record for _, record in parse_json_lines(data, RECORDS)]
    except InputError:
        return []
    return [record.get("example") if isinstance(record, dict) else None for record in records]


def cut_file(path: Path, size: int) -> None:
    """Leave the first bytes of a file, which is made where there is none."""
    with name_file(path), path.open("ab") as file:
        file.truncate(size)
