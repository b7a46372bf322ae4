"""What can be fetched: the sources that the models' tables name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import InputError
from harness.model.folder import MODELS, find_model, read_model_table
from harness.model.sources import SourceTable, check_source


@dataclass(frozen=True)
class FetchSource:
    """One archive, its name, and the model's folder that its files go to."""

    name: str
    folder: Path
    table: SourceTable

    @property
    def place(self) -> str:
        """Where its table is written."""
        return f"{self.folder / 'model.toml'}: fetch.{self.name}"


def find_sources(model: str | None = None, models: Path = MODELS) -> list[FetchSource]:
    """The sources of one model, or of all in a folder; InputError for a table that is wrong."""
    paths = sorted(models.glob("*/model.toml")) if model is None else [find_model(model)]
    found = [
        FetchSource(name, path.parent.absolute(), table)
        for path in paths
        for name, table in read_model_table(path).fetch.items()
    ]
    for source in found:
        check_source(source.place, source.table)
    return found


def choose_source(name: str, sources: Sequence[FetchSource]) -> FetchSource:
    """The source of a name; InputError with the names there are."""
    found = [one for one in sources if one.name == name]
    if len(found) > 1:
        raise InputError(f"{name}: {len(found)} models name such a source; choose one with --model")
    if not found:
        names = ", ".join(sorted(one.name for one in sources)) or "nothing"
        raise InputError(
            f"{name}: cannot be fetched; what can be is {names} (tables [fetch.NAME] in model.toml)"
        )
    return found[0]
