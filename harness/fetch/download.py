"""Downloads over HTTP that go on where they were, never longer or larger than allowed."""

from __future__ import annotations

import random
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass
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
RANGE = re.compile(r"bytes ([0-9]{1,18})-[0-9]{1,18}/([0-9]{1,18}|\*)")
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


@dataclass(frozen=True)
class Download:
    """What is to come, where to, and how."""

    url: str
    part: PartialDownload
    most_bytes: int
    screen: DownloadScreen
    policy: RetryPolicy


def download(
    url: str, folder: Path, most_bytes: int, screen: DownloadScreen, policy: RetryPolicy | None = None
) -> Path:
    """Whole file of an address, in a folder where a later call finds what this one left.

    InputError where it cannot be had, or is larger than allowed.
    """
    task = Download(url, locate_part(folder, url), most_bytes, screen, policy or RetryPolicy())
    if task.part.whole.is_file():
        return task.part.whole
    if task.part.size:
        screen.say(f"{task.part.size / 1e6:.1f} MB are there from an earlier time")
    with requests.Session() as session:
        session.max_redirects = MOST_REDIRECTS
        session.headers["User-Agent"] = f"ami-harness/{harness.__version__}"
        keep_trying(task, session)
    return task.part.finish()


def keep_trying(task: Download, session: requests.Session) -> None:
    """Try until all is there; InputError after too many tries in a row that brought nothing.

    urllib3's Retry would begin a request again, not its answer where that was cut off.
    """
    furthest, failures = task.part.size, 0
    while True:
        try:
            return try_once(task, session)
        except TransientError as error:
            failures = 0 if task.part.size >= furthest + STEP_BYTES else failures + 1
            furthest = max(furthest, task.part.size)
            if failures >= task.policy.tries:
                reason = f"{show_url(task.url)}: {error}; tried {failures} times{advise(task.part)}"
                raise InputError(reason) from None
            wait = choose_wait(task.policy, failures, error)
            task.screen.say(f"{show_url(task.url)}: {error}; trying again in {wait:.0f} s")
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


def try_once(task: Download, session: requests.Session) -> None:
    """Ask for what is missing and take it; TransientError where another try may do, else InputError."""
    known, have = task.part.read_validators(), task.part.size
    if have and have == known.total:
        return
    if have and known.validator is None:
        task.screen.say("the server had no ETag or Last-Modified to continue by: from the beginning")
        have = 0
    headers = {"Range": f"bytes={have}-", "If-Range": str(known.validator)} if have else {}
    timeout = (task.policy.connect_seconds, task.policy.read_seconds)
    try:
        with session.get(
            task.url, headers={"Accept-Encoding": "identity", **headers}, stream=True, timeout=timeout
        ) as response:
            receive(task, response, admit_response(task, response, have, known))
    except FINAL as error:
        reason = f"{show_url(task.url)}: {describe_failure(error)}; correct it or use --mirror URL"
        raise InputError(reason) from error
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise TransientError(describe_failure(error)) from error


def admit_response(task: Download, response: requests.Response, have: int, known: Validators) -> int | None:
    """Make the part ready for what a response brings; the size of the whole file, where that is known."""
    check_redirects(response)
    status, headers = response.status_code, response.headers
    if status in WORTH_A_RETRY:
        raise TransientError(f"the server answers {status}", read_header_number(headers.get("Retry-After")))
    if status == 416:
        task.part.discard()
        raise TransientError(f"the server has nothing after {have} bytes: from the beginning")
    if status == 206:
        return continue_part(task, response, have, known)
    if status != 200:
        place = show_url(response.url)
        raise InputError(f"{place}: the server answers {status} {response.reason}; use --mirror URL")
    if have:
        task.screen.say("the server begins anew: it ignores ranges, or the file has changed")
    total = read_header_number(headers.get("Content-Length"))
    task.part.begin(Validators(headers.get("ETag"), headers.get("Last-Modified"), total))
    return total


def continue_part(task: Download, response: requests.Response, have: int, known: Validators) -> int | None:
    """Size of the file that a partial answer goes on with; TransientError where it is not the same file."""
    found = RANGE.fullmatch(response.headers.get("Content-Range", "").strip())
    total = int(found[2]) if found and found[2] != "*" else known.total
    news = Validators(response.headers.get("ETag"), response.headers.get("Last-Modified"), total)
    pairs = zip(astuple(known), astuple(news), strict=True)
    changed = any(None not in pair and pair[0] != pair[1] for pair in pairs)
    if changed or not found or int(found[1]) != have:
        task.part.discard()
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


def receive(task: Download, response: requests.Response, total: int | None) -> None:
    """Append what comes; TransientError where it ends early or comes too slowly."""
    part, size = task.part, task.part.size
    refuse_excess(task, total or 0)
    free = shutil.disk_usage(part.path.parent).free
    if total is not None and total - size > free:
        raise InputError(f"{part.path.parent}: has room for {free} bytes, but {total - size} are to come")
    try:
        with part.path.open("ab", buffering=0) as file:
            for piece in read_body(response, task.policy):
                size += len(piece)
                if size > task.most_bytes:
                    break
                file.write(piece)
                task.screen.show_bytes(size, total)
    except requests.RequestException:
        raise
    except OSError as error:
        raise InputError(f"{part.path}: cannot be written ({error.strerror})") from error
    refuse_excess(task, size)
    if total is not None and size != total:
        if size > total:
            part.discard()
        raise TransientError(f"the connection ended after {size} of {total} bytes")


def refuse_excess(task: Download, size: int) -> None:
    """Refuse a file that is too large, as the server says or as it turns out; nothing of it is kept."""
    if size > task.most_bytes:
        task.part.discard()
        reason = f"is of {size} bytes or more, beyond the {task.most_bytes} allowed (most_bytes)"
        raise InputError(f"{show_url(task.url)}: {reason}")


def read_body(response: Any, policy: RetryPolicy) -> Iterator[bytes]:
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


def read_header_number(text: str | None) -> int | None:
    """A number of a header; a date, or what is no number, is as good as nothing."""
    return int(text) if text and NUMBER.fullmatch(text) else None


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
