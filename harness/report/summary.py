"""The summary of a run: one document from which every report is drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from harness.ami.errors import InputError


class Part(BaseModel):
    """A frozen part of the document."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RateSummary(Part):
    """A rate as `evaluate.rates.Rate` has it."""

    hits: int
    of: int
    rate: float | None
    low: float | None
    high: float | None


class RatesSummary(Part):
    """Rates as `evaluate.rates.Rates` has them."""

    examples: int
    cases: dict[str, int]
    detection: RateSummary
    alarms: RateSummary
    alarms_all: RateSummary
    accuracy: RateSummary
    attribute_accuracy: RateSummary


class CellSummary(Part):
    """One cell: how it ended, what it measured, what it was."""

    environment: str
    cell: str
    status: Literal["done", "failed", "unavailable"]
    reused: bool = False
    reason: str | None = None
    log_end: str = ""
    key: str | None = None
    backend: str
    port: str
    parameters: dict[str, float]
    rates: RatesSummary | None = None
    run_seconds: float | None = None
    load_seconds: float | None = None
    peak_memory_bytes: int | None = None


class DivergenceSummary(Part):
    """One diverging example; `departing` are the environments whose tuple is not the baseline's.

    `expected` gives for each of these the reason that the register has, or null.
    """

    example: str
    attack: str
    baseline: tuple[int, int, int]
    tuples: dict[str, tuple[int, int, int]]
    classes: tuple[tuple[str, ...], ...]
    departing: tuple[str, ...]
    expected: dict[str, str | None]


class IncomparableSummary(Part):
    """An example that could not be compared."""

    example: str
    environment: str
    reason: str


ExitCode = Literal[0, 1, 2]


class Summary(Part):
    """The whole document."""

    schema_version: Literal[1] = 1
    run: str
    created: str
    harness: str
    model: str
    reference: str
    examples: int
    cells: tuple[CellSummary, ...]
    compared: int
    divergences: tuple[DivergenceSummary, ...]
    incomparable: tuple[IncomparableSummary, ...]
    register_problems: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float
    exit_code: ExitCode
    verdict: str


def read_summary(folder: Path) -> Summary:
    """Summary of a run's folder; InputError where there is none of this version."""
    path = folder / "summary.json"
    try:
        return Summary.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); name the folder of a run") from error
    except ValidationError as error:
        raise InputError(f"{path}: is no summary of this version; run the matrix again") from error
