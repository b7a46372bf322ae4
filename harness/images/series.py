"""Building several images in a row, comparing each with the lock."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.images.build import BuildOptions, build_image
from harness.images.follow import Say
from harness.images.lock import LOCK, compare_contents, read_contents, read_lock, write_lock
from harness.images.recipes import Image


def build_images(
    client: Any,
    images: Sequence[Image],
    options: BuildOptions,
    lock_folder: Path,
    say: Say,
    *,
    again: bool = False,
    accept: bool = False,
) -> list[dict[str, Any]]:
    """Build what is missing; for each image its id, size and what changed since it was locked.

    New images go into the lock, changed ones only with `accept`. InputError for the first that fails.
    """
    results = []
    for image in images:
        built = build_image(client, image, options, say, again=again)
        found = read_contents(client, image, built, options.cache)
        locked = read_lock(lock_folder / LOCK)
        changes = compare_contents(locked.get(image.name), found)
        if image.name not in locked or (changes and accept):
            write_lock(lock_folder / LOCK, {**locked, image.name: found})
        results.append(
            {
                "name": image.name,
                "tag": image.tag,
                "id": built.id,
                "size": built.attrs["Size"],
                "changes": changes,
            }
        )
    return results
