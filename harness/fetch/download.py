"""Downloads over HTTP that go on where they were, never longer or larger than allowed."""

from __future__ import annotations

import random
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
import urllib3

import harness
from harness.core.errors import InputError
from harness.fetch.part import PartialDownload, Validators, locate_part

CHUNK_BYTES = 1 << 18
STEP_BYTES = 1 << 16  # a try that brings less than this beyond all before it brought nothing
MOST_REDIRECTS = 5
NUMBER = re.compile(r"[0-9]{1,18}")
"""What is read as one in a header: neither other scripts' digits nor so many that Python refuses them."""
WORTH_A_RETRY = (408, 425, 429, 500, 502, 503, 504)
FINAL = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
    requests.exceptions.SSLError,
)


@dataclass(frozen=True)
class RetryPolicy:
    """How long to wait for a server, and how often to try; `window_bytes` must come in `window_seconds`."""

    connect_seconds: float = 15.0
    read_seconds: float = 30.0
    tries: int = 6
    first_wait_seconds: float = 1.0
    most_wait_seconds: float = 60.0
    window_seconds: float = 30.0
    window_bytes: int = 30_000


class DownloadScreen(Protocol):
    """What a download shows while it goes on."""

    def say(self, text: str) -> None:
        """Show a line."""

    def show_bytes(self, done: int, total: int | None) -> None:
        """Show how many bytes are there, of how many."""


class TransientError(Exception):
    """A try that failed; the server may say how many seconds to wait."""

    def __init__(self, reason: str, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


def download(
    url: str, folder: Path, most_bytes: int, screen: DownloadScreen, policy: RetryPolicy | None = None
) -> Path:
    """Whole file of an address, in a folder where a later call finds what this one left.

    InputError where it cannot be had, or is larger than allowed.
    """
    policy, part = policy or RetryPolicy(), locate_part(folder, url)
    if part.whole.is_file():
        return part.whole
    furthest, failures = part.size, 0
    if furthest:
        screen.say(f"{furthest / 1e6:.1f} MB are there from an earlier time")
    with requests.Session() as session:
        session.max_redirects = MOST_REDIRECTS
        session.headers["User-Agent"] = f"ami-harness/{harness.__version__}"
        while True:
            try:
                try_once(session, url, part, most_bytes, screen, policy)
                return part.finish()
            except TransientError as error:
                failures = 0 if part.size >= furthest + STEP_BYTES else failures + 1
                furthest = max(furthest, part.size)
                if failures >= policy.tries:
                    raise InputError(
                        f"{show_url(url)}: {error}; tried {failures} times{advise(part)}"
                    ) from None
                wait = choose_wait(policy, failures, error)
                screen.say(f"{show_url(url)}: {error}; trying again in {wait:.0f} s")
                time.sleep(wait)


def advise(part: PartialDownload) -> str:
    """What to do after the last try."""
    kept = f"; {part.size} bytes are kept for the next time" if part.size else ""
    return f"{kept}; try later, or use --mirror URL or --from FILE"


def choose_wait(policy: RetryPolicy, failures: int, error: TransientError) -> float:
    """Seconds until the next try: as the server asks, or twice as long each time, within bounds."""
    if error.wait_seconds is not None:
        return min(error.wait_seconds, policy.most_wait_seconds)
    wait = policy.first_wait_seconds * 2 ** max(failures - 1, 0)
    return min(wait, policy.most_wait_seconds) * random.uniform(0.8, 1.2)  # noqa: S311 - it spreads load


def try_once(
    session: requests.Session,
    url: str,
    part: PartialDownload,
    most_bytes: int,
    screen: DownloadScreen,
    policy: RetryPolicy,
) -> None:
    """Ask for what is missing and take it; TransientError where another try may do, else InputError."""
    validators, have = part.read_validators(), part.size
    if have and have == validators.total:
        return
    if have and validators.validator is None:
        screen.say("the server had no ETag or Last-Modified to continue by: from the beginning")
        have = 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers.update({"Range": f"bytes={have}-", "If-Range": str(validators.validator)})
    timeout = (policy.connect_seconds, policy.read_seconds)
    try:
        with session.get(url, headers=headers, stream=True, timeout=timeout) as response:
            total = admit_response(response, part, have, validators, screen)
            check_room(url, part, total, most_bytes)
            receive(response, part, total, most_bytes, screen, policy)
    except FINAL as error:
        raise InputError(
            f"{show_url(url)}: {describe_failure(error)}; correct it or use --mirror URL"
        ) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise TransientError(describe_failure(error)) from error


def admit_response(
    response: requests.Response,
    part: PartialDownload,
    have: int,
    validators: Validators,
    screen: DownloadScreen,
) -> int | None:
    """Make the part ready for what a response brings; the size of the whole file, where that is known."""
    check_redirects(response)
    place = show_url(response.url)
    if response.status_code in WORTH_A_RETRY:
        raise TransientError(f"the server answers {response.status_code}", read_wait(response))
    if response.status_code == 416:
        part.discard()
        raise TransientError(f"the server has nothing after {have} bytes: from the beginning")
    if response.status_code == 206:
        return continue_part(response, part, have, validators)
    if response.status_code != 200:
        raise InputError(
            f"{place}: the server answers {response.status_code} {response.reason}; use --mirror URL"
        )
    if have:
        screen.say("the server begins anew: it ignores ranges, or the file has changed")
    length = response.headers.get("Content-Length", "")
    total = int(length) if NUMBER.fullmatch(length) else None
    part.begin(Validators(response.headers.get("ETag"), response.headers.get("Last-Modified"), total))
    return total


def continue_part(
    response: requests.Response, part: PartialDownload, have: int, validators: Validators
) -> int | None:
    """Size of the file that a partial answer goes on with; TransientError where it is not the same file."""
    found = re.fullmatch(
        r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)", response.headers.get("Content-Range", "").strip()
    )
    total = int(found[2]) if found and found[2] != "*" else validators.total
    news = [
        (validators.etag, response.headers.get("ETag")),
        (validators.modified, response.headers.get("Last-Modified")),
        (validators.total, total),
    ]
    changed = any(None not in pair and pair[0] != pair[1] for pair in news)
    if changed or not found or int(found[1]) != have:
        part.discard()
        what = "the file has changed meanwhile" if changed else "the server sent another range than asked for"
        raise TransientError(f"{what}: from the beginning")
    return total


