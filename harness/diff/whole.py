"""Done cells with all that their files say: job, fingerprint, and whole records by example."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.diff.cells import check_cell, check_sums
from harness.diff.runs import find_cells
from harness.records.cell import CellFile, CellJob, Fingerprint, read_cell
from harness.records.record import Record, read_whole_records


@dataclass(frozen=True)
class WholeCell:
    """A done cell under its label; `told` is its `cell.json`, `records` are by their examples' ids."""

    label: str
    environment: str
    folder: Path
    told: CellFile
    records: Mapping[str, Record]

    @property
    def job(self) -> CellJob:
        """What its worker was asked to do; empty where that is not known."""
        return self.told.job or CellJob()

    @property
    def fingerprint(self) -> Fingerprint:
        """In what it ran; empty where that is not known, as of an imported log."""
        return self.told.fingerprint or Fingerprint()


def read_whole_cells(folders: Sequence[Path], examples: Collection[str] | None = None) -> list[WholeCell]:
    """The done cells of some runs, with their records of all examples or of these.

    InputError where there is no cell, or where files are damaged.
    """
    found = [(one, one.folder) for one in find_cells(folders) if one.folder is not None]
    cells = [(one, folder, check_cell(folder, read_cell(folder))) for one, folder in found]
    whole = []
    for one, folder, told in cells:
        if told.status == "done":
            check_sums(folder)
            records = read_whole_records(folder, examples)
            whole.append(WholeCell(one.label, one.environment, folder, told, records))
    return whole
