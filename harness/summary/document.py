"""The summary of a run: one document from which every report is drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    model_validator,
)

from harness.core.documents import parse_integer
from harness.records.record import Stage
from harness.summary.causes import CausesSummary
from harness.summary.numerics import NumericsSummary
from harness.summary.part import Part


class RateSummary(Part):
    """`hits` of `of` with Wilson's 95 % interval; all three are null where there is nothing to count.

    `cluster_low` to `cluster_high` is the interval by bootstrap over source images, where it was made.
    """

    hits: int
    of: int
    rate: float | None
    low: float | None
    high: float | None
    cluster_low: float | None = None
    cluster_high: float | None = None


class RatesSummary(Part):
    """Rates as `evaluate.rates.Rates` has them."""

    examples: int
    cases: dict[str, int]
    detection: RateSummary
    alarms: RateSummary
    alarms_all: RateSummary
    accuracy: RateSummary
    attribute_accuracy: RateSummary
    evasion: RateSummary | None = None
    recovery: RateSummary | None = None


class DifferenceSummary(Part):
    """One thing in which a cell's environment, job or packages are not the baseline cell's.

    `matters` is false for what people look at last: times, paths, packages that compute nothing.
    """

    what: str
    baseline: str | None
    here: str | None
    matters: bool


class ControlSummary(Part):
    """Of `of` examples on which a cell agrees with the baseline, how many have another hash of a stage."""

    differ: int
    of: int


class CellSummary(Part):
    """One cell: how it ended, what it measured, what it was.

    `named` tells one that was asked for by its very name and therefore has to run. `execution` is what copies
    of one result share, null where it is not known; `copy_of` names the cell that this one is a copy of, and
    which alone is compared. `origin` says where records come from that no cell has written, `selection` what
    these have in common, if others may be missing; rates that would count the others are then null.
    `controls` are there for a cell that departs somewhere: hashes of the examples on which it does not.
    """

    environment: str
    cell: str
    status: Literal["done", "failed", "unavailable"]
    named: bool = False
    reused: bool = False
    execution: str | None = None
    copy_of: str | None = None
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
    origin: str | None = None
    selection: str | None = None
    differences: tuple[DifferenceSummary, ...] = ()
    controls: dict[Stage, ControlSummary] = Field(default={})


Change = Literal["gold", "original", "attribute", "case", "detected"]
Margins = tuple[float | None, float | None]
"""Top-1 minus top-2 logit of the plain and of the steered pass."""


class DivergenceSummary(Part):
    """One diverging example; `departing` are the environments that do not say what the baseline says.

    They have another tuple, or decide otherwise: `detected` holds decisions that do not follow from the tuple
    as AmI's do (Original is not Attribute), which other detectors make. Of each departing one, `expected`
    gives the reason that the register has or null, `changes` what differs, `stages` the first stage that
    differs beyond noise: of files, pixels and inputs by their hashes, of what a network computes where it was
    measured, with `ratios` of the error to the noise there (null: it was not measured; older summaries name
    logits by their hashes). `causes` says what explains it, where that was looked for, and `groups` which of
    the summary's groups of causes has it. `smallest_margin` is over all environments.
    """

    example: str
    attack: str
    source: str | None = None
    baseline_environment: str
    baseline: tuple[int, int, int]
    tuples: dict[str, tuple[int, int, int]]
    classes: tuple[tuple[str, ...], ...]
    departing: tuple[str, ...]
    expected: dict[str, str | None]
    changes: dict[str, tuple[Change, ...]] = Field(default={})
    margins: dict[str, Margins] = Field(default={})
    smallest_margin: float | None = None
    stages: dict[str, str | None] = Field(default={})
    ratios: dict[str, float] = Field(default={})
    causes: dict[str, str] = Field(default={})
    groups: dict[str, int] = Field(default={})
    detected: dict[str, bool] = Field(default={})

    def decides(self, name: str) -> bool:
        """Whether an environment's detector detects the example."""
        _, original, attribute = self.tuples[name]
        return self.detected.get(name, original != attribute)


