"""What the engine holds of this project's images, and what of it can go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.images.build import IMAGE_LABEL, STAGE_LABEL
from harness.images.engine import explain_errors, find_image
from harness.images.recipes import Image


@dataclass(frozen=True)
class ImageStatus:
    """An image as the engine has it: its id and size in bytes, None where it is not built."""

    name: str
    tag: str
    architecture: str
    base: str
    has_base: bool
    id: str | None
    size: int | None


def list_statuses(client: Any, images: Iterable[Image]) -> list[ImageStatus]:
    """How each image stands with the engine."""
    statuses = []
    for image in images:
        found = find_image(client, image.tag)
        statuses.append(
            ImageStatus(
                name=image.name,
                tag=image.tag,
                architecture=image.recipe.architecture,
                base=image.base,
                has_base=find_image(client, image.base) is not None,
                id=found.id if found else None,
                size=found.attrs["Size"] if found else None,
            )
        )
    return statuses


def list_unused(client: Any, images: Mapping[str, Image], *, everything: bool = False) -> list[str]:
    """Tags of images of older recipes and ids of what builds left behind; or of all of them."""
    wanted = set() if everything else {image.tag for image in images.values()}
    with explain_errors("images"):
        tagged = client.images.list(filters={"label": IMAGE_LABEL})
        stages = client.images.list(filters={"dangling": True, "label": STAGE_LABEL})
    tags = {tag: None for found in tagged for tag in found.tags or [found.id] if tag not in wanted}
    return list(dict.fromkeys([*tags, *(found.id for found in stages)]))


def prune_images(client: Any, images: Mapping[str, Image], *, everything: bool = False) -> list[str]:
    """Remove images of older recipes and what builds left behind, or all of them; what was removed.

    Base images stay. InputError where the engine refuses, as it does for an image in use.
    """
    wanted = set() if everything else {image.tag for image in images.values()}
    removed = []
    with explain_errors("images"):
        for found in client.images.list(filters={"label": IMAGE_LABEL}):
            for tag in set(found.tags or [found.id]) - wanted:
                client.images.remove(tag)
                removed.append(tag)
        swept = client.images.prune(filters={"dangling": True, "label": STAGE_LABEL})
    removed += [entry["Deleted"] for entry in swept.get("ImagesDeleted") or () if "Deleted" in entry]
    return removed
