"""Leftovers: containers and volumes whose harness was killed, told by their labels, rescued and removed."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from harness.core.documents import NAME, check_fields, parse_json
from harness.core.errors import InputError
from harness.images.engine import explain_errors
from harness.plan.store import WORKPLACES

RUN_LABEL = "ami-harness.run"
CELL_LABEL = "ami-harness.cell"
OWNER_LABEL = "ami-harness.owner"
WORKPLACE_LABEL = "ami-harness.workplace"
OWNER = {"host": NAME, "pid": "a whole number", "started": "a number"}
START_SECONDS = 5.0  # the system rounds its own start, and a number is not used again as soon as that

Rescue = Callable[[Any, str, Path], object]
"""Takes a client, a container's id and the workplace that its records belong into."""


def make_labels(token: str, cell: str = "", workplace: str = "") -> dict[str, str]:
    """Labels that say which run and process a container or volume belongs to."""
    more = {CELL_LABEL: cell, WORKPLACE_LABEL: workplace} if cell else {}
    return {RUN_LABEL: token, OWNER_LABEL: describe_owner(), **more}


def describe_owner() -> str:
    """This process: its machine, its number, and when it started, since numbers are used again."""
    own = os.getpid()
    return json.dumps({"host": socket.gethostname(), "pid": own, "started": measure_start(own)})


def measure_start(pid: int) -> float:
    """When a process started, in seconds; on Linux since the system did, so that no set clock changes it."""
    boot = psutil.boot_time() if psutil.LINUX else 0.0  # first: older versions remember it for the other
    return float(psutil.Process(pid).create_time() - boot)


def is_gone(owner: str) -> bool:
    """Whether a label's process was of this machine and runs no more; False where that cannot be told."""
    try:
        data = parse_json(owner.encode("utf-8", "replace"), OWNER_LABEL)
        check_fields(data, OWNER, OWNER_LABEL)
        if data["host"] != socket.gethostname():
            return False
        started = measure_start(data["pid"])
    except psutil.NoSuchProcess:
        return True
    except (InputError, ValueError, OverflowError, psutil.Error):  # of a number that no process has
        return False
    return abs(started - float(data["started"])) > START_SECONDS


def sweep_leftovers(client: Any, cache: Path, rescue: Rescue) -> list[str]:
    """Remove what killed harnesses of this machine left; the names of what was removed.

    What a container recorded goes into its workplace first, where that is one of this cache.
    """
    removed = []
    with explain_errors("looking for leftovers"):
        filters = {"label": OWNER_LABEL}
        containers = client.api.containers(all=True, filters=filters)
        volumes = client.api.volumes(filters=filters).get("Volumes") or []
    for one in containers:
        if is_gone(one["Labels"][OWNER_LABEL]):
            sweep_container(client, one, cache, rescue)
            removed.append(one["Names"][0].lstrip("/") if one.get("Names") else one["Id"][:12])
    for one in volumes:
        if is_gone((one.get("Labels") or {}).get(OWNER_LABEL, "")):
            with contextlib.suppress(InputError), explain_errors("removing a volume"):
                client.api.remove_volume(one["Name"])
                removed.append(one["Name"])
    return removed


def sweep_container(client: Any, one: dict[str, Any], cache: Path, rescue: Rescue) -> None:
    """End a container, rescue its records, remove it."""
    with contextlib.suppress(InputError), explain_errors("ending a leftover container"):
        client.api.kill(one["Id"])  # refused where it has ended already
    workplace = Path(one["Labels"].get(WORKPLACE_LABEL) or "/")
    if workplace.parent == cache / WORKPLACES and workplace.is_dir():
        with contextlib.suppress(InputError, OSError):
            rescue(client, one["Id"], workplace)
    with contextlib.suppress(InputError), explain_errors("removing a leftover container"):
        client.api.remove_container(one["Id"], v=True, force=True)