Divergences = Annotated[
    Sequence[DivergenceSummary],
    AfterValidator(tuple),
    PlainSerializer(tuple, return_type=tuple[DivergenceSummary, ...]),
]
"""All of them; a comparison makes them one by one, when they are asked for."""


class AgreeingSummary(Part):
    """The examples on which all environments agree, column by column."""

    examples: tuple[str, ...] = ()
    sources: tuple[str | None, ...] = ()
    attacks: tuple[str, ...] = ()
    tuples: tuple[tuple[int, int, int], ...] = ()
    smallest_margins: tuple[float | None, ...] = ()


class PairSummary(Part):
    """Two cells beside each other: equal tuples, and whether their detectors answer alike.

    `kappa` is Cohen's on detected; `only_first` and `only_second` count examples that one alone detects,
    `p_value` is McNemar's exact one for these. Null where it is not defined.
    """

    first: str
    second: str
    agreement: RateSummary
    kappa: float | None
    only_first: int
    only_second: int
    p_value: float | None


class AgreementSummary(Part):
    """All cells among each other; `fleiss_kappa` is on detected, null where it is not defined."""

    pairs: tuple[PairSummary, ...] = ()
    fleiss_kappa: float | None = None


class IncomparableSummary(Part):
    """An example that could not be compared."""

    example: str
    environment: str
    reason: str


ExitCode = Literal[0, 1, 2]
Outcome = Literal["same", "expected", "diverged", "not as expected", "done", "could not run"]
EXIT_CODES: dict[Outcome, ExitCode] = {
    "same": 0,
    "expected": 0,
    "done": 0,
    "diverged": 1,
    "not as expected": 1,
    "could not run": 2,
}
VERSION: Literal[2] = 2


def find_outcome(data: Mapping[str, Any]) -> Outcome:
    """The outcome that a document without one has, by what else it says."""
    if data.get("exit_code") == 2:
        return "could not run"
    some = data.get("divergences", ())
    if data.get("exit_code") == 1:
        is_unexpected = any(reason is None for one in some for reason in one.expected.values())
        return "diverged" if is_unexpected else "not as expected"
    done = sum(cell.status == "done" for cell in data.get("cells", ()))
    return "expected" if len(some) else "same" if done > 1 else "done"


def take_number(value: Any) -> Any:
    """A number that is a key, and so a text; ValueError for what Python alone takes for one."""
    return parse_integer(value) if isinstance(value, str) else value


ClassNumber = Annotated[int, BeforeValidator(take_number)]


class Summary(Part):
    """The whole document.

    `baseline` is the environment that the others are held against: the `reference` where it is among the
    cells, or else the one that they agree with most, or the one that was `chosen` by name; null where no
    cell is done. `labels` names the classes
    that occur in diverging tuples, where they are known. `outcome` is `same` where no example diverges,
    `expected` where all that do are in the register, `diverged` where some are not, `not as expected` where
    the register alone is wrong, `done` where one cell ran and was to be compared with none. `causes` and
    `numerics` are there where they were asked for.
    """

    schema_version: Literal[2] = VERSION
    run: str
    created: str
    harness: str
    model: str
    reference: str
    baseline: str | None = None
    chosen: bool = False
    examples: int
    cells: tuple[CellSummary, ...]
    compared: int
    divergences: Divergences
    agreeing: AgreeingSummary = AgreeingSummary()
    agreement: AgreementSummary = AgreementSummary()
    causes: CausesSummary | None = None
    numerics: NumericsSummary | None = None
    labels: dict[ClassNumber, str] = Field(default={})
    incomparable: tuple[IncomparableSummary, ...]
    register_problems: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float
    exit_code: ExitCode
    outcome: Annotated[Outcome, Field(default_factory=find_outcome)]
    verdict: str

    @model_validator(mode="after")
    def check_outcome(self) -> Summary:
        """Refuse an outcome that is none of the exit code's."""
        if EXIT_CODES[self.outcome] != self.exit_code:
            raise ValueError(f"outcome {self.outcome!r} has no exit code {self.exit_code}")
        return self
