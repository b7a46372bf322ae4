"""Model folders: `model.toml`, and the files that it names."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict

from harness.ami.port import ATTRIBUTES
from harness.core.arrays import Preprocess, read_preprocess
from harness.core.documents import is_file, refuse_links
from harness.core.errors import InputError
from harness.core.network import Network
from harness.model.prototxt import read_description
from harness.model.sources import SourceTable
from harness.model.state import State, make_state
from harness.model.witness_files import WitnessFiles, check_sets, find_folder_sets, find_set
from harness.system.documents import read_names
from harness.system.invocation import write_command
from harness.system.tables import read_toml_table

MODELS = Path(__file__).resolve().parents[2] / "models"


@dataclass(frozen=True)
class WitnessTable:
    """`[witnesses]` and `[witnesses_of.PORT]`: a file for each attribute."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    leye: str
    reye: str
    nose: str
    mouth: str


@dataclass(frozen=True)
class PreprocessTable:
    """`[preprocess]`: what the network was trained on; `mean` in the order of `channel_order`."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    height: int
    width: int
    channel_order: Literal["bgr", "rgb"]
    mean: tuple[float, float, float]
    scale: float = 1.0
    resize: Literal["bicubic", "bilinear", "nearest"] = "bicubic"


@dataclass(frozen=True)
class ModelTable:
    """The whole of `model.toml`; paths are relative to its folder."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")
    name: str
    description: str
    prototxt: str
    caffemodel: str
    labels: str
    preprocess: PreprocessTable
    level: int = 0
    stages: tuple[str, ...] = ()
    witnesses: WitnessTable | None = None
    witnesses_of: dict[str, WitnessTable] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)
    fetch: dict[str, SourceTable] = field(default_factory=dict)


@dataclass(frozen=True)
class Model:
    """A checked model: its network is read, its labels fit, and the files it names are there."""

    name: str
    description: str
    folder: Path
    network: Network
    prototxt: Path
    caffemodel: Path
    labels: tuple[str, ...]
    witness_sets: tuple[WitnessFiles, ...]
    preprocess: Preprocess
    examples: Mapping[str, Path]
    measured: Mapping[str, Any]
    state: State = field(default_factory=State)
    notes: tuple[str, ...] = ()

    @property
    def witnesses(self) -> Mapping[str, Path]:
        """Files of the first witness set, by attribute."""
        return self.witness_sets[0].files


def read_model(
    place: Path | str,
    *,
    prototxt: Path | None = None,
    caffemodel: Path | None = None,
    labels: Path | None = None,
    witnesses: Path | None = None,
    level: int | None = None,
    stages: Sequence[str] = (),
    need_witnesses: bool = True,
) -> Model:
    """A model from its folder, its `model.toml`, or its bare name in the repository's `models/`.

    Paths handed in replace those of `model.toml`, and so do the net's level and stages, which decide what
    layers it has; `witnesses` is a folder with a file for each attribute.
    Where witnesses are not needed (before they are extracted), absent files are left out.
    Raises InputError for a table or a file that is wrong, missing, or does not fit the network.
    """
    path = find_model(place)
    table, folder = read_model_table(path), path.parent
    files = {
        "prototxt": Path(prototxt or place_file(path, "prototxt", table.prototxt)),
        "caffemodel": Path(caffemodel or place_file(path, "caffemodel", table.caffemodel)),
        "labels": Path(labels or place_file(path, "labels", table.labels)),
    }
    check_files(path, files, table)
    state = choose_state(table, level, stages)
    described = read_description(files["prototxt"], state)
    network = described.network
    sets = find_sets(path, table, witnesses)
    if need_witnesses:
        check_sets(sets, path)
    return Model(
        name=table.name,
        description=table.description,
        folder=folder,
        network=network,
        prototxt=files["prototxt"],
        caffemodel=files["caffemodel"],
        labels=read_labels(files["labels"], network),
        witness_sets=sets,
        preprocess=fit_preprocess(path, table.preprocess, network),
        examples={name: place_file(path, "examples", file) for name, file in table.examples.items()},
        measured=table.measured,
        state=state,
        notes=described.notes,
    )


