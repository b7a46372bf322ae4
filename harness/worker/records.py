"""Records on disk: appended batch by batch with a checksum each, so that a killed cell can go on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterable, Iterator, Mapping, Sequence, Tuple

from harness.ami.examples import hash_bytes

RECORDS = "records.jsonl"
BATCHES = "batches.jsonl"


def append_batch(output: Path, job: str, records: Iterable[Mapping[str, Any]]) -> None:
    """Append records, then the line that vouches for them, and for the job (a hash) that they are of."""
    lines = [json.dumps(record, allow_nan=False) + "\n" for record in records]
    data = "".join(lines).encode()
    with (output / RECORDS).open("ab") as file:
        file.write(data)
    voucher = {"records": len(lines), "bytes": len(data), "sha256": hash_bytes(data), "job": job}
    with (output / BATCHES).open("ab") as file:
        file.write(json.dumps(voucher).encode() + b"\n")


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
    with (output / RECORDS).open("rb") as file:
        for line in (output / BATCHES).read_bytes().splitlines(keepends=True):
            try:
                voucher = json.loads(line)
                data = file.read(voucher["bytes"])
                if not line.endswith(b"\n") or (hash_bytes(data), job) != (voucher["sha256"], voucher["job"]):
                    return
                yield line, data
            except (ValueError, KeyError, TypeError):
                return


def read_ids(data: bytes) -> list[str]:
    """Example ids of a batch's records."""
    return [json.loads(line)["example"] for line in data.splitlines()]


def cut_file(path: Path, size: int) -> None:
    """Leave the first bytes of a file, which is made where there is none."""
    with path.open("ab") as file:
        file.truncate(size)
