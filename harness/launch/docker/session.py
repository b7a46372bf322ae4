"""The containers of one run together: their engine, images, data volume, and shares of the machine."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.core.errors import InputError
from harness.images.base import choose_mirror
from harness.images.build import BuildOptions, build_image
from harness.images.engine import (
    PAUSES_SECONDS,
    EngineMissingError,
    call_engine,
    connect_engine,
    explain_errors,
    find_endpoint,
)
from harness.images.lock import LOCK, ImageContents, compare_contents, read_contents, read_lock
from harness.images.recipes import ARCHITECTURES, Image
from harness.images.series import build_images
from harness.launch.docker.files import DATA_FOLDER
from harness.launch.docker.leftovers import make_labels
from harness.launch.launcher import Opening
from harness.launch.pools import ResourcePool
from harness.system.tarstream import TarEntry, pack

CALL_SECONDS = 120
USABLE = 0.9  # of the engine's memory; the rest is left to the system
UNREMARKABLE = "it was built anew; its packages are the same"
HERE = ("unix", "http+unix", "npipe")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Engine:
    """A Docker engine that answers; `is_here` says whether it runs on this machine."""

    place: str
    id: str
    version: str
    system: str
    architecture: str
    cores: int
    memory_megabytes: int
    is_here: bool


@dataclass
class DockerSession:
    """What containers of a run share. `shared_files` is what all of them read, sent once into one volume."""

    engine: Engine
    token: str
    cache: Path
    lock_folder: Path
    stop: threading.Event
    ca_bundle: Path | None = None
    images: Mapping[str, Image] = field(default_factory=dict)
    shared_files: Sequence[TarEntry] = ()
    notes: list[str] = field(default_factory=list)
    memory: ResourcePool = field(init=False)
    cores: ResourcePool = field(init=False)
    idle: set[int] = field(init=False)
    known: dict[str, Future[Any]] = field(default_factory=dict)
    guard: threading.Lock = field(default_factory=threading.Lock)
    locking: threading.Lock = field(default_factory=threading.Lock)
    builds: threading.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.memory = ResourcePool(int(self.engine.memory_megabytes * USABLE))
        self.cores = ResourcePool(self.engine.cores)
        self.idle = set(range(self.engine.cores))
        self.builds = threading.Semaphore(self.engine.cores)

    @contextlib.contextmanager
    def connect(self) -> Iterator[Any]:
        """A client of one's own, waiting a little for an engine that is being restarted."""
        client = reach_engine()
        client.api.timeout = CALL_SECONDS
        try:
            yield client
        finally:
            client.close()

    @property
    def volume(self) -> str:
        """Name of the volume that all containers read."""
        return f"ami-harness-{self.token}-data"

    @contextlib.contextmanager
    def lend_numbers(self, count: int) -> Iterator[tuple[int, ...]]:
        """Numbers of cores for a container alone, as far as there are idle ones."""
        with self.guard:
            numbers = tuple(sorted(self.idle)[:count])
            self.idle -= set(numbers)
        try:
            yield numbers
        finally:
            with self.guard:
                self.idle |= set(numbers)


def reach_engine() -> Any:
    """A client; EngineMissingError where no engine answers after several tries."""
    for seconds in PAUSES_SECONDS:
        try:
            return connect_engine()
        except EngineMissingError:
            time.sleep(seconds)
    return connect_engine()


def connect_session(opening: Opening, images: Mapping[str, Image]) -> DockerSession:
    """A session on the engine that answers; EngineMissingError where none does."""
    with contextlib.closing(connect_engine()) as client:
        engine = describe_engine(client)
    return DockerSession(
        engine=engine,
        token=secrets.token_hex(4),
        cache=opening.cache,
        lock_folder=opening.root / "environments",
        stop=opening.stop,
        ca_bundle=opening.ca_bundle,
        images=images,
        notes=opening.notes,
    )


