"""What travels into a container and out of it: tar streams, written piece by piece and unpacked warily."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import InputError, name_file

CHUNK_BYTES = 1 << 20
NOBODY = 1000  # user and group that cells run as
# What a worker leaves behind, and how many bytes of it are taken at most.
TAKEN = {"cell.json": 64 << 20, "records.jsonl": 4 << 30, "batches.jsonl": 256 << 20}
MOST_ENTRIES = 10_000
HEADER_BYTES = 1 << 20  # tar headers and padding beside the taken files
TOO_LARGE = "what the cell left is larger than its files can be; nothing more is taken"


@dataclass(frozen=True)
class TarEntry:
    """A file to be sent, a path here or its content; with neither, a folder.

    Folders and what is `mine` belong to the cell's user.
    """

    name: str
    path: Path | None = None
    content: bytes | None = None
    mine: bool = False


def pack(entries: Iterable[TarEntry]) -> Iterator[bytes]:
    """A tar archive in pieces of about a megabyte, so that large files need no copy.

    InputError where a file cannot be read or changes its size meanwhile.
    """
    waiting, size = [], 0
    for piece in write_entries(entries):
        waiting.append(piece)
        size += len(piece)
        if size >= CHUNK_BYTES:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join([*waiting, bytes(2 * tarfile.BLOCKSIZE)])


def write_entries(entries: Iterable[TarEntry]) -> Iterator[bytes]:
    """Headers, contents and padding of all entries."""
    for entry in entries:
        if entry.path is not None:
            yield from write_file(entry, entry.path)
        elif entry.content is not None:
            yield make_header(entry, len(entry.content))
            yield from pad(entry.content)
        else:
            yield make_header(entry, None)


def make_header(entry: TarEntry, size: int | None) -> bytes:
    """Header of a file that anybody may read, or of a folder."""
    info = tarfile.TarInfo(entry.name)
    if size is None:
        info.type, info.mode = tarfile.DIRTYPE, 0o755
    else:
        info.size, info.mode = size, 0o644
    if size is None or entry.mine:
        info.uid = info.gid = NOBODY
    return info.tobuf(tarfile.PAX_FORMAT)


def write_file(entry: TarEntry, path: Path) -> Iterator[bytes]:
    """Header and content of a file, of exactly the size that the header says."""
    try:
        with path.open("rb") as file:
            size = left = path.stat().st_size
            yield make_header(entry, size)
            while left:
                piece = file.read(min(CHUNK_BYTES, left))
                if not piece:
                    raise InputError(f"{path}: became shorter while it was sent; run again")
                left -= len(piece)
                yield piece
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    yield bytes(-size % tarfile.BLOCKSIZE)


def pad(content: bytes) -> Iterator[bytes]:
    """Content, and zeros up to a whole block."""
    yield content
    yield bytes(-len(content) % tarfile.BLOCKSIZE)


def unpack(pieces: Iterable[bytes], target: Path, folder: str, taken: Mapping[str, int] = TAKEN) -> list[str]:
    """Take the expected files of an archive's `folder` into `target`; what was left out, with reasons.

    Only regular files right in the folder are taken, each name once, under its own size; links, devices and
    other paths never are. InputError where the archive is larger than they can be, or is none.
    """
    limit = sum(taken.values()) + HEADER_BYTES
    refused: list[str] = []
    done: set[str] = set()
    try:
        with tarfile.open(fileobj=PieceReader(iter(pieces), limit), mode="r|") as archive:
            for number, member in enumerate(archive):
                if number >= MOST_ENTRIES:
                    raise InputError(f"the cell left more than {MOST_ENTRIES} files; nothing more is taken")
                reason = judge_member(member, folder, taken, done)
                if reason is None:
                    name = member.name.rpartition("/")[2]
                    done.add(name)
                    save_member(archive, member, target / name)
                elif reason:
                    refused.append(f"{member.name[:200]!r}: {reason}")
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise InputError(f"what the cell left is no archive ({error}); run it again") from error
    return refused


def judge_member(
    member: tarfile.TarInfo, folder: str, taken: Mapping[str, int], done: set[str]
) -> str | None:
    """Why a member is left out (empty for the folder itself); None where it is taken."""
    path, _, name = member.name.rpartition("/")
    if member.isdir() and member.name == folder:
        return ""
    most = taken.get(name, HEADER_BYTES)
    if member.size > most:
        raise InputError(f"{name[:200]} is of {member.size} bytes, more than the {most} that are taken")
    if path != folder or name not in taken:
        return "is not expected"
    if not member.isreg() or member.issparse():
        return "is no regular file"
    return "is there twice" if name in done else None


def save_member(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """Write one member, whole or not at all; what lay at its place is replaced, never written through."""
    source = archive.extractfile(member)
    assert source is not None
    draft = path.with_name(f".{path.name}-incoming")
    with name_file(path), draft.open("wb") as file:
        while piece := source.read(CHUNK_BYTES):
            file.write(piece)
    draft.replace(path)


class PieceReader(io.RawIOBase):
    """A stream over pieces of bytes that ends with InputError, of this message, beyond `limit` bytes."""

    def __init__(self, pieces: Iterator[bytes], limit: int, message: str = TOO_LARGE) -> None:
        super().__init__()
        self._pieces, self._limit, self._left, self._message = pieces, limit, b"", message

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes, fewer at the end alone."""
        found = [self._left]
        count = len(self._left)
        while size < 0 or count < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._limit -= len(piece)
            if self._limit < 0:
                raise InputError(self._message)
            found.append(piece)
            count += len(piece)
        data = b"".join(found)
        end = len(data) if size < 0 else size
        self._left = data[end:]
        return data[:end]
