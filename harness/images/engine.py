"""The Docker engine: found, asked whether it answers, its errors put into words."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.core.errors import InputError

ANSWER_SECONDS = 10
TIMEOUT_SECONDS = 600
PAUSES_SECONDS = (0.2, 0.5, 1.0, 2.0, 4.0)
Answer = TypeVar("Answer")
DEFAULT_HOST = "npipe:////./pipe/docker_engine" if os.name == "nt" else "unix:///var/run/docker.sock"
DEFAULT_CONTEXT = "default"
HOST_VARIABLE = "DOCKER_HOST"


class EngineMissingError(InputError):
    """No Docker engine answers: what needs one is unavailable, not broken."""


@dataclass(frozen=True)
class Endpoint:
    """Where an engine is looked for, who says so, and what a client needs to reach it."""

    place: str
    told_by: str
    options: Mapping[str, Any]


def find_endpoint() -> Endpoint:
    """Where `docker` itself would look: `DOCKER_HOST`, else the context that is set, else the usual socket.

    EngineMissingError for a context or certificates that are not there or not whole.
    """
    import docker

    told_by = name_engine_choice()
    if told_by is None:
        return Endpoint(DEFAULT_HOST, "nobody (it is the usual place)", {"base_url": DEFAULT_HOST})
    try:
        if told_by == HOST_VARIABLE:
            options = docker.utils.kwargs_from_env()
        else:
            options = docker.ContextAPI.kwargs_from_context(find_context())
    except Exception as error:  # the library raises bare exceptions for a damaged context
        raise EngineMissingError(
            f"{told_by} cannot be used ({shorten_error(error)}); correct or unset it"
        ) from error
    if "base_url" not in options:
        raise EngineMissingError(f"{told_by} is not found; see `docker context ls`, or set {HOST_VARIABLE}")
    return Endpoint(str(options["base_url"]), told_by, options)


def name_engine_choice() -> str | None:
    """What says where the engine is: `DOCKER_HOST` or a context; None where it is in the usual place."""
    if os.environ.get(HOST_VARIABLE):
        return HOST_VARIABLE
    context = find_context()
    return None if context == DEFAULT_CONTEXT else f"Docker context {context!r}"


def find_context() -> str:
    """Name of the context that is set: by `DOCKER_CONTEXT`, or by `docker context use`."""
    from docker.context.config import get_current_context_name

    return os.environ.get("DOCKER_CONTEXT") or str(get_current_context_name() or DEFAULT_CONTEXT)


def connect_engine() -> Any:
    """A `docker.DockerClient` of an engine that answers where `find_endpoint` says.

    EngineMissingError, with the reason, where none does.
    """
    import docker

    endpoint = find_endpoint()
    try:
        check_socket(endpoint.place)
        client = docker.DockerClient(**endpoint.options, timeout=ANSWER_SECONDS)
        client.ping()
    except Exception as error:  # what the library raises for a bad address or config file is anything
        raise EngineMissingError(
            f"no Docker engine answers at {endpoint.place} ({shorten_error(error)}); that place was told by"
            f" {endpoint.told_by}; start one, be allowed to use it, or set DOCKER_HOST or a Docker context"
        ) from error
    client.api.timeout = TIMEOUT_SECONDS
    return client


def check_socket(place: str) -> None:
    """OSError unless somebody listens; the library would leave its own socket open."""
    scheme, _, path = place.partition("://")
    if scheme in {"unix", "http+unix"}:
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
        raise InputError(f"{doing}: the Docker engine refuses ({shorten_error(error)})") from error


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
                raise InputError(f"{doing}: the Docker engine refuses ({shorten_error(error)})") from error
        time.sleep(seconds)
    with explain_errors(doing):
        return action()


def is_transient(error: Exception) -> bool:
    """Whether an engine's trouble may pass: it broke or did not answer, but refused nothing."""
    from docker.errors import APIError

    return bool(error.is_server_error()) if isinstance(error, APIError) else isinstance(error, OSError)


def shorten_error(error: BaseException, most: int = 300) -> str:
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
