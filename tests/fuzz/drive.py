"""One reader after the other: mutations made, read, and what was not as it should be kept."""

import contextlib
import random
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.mutate import mutate
from harness.core.errors import InputError

SECONDS = 20.0  # of a processor, for one document; a tenth of one is usual
MEGABYTES = 2_000  # beyond what the process has at its start


class TooSlowError(BaseException):
    """A document takes too long; no reader catches this."""


@dataclass(frozen=True)
class Reader:
    """What is read: `seed` makes a sound folder, `read` takes it or raises InputError.

    `targets` are the files that are damaged, all that there are where it is empty; a reader that `writes`
    changes files itself.
    """

    name: str
    seed: Callable
    read: Callable
    targets: tuple = ()
    writes: bool = False


@dataclass
class Tally:
    """What came of a reader's mutations."""

    number: int = 0
    accepted: int = 0
    seconds: float = 0.0
    findings: list = field(default_factory=list)


def make_case(reader, whole, seed, number):
    """A file of a sound folder, and the bytes that are to take its place; the same for the same numbers."""
    rng = random.Random(f"{seed}/{reader.name}/{number}")
    name = rng.choice(reader.targets or sorted(whole))
    return name, mutate(name, whole[name], rng)


def run_reader(reader, folder, numbers, seed, tally, begin=lambda _number: None):
    """Read the cases of some numbers in a folder, which is made there; findings go into the tally."""
    whole = prepare(reader, folder)
    for number in numbers:
        begin(number)
        name, data = make_case(reader, whole, seed, number)
        (folder / name).write_bytes(data)
        started = time.process_time()
        reason = judge_case(reader, folder)
        tally.seconds += time.process_time() - started
        tally.number += 1
        tally.accepted += reason == ""
        if reason:
            tally.findings.append((number, name, reason))
        restore(folder, whole, whole if reader.writes else [name])


def prepare(reader, folder):
    """Make a sound folder, and see that the reader takes it; its files' bytes by their names."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    reader.seed(folder)
    whole = {path.relative_to(folder).as_posix(): path.read_bytes() for path in list_files(folder)}
    reader.read(folder)
    restore(folder, whole, whole)
    return whole


def list_files(folder):
    """Files of a folder and those inside it."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def restore(folder, whole, names):
    """Put files back, and remove what a reader left."""
    for name in names:
        (folder / name).write_bytes(whole[name])
    for path in list_files(folder):
        if path.relative_to(folder).as_posix() not in whole:
            path.unlink()


def judge_case(reader, folder):
    """Empty where a document was read, None where it was refused, or else what went wrong."""
    try:
        with limit_time(SECONDS):
            reader.read(folder)
    except InputError as error:
        text = str(error)
        return None if len(text) < 50_000 else f"a message of {len(text)} characters"
    except TooSlowError:
        return f"took more than {SECONDS:g} s"
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        where = traceback.extract_tb(error.__traceback__)
        place = next((one for one in reversed(where) if "/harness/" in one.filename), where[-1])
        return f"{type(error).__name__}: {str(error)[:150]!r} at {Path(place.filename).name}:{place.lineno}"
    return ""


@contextlib.contextmanager
def limit_time(seconds):
    """End what takes more of the processor's time; a busy machine makes no difference."""

    def stop(_number, _frame):
        raise TooSlowError

    if not hasattr(signal, "setitimer"):  # Windows has none: what does not end there is ended by the parent
        yield
        return
    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def limit_memory(megabytes):
    """Let this process have so much more memory than it has."""
    if sys.platform != "linux":
        return
    import resource

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + (megabytes << 20)
    resource.setrlimit(resource.RLIMIT_AS, (most, resource.getrlimit(resource.RLIMIT_AS)[1]))
