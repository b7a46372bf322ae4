"""The summary's part on last bits: which environments compute equal ones, and in which orders they add up."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from harness.summary.part import Part

Count = Annotated[int, Field(ge=0)]


class PropertySummary(Part):
    """What is known around environments, the same within each part of a split; its value in each part."""

    name: str
    values: tuple[str | None, ...]


class SplitSummary(Part):
    """Environments with equal bits at all blobs before one, and the parts that they fall into there.

    `properties` are the first few of those that are the same within every part and not in all of them;
    `more` counts the rest.
    """

    blob: str
    parts: tuple[tuple[str, ...], ...]
    properties: tuple[PropertySummary, ...] = ()
    more: Count = 0


class OrderSummary(Part):
    """Environments that add up a layer alike, and how, in words; `is_plain` where it is a plain sum."""

    environments: tuple[str, ...]
    words: str
    is_plain: bool


class LayerSummary(Part):
    """A layer with weights, how many products one output adds up, and who adds them up how."""

    blob: str
    layer: str
    products: Count
    orders: tuple[OrderSummary, ...]


class ScoreSummary(Part):
    """Predictions of equal bits, each of a pair of environments at a blob: how many are wrong, either way."""

    total: Count
    equal: Count
    wrong_equal: Count
    wrong_different: Count


class ReplaySummary(Part):
    """A layer of an environment, added up in NumPy in its order: how many values have its bits.

    `why` says what kept it from being added up.
    """

    blob: str
    values: Count
    equal: Count
    why: str | None = None


class NumericsSummary(Part):
    """What `harness numerics` found in a run's environments.

    `passes` predicts blobs of whole passes, `single` single blobs that all environments make of the same
    values, `masks` the same by masks alone, without what drawn values tell. `unlike` counts examples whose
    watched pass ends in other bits than the one nobody watches. `missing` says why environments are not
    here. `replays` are there where they were asked for.
    """

    examples: Count
    environments: tuple[str, ...]
    blobs: tuple[str, ...]
    splits: tuple[SplitSummary, ...]
    layers: tuple[LayerSummary, ...]
    passes: ScoreSummary
    single: ScoreSummary
    masks: ScoreSummary
    unlike: dict[str, Count] = Field(default={})
    missing: dict[str, str] = Field(default={})
    replays: dict[str, tuple[ReplaySummary, ...]] = Field(default={})
