"""Archives from elsewhere, unpacked warily: only what was asked for, only files, only so much."""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from harness.core.documents import shorten
from harness.core.errors import InputError
from harness.core.examples import hash_file
from harness.core.limits import MAX_NAME, MAX_PART
from harness.model.sources import SourceTable
from harness.system.tarstream import CHUNK_BYTES, HEADER_BYTES, PieceReader

GZIP = b"\x1f\x8b"
MOST_RATIO = 200  # unpacked to packed; weights and images are near 1, text near 5
FREE_BYTES = 1 << 20  # before the ratio counts
BAD_NAME = re.compile(r"^[/\\]|^[A-Za-z]:|\\|[\x00-\x1f\x7f]|(^|/)\.\.(/|$)")


@dataclass(frozen=True)
class Unpacked:
    """Files by their place in the model's folder, each with its size and hash; how many were left out."""

    files: Mapping[str, tuple[int, str]]
    left_out: int


def unpack_archive(path: Path, staging: Path, table: SourceTable) -> Unpacked:
    """Unpack what a table asks for into an empty folder.

    InputError where the archive is none, is damaged, names a place outside, has a link or device where a file
    is wanted, lacks something, or is larger or of more entries than allowed.
    """
    reader = PieceReader(
        decompress(path),
        table.most_unpacked_bytes + HEADER_BYTES,
        f"{path}: unpacks to more than {table.most_unpacked_bytes} bytes (most_unpacked_bytes); refused",
    )
    taken: dict[str, Path] = {}
    left_out = 0
    try:
        with tarfile.open(fileobj=reader, mode="r|", bufsize=CHUNK_BYTES) as archive:
            for number, member in enumerate(archive):
                if number >= table.most_entries:
                    raise InputError(
                        f"{path}: has more than {table.most_entries} entries (most_entries); refused"
                    )
                target = choose_target(path, member, table.take, taken)
                if target is None:
                    left_out += not member.isdir()
                    continue
                taken[target] = staging / target
                # Python's own filter looks at it, too.
                archive.extract(
                    member.replace(name=target, deep=False), staging, set_attrs=False, filter="data"
                )
        while reader.read(CHUNK_BYTES):  # what follows the last entry is checked too
            pass
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile, ValueError, OverflowError) as error:
        raise InputError(f"{path}: is no archive, or a damaged one ({error})") from error
    check_taken(path, table, taken)
    files = {name: (place.stat().st_size, hash_file(place)) for name, place in sorted(taken.items())}
    return Unpacked(files, left_out)


def decompress(path: Path) -> Iterator[bytes]:
    """Unpacked bytes of a `.tar` or `.tar.gz` file; InputError where they are suspiciously many."""
    with path.open("rb") as packed:
        stream: IO[bytes] = packed
        start = packed.read(len(GZIP))
        packed.seek(0)
        if start == GZIP:
            stream = cast(IO[bytes], gzip.GzipFile(fileobj=packed))
        size = 0
        while piece := stream.read(CHUNK_BYTES):
            size += len(piece)
            if size > FREE_BYTES + MOST_RATIO * packed.tell():
                raise InputError(f"{path}: unpacks to over {MOST_RATIO} times its size; refused")
            yield piece


def choose_target(
    path: Path, member: tarfile.TarInfo, take: Mapping[str, str], taken: Mapping[str, Path]
) -> str | None:
    """Place of an entry in the model's folder, None where it is not wanted; InputError for a hostile one."""
    name = member.name
    if len(name) > MAX_NAME or any(
        len(part.encode("utf-8", "replace")) > MAX_PART for part in name.split("/")
    ):
        raise InputError(f"{path}: names {shorten(name)!r}, which is too long for a file; nothing is taken")
    if BAD_NAME.search(name):
        raise InputError(
            f"{path}: names {name[:200]!r}, a place outside its folder or none; nothing is taken"
        )
    target = find_target(name, take)
    if target is None or member.isdir():
        return None
    if not member.isreg() or member.issparse():
        raise InputError(f"{path}: {name[:200]!r} is a link or a device, and no file; nothing is taken")
    if target.casefold() in {one.casefold() for one in taken}:
        raise InputError(f"{path}: {name[:200]!r} is there twice; nothing is taken")
    return target


def find_target(name: str, take: Mapping[str, str]) -> str | None:
    """Place of an entry by the first rule that it fits; `*` stands for any one folder."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    for inside, target in take.items():
        rule = inside.rstrip("/").split("/")
        head = parts[: len(rule)]
        if len(head) == len(rule) and all(one in ("*", part) for one, part in zip(rule, head, strict=True)):
            rest = parts[len(rule) :]
            if inside.endswith("/") and rest:
                return "/".join([target.rstrip("/"), *rest])
            if not inside.endswith("/") and not rest:
                return target
    return None


def check_taken(path: Path, table: SourceTable, taken: Mapping[str, Path]) -> None:
    """Refuse an archive that lacks something that is wanted."""
    for inside, target in table.take.items():
        if not any(one.startswith(target) if target.endswith("/") else one == target for one in taken):
            raise InputError(f"{path}: holds no {inside}; is it the right archive?")