def check_redirects(response: requests.Response) -> None:
    """Refuse to be led from an encrypted address to a plain one."""
    schemes = [urlsplit(str(one.url)).scheme for one in (*response.history, response)]
    if ("https", "http") in pairwise(schemes):
        raise InputError(
            f"{show_url(response.url)}: is where an https address leads, without encryption; refused"
        )


def check_room(url: str, part: PartialDownload, total: int | None, most_bytes: int) -> None:
    """Refuse a file that is too large for the limit or for the disk, before it comes."""
    if total is None:
        return
    if total > most_bytes:
        part.discard()
        raise InputError(
            f"{show_url(url)}: is of {total} bytes, more than the {most_bytes} allowed (most_bytes)"
        )
    free = shutil.disk_usage(part.path.parent).free
    if total - part.size > free:
        raise InputError(
            f"{part.path.parent}: has room for {free} bytes, but {total - part.size} are to come"
        )


def receive(
    response: requests.Response,
    part: PartialDownload,
    total: int | None,
    most_bytes: int,
    screen: DownloadScreen,
    policy: RetryPolicy,
) -> None:
    """Append what comes; TransientError where it ends early or comes too slowly."""
    size = part.size
    try:
        with part.path.open("ab", buffering=0) as file:
            for piece in read_pieces(response, policy):
                size += len(piece)
                if size > most_bytes:
                    break
                file.write(piece)
                screen.show_bytes(size, total)
    except requests.RequestException:
        raise
    except OSError as error:
        raise InputError(f"{part.path}: cannot be written ({error.strerror})") from error
    if size > most_bytes:
        part.discard()
        raise InputError(
            f"{show_url(response.url)}: is of more than the {most_bytes} bytes allowed (most_bytes); removed"
        )
    if total is not None and size != total:
        if size > total:
            part.discard()
        raise TransientError(f"the connection ended after {size} of {total} bytes")


def read_pieces(response: Any, policy: RetryPolicy) -> Iterator[bytes]:
    """Bytes as they come, compressed or not as the server stores them; TransientError where too few come."""
    started, count = time.monotonic(), 0
    while piece := response.raw.read1(CHUNK_BYTES, decode_content=False):
        yield piece
        count += len(piece)
        now = time.monotonic()
        if now - started > policy.window_seconds:
            if count < policy.window_bytes:
                raise TransientError(f"only {count} bytes came in {now - started:.0f} s")
            started, count = now, 0


def read_wait(response: requests.Response) -> float | None:
    """Seconds that a server asks to wait; dates are not read."""
    text = response.headers.get("Retry-After", "")
    return float(text) if NUMBER.fullmatch(text) else None


def describe_failure(error: BaseException) -> str:
    """The innermost reason of a network error, without the objects' names around it."""
    inner = [one for one in (getattr(error, "reason", None), *error.args) if isinstance(one, BaseException)]
    if inner:
        return describe_failure(inner[-1])
    text = str(error).rpartition("): ")[2] or type(error).__name__
    return text.rpartition("new connection: ")[2].rstrip(".")


def show_url(url: str) -> str:
    """An address without passwords and without what follows a question mark."""
    parts = urlsplit(str(url))
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
