"""The images that witnesses are extracted from: a base face, and pairs with one attribute exchanged."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2

from harness.ami.port import ATTRIBUTES
from harness.core.errors import InputError
from harness.core.examples import hash_file
from harness.core.text import store_name
from harness.model.folder import Model
from harness.system.drafts import write_atomically
from harness.witnesses.mutation import Image, Portrait, mutate_faces, shrink_image
from harness.witnesses.portraits import list_images, read_image
from harness.worker.tasks.extract import MUTATIONS

BASE = "base"
LIST = "images.jsonl"


@dataclass(frozen=True)
class Mutants:
    """Image files: the base, and by attribute and mutation one for each other face, in the same order."""

    base: Path
    pairs: Mapping[str, Mapping[str, tuple[Path, ...]]]

    def list_names(self, attribute: str) -> list[str]:
        """Names of the other faces of an attribute's pairs."""
        return [store_name(path.stem) for path in self.pairs[attribute][MUTATIONS[0]]]


def make_mutants(
    portraits: Sequence[Portrait], model: Model, folder: Path, report: Callable[[str], None]
) -> Mutants:
    """Exchange every attribute between the first face and each other, and save all as the network gets them.

    In `folder`: `base.png`, and `ATTRIBUTE_MUTATION/NAME.png`. `report` hears of every attribute when done.
    """
    base, *others = portraits
    size = (model.preprocess.height, model.preprocess.width)
    save_image(folder / "base.png", shrink_image(base.image, size))
    pairs = {}
    for attribute in ATTRIBUTES:
        made = dict(zip(MUTATIONS, mutate_faces(base, others, attribute, size), strict=True))
        pairs[attribute] = {
            kind: tuple(
                save_image(folder / f"{attribute}_{kind}" / f"{Path(other.name).stem}.png", image)
                for other, image in zip(others, images, strict=True)
            )
            for kind, images in made.items()
        }
        report(attribute)
    return Mutants(folder / "base.png", pairs)


def save_image(path: Path, image: Image) -> Path:
    """Write RGB pixels as PNG; InputError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def find_mutants(base: Path, folder: Path, decoder: str) -> Mutants:
    """Mutated images that exist, in folders `ATTRIBUTE_MUTATION` of files named alike.

    InputError where there is none, one lacks its partner, or one cannot be read or is not of the base's size.
    """
    pairs = {}
    for attribute in ATTRIBUTES:
        folders = {kind: folder / f"{attribute}_{kind}" for kind in MUTATIONS}
        there = [one for one in folders.values() if one.is_dir()]
        if len(there) == 1:
            raise InputError(f"{there[0]}: has no folder for the other mutation beside it; a pair needs both")
        if there:
            pairs[attribute] = {kind: tuple(list_images(one)) for kind, one in folders.items()}
            check_partners(*pairs[attribute].values())
    if not pairs:
        wanted = f"{ATTRIBUTES[0]}_{MUTATIONS[0]}"
        raise InputError(f"{folder}: holds no folders of mutated images ({wanted} and so on)")
    mutants = Mutants(base, pairs)
    check_images(mutants, decoder)
    return mutants


def check_partners(first: Sequence[Path], second: Sequence[Path]) -> None:
    """Refuse an image without one of the same name for the other mutation."""
    stems = [{path.stem for path in paths} for paths in (first, second)]
    for path in (*first, *second):
        if any(path.stem not in one for one in stems):
            raise InputError(f"{path}: has no partner of this name for the other mutation; add or remove one")


def check_images(mutants: Mutants, decoder: str) -> None:
    """Refuse images that cannot be read or are not of the base's size."""
    shape = read_image(mutants.base, decoder).shape
    for path in list_files(mutants)[1:]:
        found = read_image(path, decoder).shape
        if found != shape:
            raise InputError(
                f"{path}: has {found[1]}x{found[0]} pixels, the base {mutants.base} {shape[1]}x{shape[0]}"
            )


def list_files(mutants: Mutants) -> list[Path]:
    """Every image, the base first."""
    kinds = [files for one in mutants.pairs.values() for files in one.values()]
    return [mutants.base, *(path for files in kinds for path in files)]


def write_list(mutants: Mutants, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Write the images as a list of examples; it, and which of them a worker is to extract from.

    Gold means nothing here; it is 0.
    """
    entries = [describe_image(BASE, BASE, BASE, mutants.base, folder)]
    pairs: dict[str, dict[str, list[str]]] = {}
    for attribute, kinds in mutants.pairs.items():
        pairs[attribute] = {}
        for kind, paths in kinds.items():
            names = {store_name(f"{attribute}/{kind}/{path.stem}"): path for path in paths}
            pairs[attribute][kind] = list(names)
            entries += [
                describe_image(name, store_name(path.stem), f"{attribute}-{kind}", path, folder)
                for name, path in names.items()
            ]
    path = folder / LIST
    try:
        write_atomically(path, "".join(json.dumps(entry) + "\n" for entry in entries))
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from error
    return path, {"base": BASE, "pairs": pairs}


def describe_image(name: str, source: str, attack: str, path: Path, folder: Path) -> dict[str, Any]:
    """One line of the list; files inside the folder are named from there."""
    inside = path.absolute().is_relative_to(folder.absolute())
    file = path.absolute().relative_to(folder.absolute()) if inside else path.absolute()
    return {
        "id": name,
        "source": source,
        "attack": attack,
        "gold": 0,
        "file": file.as_posix(),
        "sha256": hash_file(path),
    }
