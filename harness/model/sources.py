"""`[fetch.NAME]` in a `model.toml`: an archive at its publisher's, and what of it goes where."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import ClassVar

from pydantic import ConfigDict

from harness.core.errors import InputError


@dataclass(frozen=True)
class SourceTable:
    """One archive; `take` has places in it and where they go in the model's folder, folders end in `/`.

    Where `sha256` is not known, the files that come first are recorded and others refused from then on.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    url: str
    take: dict[str, str]
    sha256: str | None = None
    md5: str | None = None
    most_bytes: int = 2 << 30
    most_unpacked_bytes: int = 4 << 30
    most_entries: int = 10_000
    about: str = field(default="")


def check_source(place: str, table: SourceTable) -> None:
    """Refuse a table that cannot be followed; `place` names it in the message."""
    if not re.match(r"https?://", table.url):
        raise InputError(f"{place}: url = {table.url!r}; it must begin with https:// or http://")
    for key, digits in (("sha256", 64), ("md5", 32)):
        value = getattr(table, key)
        if value is not None and not re.fullmatch(rf"[0-9a-fA-F]{{{digits}}}", value):
            raise InputError(f"{place}: {key} = {value!r}; it has {digits} digits 0-9a-f")
    if not table.take:
        raise InputError(f"{place}: take: nothing is to be taken; name files or folders of the archive")
    for inside, target in table.take.items():
        if not (is_inside(inside) and is_inside(target)) or inside.endswith("/") != target.endswith("/"):
            raise InputError(
                f"{place}: take: {inside!r} = {target!r}; both must be relative, and both or none end in /"
            )


def is_inside(place: str) -> bool:
    """Whether a relative path stays in its folder."""
    path = PurePosixPath(place)
    return bool(place) and not path.is_absolute() and ".." not in path.parts and "\\" not in place