def choose_state(table: ModelTable, level: int | None, stages: Sequence[str]) -> State:
    """The state of a model's net: what was given, or else the table's."""
    return make_state(table.level if level is None else level, stages or table.stages)


def find_model(place: Path | str) -> Path:
    """The `model.toml` that a path or a bare name stands for; InputError with the names there are."""
    given = Path(place)
    bare = len(given.parts) == 1 and given.parts[0] not in {".", ".."}
    folders = [MODELS / given, given] if bare else [given]
    for path in (given, *(folder / "model.toml" for folder in folders)):
        if is_file(path):
            return path.resolve() if path == given and path.is_symlink() else path
    names = sorted(path.parent.name for path in MODELS.glob("*/model.toml"))
    raise InputError(
        f"model {place}: no such model; there are {', '.join(names) or 'none'}, or give a folder"
    )


def read_model_table(path: Path) -> ModelTable:
    """Contents of a `model.toml`; InputError names the key and what is allowed there."""
    return read_toml_table(path, ModelTable, within=path.parent)


def place_file(path: Path, key: str, file: str) -> Path:
    """Place of a file that a table names; InputError where it is a link or not in the model's folder."""
    place = path.parent / file
    try:
        refuse_links(place, path.parent)
    except InputError as error:
        advice = "" if key == "examples" else f", or hand it in with --{key}"
        raise InputError(f"{path}: {key}: {error}{advice}") from error
    return place


def check_files(path: Path, files: Mapping[str, Path], table: ModelTable) -> None:
    """InputError for files that are not there, with the options that hand in others."""
    missing = [name for name, file in files.items() if not is_file(file)]
    if missing:
        places = ", ".join(f"no {name} at {files[name]}" for name in missing)
        options = " and ".join(f"--{name} PATH" for name in missing)
        fetch = suggest_fetch(path, table, [files[name] for name in missing])
        raise InputError(f"{path}: {places}; put the files there, or hand them in with {options}{fetch}")


def suggest_fetch(path: Path, table: ModelTable, missing: Sequence[Path]) -> str:
    """The command that brings missing files, where a table names their source."""
    names = [
        name
        for name, source in table.fetch.items()
        for target in source.take.values()
        if any(f"{file.as_posix()}/".startswith(f"{(path.parent / target).as_posix()}/") for file in missing)
    ]
    return "".join(f", or run: {write_command('fetch', name)}" for name in dict.fromkeys(names))


def read_labels(path: Path, network: Network) -> tuple[str, ...]:
    """Class names, one a line from class 0 on; InputError unless there are as many as classes."""
    names = read_names(path)
    classes = network.logits.shape[0]
    if len(names) != classes:
        raise InputError(f"{path}: has {len(names)} labels, network {network.name} has {classes} classes")
    return tuple(names)


def find_sets(path: Path, table: ModelTable, folder: Path | None) -> tuple[WitnessFiles, ...]:
    """Witness sets of the folder handed in, or else of `model.toml`: one for all ports, then ports' own."""
    if folder is not None:
        return find_folder_sets(Path(folder), path)
    named = [(None, table.witnesses)] if table.witnesses or not table.witnesses_of else []
    return tuple(
        find_set(
            place_witnesses(path, files), port, path, lambda missing: suggest_fetch(path, table, missing)
        )
        for port, files in (*named, *table.witnesses_of.items())
    )


def place_witnesses(path: Path, table: WitnessTable | None) -> dict[str, list[Path]]:
    """Where a table's files are, by attribute; nowhere without a table."""
    return {
        attribute: [place_file(path, "witnesses", getattr(table, attribute))] if table else []
        for attribute in ATTRIBUTES
    }


def fit_preprocess(path: Path, table: PreprocessTable, network: Network) -> Preprocess:
    """Preprocessing of a model; InputError where it does not make the network's input."""
    try:
        preprocess = read_preprocess(dataclasses.asdict(table))
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    made = (3, table.height, table.width)
    if made != network.input.shape:
        raise InputError(
            f"{path}: preprocess makes {made}, network {network.name} takes {network.input.shape}"
        )
    return preprocess
