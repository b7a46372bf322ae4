"""Building: a Dockerfile with its context goes to the engine, an image of the recipe's tag comes out."""

from __future__ import annotations

import os
import tarfile
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from harness.core.documents import read_bytes
from harness.core.errors import InputError
from harness.core.limits import MAX_TEXT_BYTES
from harness.images.archive import add_bytes
from harness.images.engine import explain_errors, find_image, shorten_error
from harness.images.follow import Say, follow_log
from harness.images.recipes import SCRIPT, Image
from harness.images.wheelhouse import fill_wheelhouse
from harness.system.invocation import write_command
from harness.system.locks import hold_lock
from harness.system.processes import read_end
from harness.system.stopping import Stopped

PROXIES = ("http_proxy", "https_proxy", "no_proxy", "ftp_proxy")
IMAGE_LABEL, BASE_LABEL, STAGE_LABEL = "ami-harness.image", "ami-harness.base", "ami-harness.stage"


@dataclass(frozen=True)
class BuildOptions:
    """What a build needs of the machine it happens on; none of it stays in the image."""

    cache: Path
    stop: threading.Event
    mirror: str | None = None
    ca_bundle: Path | None = None


def build_image(client: Any, image: Image, options: BuildOptions, say: Say, *, again: bool = False) -> Any:
    """The engine's image of a recipe, built unless it is there on the same base (or always, `again`).

    InputError, with the end of the build's log, where it cannot be built.
    """

    def tell(text: str) -> None:
        say(f"{image.name}: {text}")

    with hold_lock(options.cache, f"image-{image.name}", options.stop, tell):
        base = find_base(client, image)
        found = find_image(client, image.tag)
        if found is not None and found.labels.get(BASE_LABEL) == base.id and not again:
            return found
        wheels = None
        if image.recipe.dockerfile == "wheels":
            wheels = fill_wheelhouse(image.recipe, options.cache, options.stop, tell)
        log = options.cache / "images" / f"{image.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with (
            pack_context(image, wheels, options.ca_bundle) as context,
            log.open("wb") as file,
            follow_log(log, f"building {image.tag}", tell),
        ):
            run_build(client, image, base.id, context, options, file)
        built = find_image(client, image.tag)
    if built is None:
        raise InputError(f"image {image.name}: was built and is gone; build it again")
    return built


def find_base(client: Any, image: Image) -> Any:
    """The base image, from the engine or pulled; InputError says how to make it where neither works."""
    from docker.errors import APIError

    found = find_image(client, image.base)
    if found is not None:
        return found
    try:
        with explain_errors(f"image {image.base}"):
            repository, tag = image.base.split(":")
            return client.images.pull(repository, tag, platform=f"linux/{image.recipe.architecture}")
    except (InputError, APIError) as error:
        recipe = image.recipe
        foreign = ["--arch", recipe.architecture] if image.base.partition("/")[2] else []
        raise InputError(
            f"image {image.name}: its base {image.base} is not here and cannot be pulled"
            f" ({shorten_error(error)}); make it with:"
            f" {write_command('images', 'base', recipe.release, *foreign, sudo=True)}"
        ) from error


@contextmanager
def pack_context(image: Image, wheels: Path | None, ca_bundle: Path | None) -> Iterator[IO[bytes]]:
    """What the engine gets to build from, as a tar file without times, so that steps can be reused."""
    with tempfile.TemporaryFile() as file:
        with tarfile.open(fileobj=file, mode="w") as tar:
            add_bytes(tar, "Dockerfile", image.dockerfile.read_bytes())
            add_bytes(tar, f"build/{SCRIPT}", (image.folder / SCRIPT).read_bytes())
            if ca_bundle is not None:
                add_bytes(tar, "build/ca.crt", read_bundle(ca_bundle))
            for path in sorted(wheels.iterdir()) if wheels is not None else ():
                tar.add(path, arcname=f"wheels/{path.name}", filter=anonymise)
        file.seek(0)
        yield file


def read_bundle(path: Path) -> bytes:
    """A file of certificates."""
    try:
        return read_bytes(path, MAX_TEXT_BYTES)
    except InputError as error:
        raise InputError(f"{error}; name a file of certificates") from error


def anonymise(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """A file as nobody's and of no time."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    entry.mode = 0o644
    return entry


def run_build(
    client: Any, image: Image, base: str, context: IO[bytes], options: BuildOptions, log: IO[bytes]
) -> None:
    """Let the engine build, its output going to the log; InputError with the log's end where it fails."""
    with explain_errors(f"image {image.name}"):
        events = client.api.build(
            fileobj=context,
            custom_context=True,
            tag=image.tag,
            buildargs=choose_arguments(image, options, os.environ),
            labels={IMAGE_LABEL: image.name, BASE_LABEL: base},
            platform=f"linux/{image.recipe.architecture}",
            network_mode="host",  # a proxy on this machine's loopback is reached as well
            rm=True,
            forcerm=True,
            decode=True,
        )
        failure = follow_build(events, log, options.stop)
    if failure:
        end = read_end(Path(log.name))
        raise InputError(f"image {image.name}: cannot be built ({failure}); {log.name} ends:\n{end}")


def choose_arguments(image: Image, options: BuildOptions, variables: Mapping[str, str]) -> dict[str, str]:
    """Arguments of the Dockerfile, and the proxies, which the engine keeps out of an image's history."""
    recipe = image.recipe
    found = {"BASE": image.base, "RELEASE": recipe.release}
    if options.mirror:
        found["MIRROR"] = options.mirror
    if recipe.blas:
        found["BLAS"] = recipe.blas
    if recipe.dockerfile == "debian":
        found["PACKAGES"] = " ".join(recipe.packages)
    for name in (*PROXIES, *(proxy.upper() for proxy in PROXIES)):
        if variables.get(name):
            found[name] = variables[name]
    return found


def follow_build(events: Iterable[Mapping[str, Any]], log: IO[bytes], stop: threading.Event) -> str | None:
    """Write a build's output into the log; what went wrong, or None."""
    for event in events:
        if stop.is_set():
            raise Stopped
        text = str(event.get("stream") or event.get("error") or "")
        log.write(text.encode())
        log.flush()
        if "error" in event:
            return " ".join(text.split())
    return None
