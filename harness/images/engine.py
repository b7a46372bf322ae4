"""The Docker engine: found, asked whether it answers, its errors put into words."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from harness.ami.errors import InputError

ANSWER_SECONDS = 10
TIMEOUT_SECONDS = 600
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
Answer = TypeVar("Answer")
DEFAULT_HOST = "unix:///var/run/docker.sock"


class EngineMissingError(InputError):
    """No Docker engine answers: what needs one is unavailable, not broken."""


def connect_engine() -> Any:
    """A `docker.DockerClient` of an engine that answers, at `DOCKER_HOST` or the usual socket.

    EngineMissingError, with the reason, where none does.
    """
    import docker
    from docker.errors import DockerException

    place = os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    try:
        check_socket(place)
        client = docker.from_env(timeout=ANSWER_SECONDS)
        client.ping()
    except DockerException as error:
        raise EngineMissingError(
            f"no Docker engine answers at {place} ({shorten(error)});"
            " start one, be allowed to use it, or set DOCKER_HOST"
        ) from error
    except OSError as error:  # what requests raises is one
        raise EngineMissingError(
            f"no Docker engine answers at {place} ({shorten(error)}); start one, or set DOCKER_HOST"
        ) from error
    client.api.timeout = TIMEOUT_SECONDS
    return client


def check_socket(place: str) -> None:
    """OSError unless somebody listens; the library would leave its own socket open."""
    scheme, _, path = place.partition("://")
    if scheme == "unix":
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(path)


@contextlib.contextmanager
def explain_errors(doing: str) -> Iterator[None]:
    """Turn what the engine refuses into InputError, opened with what was being done."""
    import requests
    from docker.errors import DockerException

    try:
        yield
    except (DockerException, requests.RequestException) as error:
        raise InputError(f"{doing}: the Docker engine refuses ({shorten(error)})") from error


def call_engine(doing: str, action: Callable[[], Answer]) -> Answer:
    """What an action on the engine answers, tried again a few times where the trouble may pass.

    InputError, opened with what was being done, for trouble that stays; NotFound where something is gone.
    """
    import requests
    from docker.errors import DockerException, NotFound

    for seconds in PAUSES_SECONDS:
        try:
            return action()
        except NotFound:
            raise
        except (DockerException, requests.RequestException) as error:
            if not is_transient(error):
                raise InputError(f"{doing}: the Docker engine refuses ({shorten(error)})") from error
        time.sleep(seconds)
    with explain_errors(doing):
        return action()


def is_transient(error: Exception) -> bool:
    """Whether an engine's trouble may pass: it broke or did not answer, but refused nothing."""
    from docker.errors import APIError

    return bool(error.is_server_error()) if isinstance(error, APIError) else isinstance(error, OSError)


def shorten(error: BaseException, most: int = 300) -> str:
    """An error in one line."""
    text = str(getattr(error, "explanation", None) or error)
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}…"


def find_image(client: Any, tag: str) -> Any | None:
    """An image of the engine by tag or id; None where there is none."""
    from docker.errors import ImageNotFound

    with explain_errors(f"image {tag}"):
        try:
            return client.images.get(tag)
        except ImageNotFound:
            return None
