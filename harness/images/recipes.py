"""Recipes: which image is made from which Dockerfile, with what in it. One table each in `images.toml`."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import model_validator

from harness.core.errors import InputError
from harness.core.text import read_text
from harness.system.tables import PIN, Name, TomlTable, read_toml_table

LISTING = "images.toml"
SCRIPT = "install.sh"
REPOSITORY = "ami-harness"
DEBIAN_NAME = re.compile(r"^[a-z0-9][a-z0-9+.-]+$")
ARCHITECTURES = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
# Docker's own names for Debian on another processor than the engine's.
FOREIGN = {"amd64": "amd64/debian", "arm64": "arm64v8/debian"}
SLIM = {"sid": "unstable-slim"}


@dataclass(frozen=True)
class Kind:
    """What a Dockerfile takes: choices of BLAS, and packages written as names, as pins, or not at all."""

    blas: tuple[str, ...]
    packages: re.Pattern[str] | None
    written: str = "takes none"


KINDS = {
    "caffe": Kind(("reference", "atlas", "openblas"), None),
    "debian": Kind(("reference", "openblas"), DEBIAN_NAME, "is no name of a Debian package"),
    "wheels": Kind((), PIN, "is not pinned; write NAME==VERSION"),
}


class Recipe(TomlTable):
    """One table of `images.toml`."""

    dockerfile: Literal["caffe", "debian", "wheels"]
    release: Name
    architecture: Literal["amd64", "arm64"] = "amd64"
    blas: Literal["reference", "atlas", "openblas"] | None = None
    packages: tuple[str, ...] = ()

    @model_validator(mode="after")
    def check_contents(self) -> Recipe:
        """Refuse what the Dockerfile does not take."""
        kind = KINDS[self.dockerfile]
        if self.blas not in (kind.blas or (None,)):
            offer = f"choose {', '.join(kind.blas)}" if kind.blas else "leave it out"
            raise ValueError(f"blas {self.blas!r}: dockerfile {self.dockerfile} has no such; {offer}")
        for package in self.packages:
            if kind.packages is None or not kind.packages.match(package):
                raise ValueError(f"package {package!r}: dockerfile {self.dockerfile} {kind.written}")
        if kind.packages is not None and not self.packages:
            raise ValueError(f"packages: dockerfile {self.dockerfile} needs some")
        return self


@dataclass(frozen=True)
class Image:
    """A named recipe, the folder of its Dockerfile, and the tag under which it is built."""

    name: str
    recipe: Recipe
    folder: Path
    key: str

    @property
    def tag(self) -> str:
        """Changes with everything that the image is made from."""
        return f"{REPOSITORY}/{self.name}:{self.key[:12]}"

    @property
    def base(self) -> str:
        """Tag of the Debian image below."""
        return name_base(self.recipe.release, self.recipe.architecture)

    @property
    def dockerfile(self) -> Path:
        """Path of the Dockerfile."""
        return self.folder / f"{self.recipe.dockerfile}.Dockerfile"


def name_base(release: str, architecture: str) -> str:
    """`debian:trixie-slim`, or another repository for a processor that is not this machine's."""
    repository = "debian" if architecture == native_architecture() else FOREIGN[architecture]
    return f"{repository}:{SLIM.get(release, f'{release}-slim')}"


def native_architecture() -> str:
    """Debian's name of this machine's processor."""
    machine = platform.machine()
    return ARCHITECTURES.get(machine, machine)


def read_images(folder: Path) -> dict[str, Image]:
    """All images of a folder of Dockerfiles; InputError names table and key that are wrong."""
    recipes = read_toml_table(folder / LISTING, dict[Name, Recipe])
    return {name: Image(name, recipe, folder, key_recipe(recipe, folder)) for name, recipe in recipes.items()}


def key_recipe(recipe: Recipe, folder: Path) -> str:
    """SHA-256 of all that an image is made from, but for what Debian's archive holds on the day."""
    texts = [json.dumps(recipe.model_dump(), sort_keys=True)]
    for name in (f"{recipe.dockerfile}.Dockerfile", SCRIPT):
        try:
            texts.append(read_text(folder / name))
        except InputError as error:
            raise InputError(f"{error}; restore it") from error
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def select_images(images: Mapping[str, Image], globs: Sequence[str]) -> tuple[Image, ...]:
    """Images whose names match, or all of this machine's processor; InputError for a glob without any."""
    if not globs:
        native = native_architecture()
        return tuple(image for image in images.values() if image.recipe.architecture == native)
    for glob in globs:
        if not fnmatch.filter(images, glob):
            raise InputError(f"image {glob!r}: there is none; there are {', '.join(images)}")
    return tuple(
        image for name, image in images.items() if any(fnmatch.fnmatchcase(name, glob) for glob in globs)
    )
