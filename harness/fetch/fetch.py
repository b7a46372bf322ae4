"""One source fetched: its archive downloaded or read, checked, unpacked, put in place, recorded."""

from __future__ import annotations

import datetime as dt
import hashlib
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from harness.core.documents import is_file
from harness.core.errors import InputError
from harness.core.examples import hash_file
from harness.fetch.download import DownloadScreen, RetryPolicy, download, show_url
from harness.fetch.ledger import LEDGER, FetchRecord, check_same, read_ledger, write_record
from harness.fetch.part import locate_part
from harness.fetch.sources import FetchSource
from harness.fetch.unpack import Unpacked, unpack_archive
from harness.system.locks import hold_lock

INCOMING = ".incoming-"


@dataclass(frozen=True)
class ArchiveOrigin:
    """Where an archive is to come from, instead of its publisher."""

    mirror: str | None = None
    file: Path | None = None


@dataclass(frozen=True)
class Archive:
    """An archive on disk and where it is from; one that was downloaded is ours to remove."""

    path: Path
    origin: str
    is_ours: bool = False


@dataclass(frozen=True)
class Fetched:
    """What is in place now; `was_there` where nothing had to be done, `left_out` counts unwanted files."""

    name: str
    folder: Path
    files: Mapping[str, tuple[int, str]]
    was_there: bool = False
    left_out: int = 0


def fetch_source(
    source: FetchSource,
    origin: ArchiveOrigin,
    cache: Path,
    screen: DownloadScreen,
    policy: RetryPolicy | None = None,
) -> Fetched:
    """Bring a source's files into its model's folder, or leave them where they are there already.

    InputError where they cannot be had, or are others than the table or the record of an earlier time says.
    """
    lock = hashlib.sha256(str(source.folder).encode()).hexdigest()[:16]
    with hold_lock(cache, f"fetch-{lock}", threading.Event(), screen.say):
        known = read_ledger(source.folder).get(source.name)
        if known is not None and check_places(source.folder, known):
            return Fetched(source.name, source.folder, known.files, was_there=True)
        if origin.file is not None:
            if not origin.file.is_file():
                raise InputError(f"--from {origin.file}: is no file; give the archive itself")
            return install_archive(Archive(origin.file, str(origin.file.absolute())), source, known, screen)
        url = choose_url(source, origin.mirror)
        screen.say(f"fetching {show_url(url)}")
        path = download(url, cache / "downloads", source.table.most_bytes, screen, policy)
        fetched = install_archive(Archive(path, show_url(url), is_ours=True), source, known, screen)
        locate_part(cache / "downloads", url).discard()
        return fetched


def choose_url(source: FetchSource, mirror: str | None) -> str:
    """The publisher's address, or a mirror's; to one that ends in a slash the file's name is added."""
    if mirror is None:
        return source.table.url
    if not mirror.startswith(("https://", "http://")):
        raise InputError(f"--mirror {mirror}: must begin with https:// or http://; for a file use --from")
    try:
        urlsplit(mirror)
    except ValueError as error:
        raise InputError(f"--mirror {mirror}: is no address ({error}); correct it") from error
    name = urlsplit(source.table.url).path.rpartition("/")[2]
    return mirror + name if mirror.endswith("/") else mirror


def check_places(folder: Path, known: FetchRecord) -> bool:
    """Whether all recorded files are in place; InputError where one is there but is another."""
    there = [name for name in known.files if is_file(folder / name)]
    for name in there:
        place = folder / name
        size, digest = known.files[name]
        if place.stat().st_size != size or hash_file(place) != digest:
            raise InputError(
                f"{place}: is not the file that was fetched {known.fetched}; move it away to fetch it again"
            )
    return len(there) == len(known.files)


def install_archive(
    archive: Archive, source: FetchSource, known: FetchRecord | None, screen: DownloadScreen
) -> Fetched:
    """Check and unpack an archive, put its files in place, and record them where that was not done yet.

    A downloaded archive that is no good is removed: it would be found, and refused, for ever.
    """
    try:
        with open_staging(source.folder) as staging:
            screen.say(f"checking and unpacking into {source.folder}")
            try:
                digest, unpacked = check_archive(archive.path, source, staging, known)
            except InputError:
                if archive.is_ours:
                    archive.path.unlink(missing_ok=True)
                raise
            check_free(source.folder, unpacked.files)
            for name in unpacked.files:
                place = source.folder / name
                place.parent.mkdir(parents=True, exist_ok=True)
                (staging / name).replace(place)
    except OSError as error:
        raise InputError(
            f"{error.filename or source.folder}: cannot be written ({error.strerror})"
        ) from error
    if known is None:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
        write_record(source.folder, source.name, FetchRecord(archive.origin, digest, now, unpacked.files))
        screen.say(describe_trust(source, digest))
    elif digest != known.sha256:
        screen.say("the archive is packed differently than the first time; its files are the same")
    return Fetched(source.name, source.folder, unpacked.files, left_out=unpacked.left_out)


def check_archive(
    path: Path, source: FetchSource, staging: Path, known: FetchRecord | None
) -> tuple[str, Unpacked]:
    """SHA-256 of an archive and its files, unpacked; InputError where anything is not as it should be."""
    digest = check_digests(source, path)
    unpacked = unpack_archive(path, staging, source.table)
    if known is not None:
        check_same(path, unpacked.files, known)
    return digest, unpacked


def check_digests(source: FetchSource, archive: Path) -> str:
    """SHA-256 of an archive; InputError where it, or the MD5, is not what the table says."""
    digest = hash_file(archive)
    for name, wanted in (("sha256", source.table.sha256), ("md5", source.table.md5)):
        if wanted is None:
            continue
        found = digest if name == "sha256" else hash_md5(archive)
        if found != wanted.lower():
            raise InputError(
                f"{archive}: its {name} is {found}, not {wanted} as {source.place} says; refused"
            )
    return digest


def hash_md5(path: Path) -> str:
    """MD5, hexadecimal, which older publishers give."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def describe_trust(source: FetchSource, digest: str) -> str:
    """What the files were checked against, and what they will be checked against from now on."""
    table = source.table
    if table.sha256:
        return f"sha256 {digest} is the one that model.toml names"
    checked = "its md5 is the one that model.toml names; " if table.md5 else ""
    return (
        f"{checked}no sha256 of {source.name} is known, so this one is trusted and recorded in {LEDGER}:"
        f" {digest}; other files are refused from now on"
    )


def check_free(folder: Path, files: Mapping[str, tuple[int, str]]) -> None:
    """Refuse to replace files that are there and are others."""
    for name, (size, digest) in files.items():
        place = folder / name
        if place.exists() and not (
            place.is_file() and place.stat().st_size == size and hash_file(place) == digest
        ):
            raise InputError(f"{place}: is there already and is another; move it away, nothing was changed")


@contextmanager
def open_staging(folder: Path) -> Iterator[Path]:
    """A folder beside the files' places, so that moving them is one step each; gone afterwards."""
    for old in folder.glob(f"{INCOMING}*"):
        shutil.rmtree(old, ignore_errors=True)  # of a fetch that was killed; the lock is held
    try:
        staging = Path(tempfile.mkdtemp(dir=folder, prefix=INCOMING))
    except OSError as error:
        raise InputError(f"{folder}: cannot be written to ({error.strerror})") from error
    try:
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)
