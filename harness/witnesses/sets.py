"""Witness sets in a folder: both published formats, and the differences and medians that they follow from."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.ami.port import ATTRIBUTES
from harness.ami.witnesses import read_witnesses, write_port_witnesses, write_witnesses
from harness.core.documents import call_document, open_file, refuse_links
from harness.core.errors import InputError
from harness.core.limits import MAX_CELL_BYTES, MAX_EVIDENCE_BYTES
from harness.core.network import Network
from harness.core.network_files import network_from_json
from harness.core.text import store_data
from harness.model.witness_files import NAMES
from harness.records.cell import CELL, CellFile
from harness.records.record import ExtractionRecord
from harness.system.documents import read_shape, take_shape
from harness.system.drafts import write_json
from harness.worker.tasks.extract import MUTATIONS

EVIDENCE = "evidence.npz"
WITNESS_NAMES = NOTEBOOK, PORT = tuple(NAMES.values())

Differences: TypeAlias = NDArray[np.floating[Any]]
Evidence: TypeAlias = Mapping[str, Differences]
"""Differences (P, C) to the base, by `ATTRIBUTE/BLOB/MUTATION`; their medians are over the channels."""


@dataclass(frozen=True)
class WitnessSet:
    """A folder's witnesses by attribute and blob; what an extraction leaves beside them may be None."""

    folder: Path
    network: Network
    witnesses: Mapping[str, Mapping[str, tuple[int, ...]]]
    evidence: Evidence | None
    cell: Mapping[str, Any] | None

    @property
    def name(self) -> str:
        """What reports call it."""
        return str(self.folder)


def write_set(folder: Path, records: Iterable[Mapping[str, Any]], cell: Mapping[str, Any]) -> None:
    """Write an extraction's records as witness files and evidence, and its `cell.json`."""
    network, kept = network_from_json(cell["network"]), [take_extraction(one) for one in records]
    precision = np.dtype(cell["job"]["settings"].get("precision", "float32"))
    found: dict[str, dict[str, list[int]]] = {one.attribute: {} for one in kept}
    evidence: dict[str, Differences] = {}
    for one in kept:
        found[one.attribute][one.blob] = one.witnesses
        for kind in MUTATIONS:
            evidence[f"{one.attribute}/{one.blob}/{kind}"] = np.array(getattr(one, kind), precision)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for attribute in ATTRIBUTES:
            for name in WITNESS_NAMES:
                (folder / name.format(attribute)).unlink(missing_ok=True)
        for attribute, witnesses in found.items():
            write_witnesses(folder / NOTEBOOK.format(attribute), witnesses)
            write_port_witnesses(folder / PORT.format(attribute), witnesses, network)
        np.savez_compressed(folder / EVIDENCE, **evidence)  # type: ignore[arg-type]
        write_json(folder / CELL, store_data(cell))
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from error


def take_extraction(record: Mapping[str, Any]) -> ExtractionRecord:
    """A record of an extraction; InputError where it is none."""
    return take_shape(record, ExtractionRecord, "record")


def read_set(folder: Path, network: Network | None = None) -> WitnessSet:
    """Witnesses of a folder, from an extraction or published; `network` is for folders without `cell.json`.

    InputError where the folder holds no witness files or damaged ones.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder of witness files")
    paths = {
        attribute: path
        for attribute in ATTRIBUTES
        for name in reversed(WITNESS_NAMES)
        if os.path.lexists(path := folder / name.format(attribute))
    }
    if not paths:
        inside = ", ".join(sorted(path.parent.name for path in folder.glob(f"*/{CELL}")))
        hint = f"; there are sets in it: {inside}" if inside else ""
        raise InputError(f"{folder}: holds no witness files ({NOTEBOOK.format('leye')} and so on){hint}")
    for path in paths.values():
        refuse_links(path, folder)
    cell = read_extraction(folder / CELL) if os.path.lexists(folder / CELL) else None
    known = read_cell_network(folder / CELL, cell) if cell else network
    if known is None:
        raise InputError(f"{folder}: does not say what network its witnesses are of; give --model")
    witnesses = {attribute: read_witnesses(path, known) for attribute, path in paths.items()}
    evidence = read_evidence(folder / EVIDENCE, known) if os.path.lexists(folder / EVIDENCE) else None
    return WitnessSet(folder, known, witnesses, evidence, cell)


def read_sets(folders: Sequence[Path], network: Network | None = None) -> list[WitnessSet]:
    """Witness sets of folders; one that names its network speaks for those that do not."""
    saying = [folder / CELL for folder in folders if os.path.lexists(folder / CELL)]
    if network is None and saying:
        network = read_cell_network(saying[0], read_extraction(saying[0]))
    return [read_set(folder, network) for folder in folders]


def read_cell_network(path: Path, cell: Mapping[str, Any]) -> Network:
    """Network of an extraction's `cell.json`; InputError where that is damaged."""
    try:
        return network_from_json(cell["network"])
    except InputError as error:
        raise InputError(f"{path}: its network cannot be read ({error}); extract again") from error


def read_extraction(path: Path) -> dict[str, Any]:
    """An extraction's `cell.json`; InputError where it is none."""
    try:
        cell = read_shape(path, dict[str, Any], MAX_CELL_BYTES, within=path.parent)
        check_extraction(take_shape(cell, CellFile, str(path)), str(path))
    except InputError as error:
        raise call_document(error, str(path), "is no extraction's", "extract again") from error
    return cell


def check_extraction(cell: CellFile, place: str) -> None:
    """InputError for a cell that lacks what every extraction says."""
    job = cell.job
    told = {
        "job.extraction": job and job.extraction,
        "job.settings": job and job.settings,
        "hashes": cell.hashes,
        "network": cell.network,
    }
    for key, value in told.items():
        if value is None:
            raise InputError(f"{place}: has no {key}")


def check_unpacked(path: Path, file: BinaryIO) -> None:
    """Refuse an archive that unpacks to more than an extraction writes, before it is unpacked."""
    with zipfile.ZipFile(file) as archive:
        size = sum(one.file_size for one in archive.infolist())
    file.seek(0)
    if size > MAX_EVIDENCE_BYTES:
        raise InputError(f"{path}: unpacks to {size} bytes; {MAX_EVIDENCE_BYTES} are read at most")


def read_evidence(path: Path, network: Network) -> Evidence:
    """Differences by `ATTRIBUTE/BLOB/MUTATION`; InputError where the file is damaged."""
    try:
        with open_file(path, within=path.parent) as file:
            check_unpacked(path, file)
            with np.load(file, allow_pickle=False) as archive:
                found = {name: np.array(archive[name]) for name in archive.files}
    except InputError:
        raise
    except Exception as error:  # a broken archive ends in errors of many kinds
        raise InputError(f"{path}: cannot be read ({error}); extract again") from error
    widths = {blob.name: blob.shape[0] for blob in network.blobs}
    for name, values in found.items():
        place, _, mutation = name.rpartition("/")
        partners = {found[one].shape for kind in MUTATIONS if (one := f"{place}/{kind}") in found}
        width = widths.get(place.partition("/")[2])
        is_pair = mutation in MUTATIONS and len(partners) == 1
        is_pair = is_pair and all(f"{place}/{kind}" in found for kind in MUTATIONS)
        if values.ndim != 2 or values.dtype.kind != "f" or not is_pair or values.shape[1] != width:
            raise InputError(f"{path}: {name} holds no differences of its blob; extract again")
        if not values.shape[0] or not np.isfinite(values).all():
            raise InputError(f"{path}: {name} holds no finite differences; extract again")
    return found
