"""The summary's part on causes: why divergences are there, and what makes up a change of a rate."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from harness.summary.part import Part

Count = Annotated[int, Field(ge=0)]
Pair = tuple[str, str]


class NamedCause(Part):
    """One cause of a set: what differs (`port.pool3_channels`), and its value on either side."""

    cause: str
    factor: str
    a: Any = None
    b: Any = None


class GroupStage(Part):
    """The first stage beyond noise as it was measured on one example, and how many times the noise it is."""

    example: str
    stage: str
    ratio: float | None = None


class CauseGroup(Part):
    """Divergences of one pair of cells that have one smallest set of causes, and one verdict on it.

    `examples` are the first few of `count`; `sentence` and `command` are the first one's. A group whose set
    has all causes of a larger one, and more, stands `under` that one's place. `stage` is that of the first
    example on which it was measured; null where it was on none.
    """

    cells: Pair
    causes: tuple[NamedCause, ...]
    verdict: Literal["proven", "consistent", "unknown"]
    count: Count
    examples: tuple[str, ...]
    sentence: str
    command: str
    under: int | None = None
    stage: GroupStage | None = None


class SharePart(Part):
    """How much of a change one factor makes up, in the rate's unit; with an interval where it was sampled."""

    cause: str
    factor: str
    share: float
    low: float | None = None
    high: float | None = None


class Waterfall(Part):
    """A rate of two cells, from 0 to 1, and the parts that add up to its change.

    `worker` is the hash of the code that tried every set of factors; None where nobody noted it.
    """

    cells: Pair
    rate: Literal["detection", "alarms"]
    start: float
    end: float
    parts: tuple[SharePart, ...]
    worker: str | None = None


class Calibration(Part):
    """How much noise an algorithm was seen to have, in standard deviations of independent roundings.

    `percentile` is the 99th of the stage that has most, on so many examples of cells that agree with the
    reference on all of them; what is beyond `limit` is no noise.
    """

    algorithm: str
    percentile: float
    limit: float
    examples: Count
    cells: tuple[str, ...]


class ReferenceHealth(Part):
    """How good the float64 reference is: the most that its sums are off sums without rounding.

    In standard deviations of the noise that it judges, on so many stages; where it is not a hundred times
    better than what it judges a stage is `uncalibrated`, and nothing is claimed of it.
    """

    environment: str
    distance: float
    stages: Count
    uncalibrated: Count


class CausesSummary(Part):
    """Why examples diverge: a (divergent example, pair of cells) is explained once.

    `executions` counts the cells that were run for it; `untested` names factors that could not be set here.
    """

    explained: Count
    proven: Count
    consistent: Count
    unknown: Count
    executions: Count
    groups: tuple[CauseGroup, ...]
    waterfalls: tuple[Waterfall, ...] = ()
    untested: tuple[str, ...] = ()
    noise: tuple[Calibration, ...] = ()
    reference: ReferenceHealth | None = None