def describe_engine(client: Any) -> Engine:
    """What the engine says about itself."""
    with explain_errors("asking the Docker engine about itself"):
        info = client.info()
    place = find_endpoint().place
    return Engine(
        place=place,
        id=str(info.get("ID", "")),
        version=str(info.get("ServerVersion", "unknown")),
        system=str(info.get("OperatingSystem", "unknown")),
        architecture=ARCHITECTURES.get(info.get("Architecture", ""), str(info.get("Architecture"))),
        cores=int(info.get("NCPU") or 1),
        memory_megabytes=int(info.get("MemTotal") or 0) >> 20,
        is_here=place.partition("://")[0] in HERE,
    )


def remember(session: DockerSession, name: str, make: Callable[[], Any]) -> Any:
    """What `make` gives, made once for a name however many threads ask; its failure is everybody's."""
    with session.guard:
        first = name not in session.known
        future = session.known.setdefault(name, Future())
    if first:
        try:
            future.set_result(make())
        except BaseException as error:  # noqa: BLE001 - everybody who waits for it gets it
            future.set_exception(error)
    return future.result()


def provide_image(session: DockerSession, image: Image, image_id: str | None, say: Say) -> ImageContents:
    """Contents of an image, built where it is not there; InputError where it cannot be built."""
    return remember(session, f"image {image.name}", lambda: find_contents(session, image, image_id, say))


def find_contents(session: DockerSession, image: Image, image_id: str | None, say: Say) -> ImageContents:
    """The same, once; what changed since the image was locked becomes a note of the run."""
    with session.connect() as client:
        if image_id is None:
            with session.builds:
                build_image(client, image, choose_build_options(session), say)
            with session.locking:  # the file of all images is read and written again
                build_images(client, [image], choose_build_options(session), session.lock_folder, say)
        with explain_errors(f"image {image.name}"):
            built = client.images.get(image_id or image.tag)
        contents = read_contents(client, image, built, session.cache)
    changes = compare_contents(read_lock(session.lock_folder / LOCK).get(image.name), contents)
    if changes and changes != [UNREMARKABLE]:
        more = f", and {len(changes) - 3} more" if len(changes) > 3 else ""
        session.notes.append(
            f"image {image.name} changed since it was locked: {'; '.join(changes[:3])}{more}"
        )
    return contents


def choose_build_options(session: DockerSession) -> BuildOptions:
    """What building an image needs, as for `images build`."""
    return BuildOptions(session.cache, session.stop, choose_mirror(None), session.ca_bundle)


def provide_data(session: DockerSession, client: Any, image_id: str) -> str:
    """Name of the volume with the run's model and examples, filled by whoever comes first."""
    return str(remember(session, "data", lambda: fill_volume(session, client, image_id)))


def fill_volume(session: DockerSession, client: Any, image_id: str) -> str:
    """Send the shared files into a new volume, through a container that never starts."""
    doing, api = "sending the model and its examples", client.api
    labels = make_labels(session.token)
    call_engine(doing, lambda: api.create_volume(session.volume, labels=labels))
    config = api.create_host_config(binds={session.volume: {"bind": DATA_FOLDER, "mode": "rw"}})
    container = call_engine(
        doing,
        lambda: api.create_container(
            image_id, ["true"], host_config=config, labels=labels, network_disabled=True
        ),
    )["Id"]
    try:
        call_engine(doing, lambda: api.put_archive(container, DATA_FOLDER, pack(session.shared_files)))
    finally:
        with contextlib.suppress(InputError), explain_errors(doing):
            api.remove_container(container, force=True)
    return session.volume


def remove_volume(session: DockerSession) -> None:
    """Remove the run's volume; what cannot be removed now is swept by a later run."""
    if "data" in session.known:
        with (
            contextlib.suppress(InputError),
            session.connect() as client,
            explain_errors("removing a volume"),
        ):
            client.api.remove_volume(session.volume)
