"""The lock: which images were built and what is in them, so that a changed image is noticed and reported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from harness.core.documents import call_document, parse_json
from harness.core.errors import InputError
from harness.core.limits import MAX_NOTE_BYTES
from harness.images.build import BASE_LABEL
from harness.images.engine import explain_errors
from harness.images.recipes import Image
from harness.system.documents import read_shape, take_shape
from harness.system.drafts import write_json
from harness.system.sealed import read_sealed, write_sealed

LOCK = "images.lock"
SCHEMA = 1
Packages = dict[str, dict[str, str]]
"""Versions by name, by where they came from."""
PROGRAM = """
import json, re
from importlib.metadata import distributions
text = open("/var/lib/dpkg/status", encoding="utf-8").read()
found = {}
for entry in text.split("\\n\\n"):
    fields = dict(re.findall(r"^(Package|Version|Status|Architecture): (.*)$", entry, re.M))
    if fields.get("Status", "").endswith(" installed"):
        found[fields["Package"]] = fields["Version"]
wheels = [one for one in distributions() if "/opt/venv/" in str(one.locate_file(""))]
print(json.dumps({"debian": found, "python": {one.metadata["Name"]: one.version for one in wheels}}))
"""


@dataclass(frozen=True)
class ImageContents:
    """What an image is: its id, what it was built on, and its packages by where they came from."""

    tag: str
    id: str
    base: str
    packages: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class Lock:
    """The whole file."""

    schema: Literal[1]
    images: dict[str, ImageContents]


def read_contents(client: Any, image: Image, built: Any, cache: Path) -> ImageContents:
    """Contents of a built image; its packages are asked for once and then known by its id.

    InputError where it does not run here or lacks Python.
    """
    path = cache / "images" / f"{built.id.rpartition(':')[2]}.json"
    packages = read_sealed(path, Packages)
    if packages is None:
        packages = ask_packages(client, image, built)
        write_sealed(path, packages)
    return ImageContents(image.tag, built.id, str(built.labels.get(BASE_LABEL)), packages)


def ask_packages(client: Any, image: Image, built: Any) -> Packages:
    """Run the image once, locked in, and let it list its packages."""
    with explain_errors(f"image {image.name}: cannot list its packages"):
        answer = client.containers.run(
            built.id,
            ["python3", "-c", PROGRAM],
            remove=True,
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            security_opt=["no-new-privileges"],
            user="1000",
            platform=f"linux/{image.recipe.architecture}",
        )
    return take_shape(parse_json(answer, f"image {image.name}"), Packages, f"image {image.name}: packages")


def read_lock(path: Path) -> dict[str, ImageContents]:
    """Locked contents by image name; empty where there is no lock, InputError where it is damaged."""
    if not os.path.lexists(path):
        return {}
    try:
        return read_shape(path, Lock, MAX_NOTE_BYTES).images
    except InputError as error:
        raise call_document(
            error, str(path), "is no lock", "restore it, or delete it and build again"
        ) from error


def write_lock(path: Path, locked: Mapping[str, ImageContents]) -> None:
    """Write the lock, whole or not at all."""
    write_json(path, {"schema": SCHEMA, "images": {name: asdict(entry) for name, entry in locked.items()}})


def compare_contents(locked: ImageContents | None, found: ImageContents) -> list[str]:
    """What changed since an image was locked, in sentences; nothing where it is the same or is not locked."""
    if locked is None or locked.id == found.id:
        return []
    if locked.tag != found.tag:
        return ["its recipe changed"]
    changed = [
        f"{source} package {name}: {before or 'absent'} → {after or 'absent'}"
        for source in sorted({*locked.packages, *found.packages})
        for name, before, after in compare_packages(
            locked.packages.get(source, {}), found.packages.get(source, {})
        )
    ]
    return changed or ["it was built anew; its packages are the same"]


def compare_packages(
    before: Mapping[str, str], after: Mapping[str, str]
) -> list[tuple[str, str | None, str | None]]:
    """Packages whose versions differ: name, version before, version after."""
    names = sorted({*before, *after})
    return [
        (name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    ]
