"""The causes that a divergence can have, and what a line of `causes.jsonl` says."""

from __future__ import annotations

from enum import Enum
from typing import Any, Literal

import msgspec

from harness.system.documents import Integer, Name

SCHEMA = 1
CAUSES = "causes.jsonl"
Verdict = Literal["proven", "consistent", "unknown"]
VERDICTS: tuple[Verdict, ...] = ("proven", "consistent", "unknown")
Tuple = tuple[Integer, Integer, Integer]
"""Gold, Original, Attribute."""
Kind = Literal["undone", "done", "graft", "bridge", "control", "hash"]


class Cause(Enum):
    """One of the things that make two cells answer differently; `docs/causes.md` has a section for each.

    The value is its name in files; `title` is what people read.
    """

    FILE_BYTES = "file-bytes"
    DECODER = "decoder"
    RESIZE_KERNEL = "resize-kernel"
    FIT = "fit"
    CHANNEL_ORDER = "channel-order"
    MEAN = "mean"
    SCALE = "scale"
    NPY_CONVENTION = "npy-convention"
    REQUANTISATION = "requantisation"
    WEIGHTS = "weights"
    POOLING = "pooling"
    FLATTEN = "flatten"
    WITNESS_SET = "witness-set"
    LISTING_ORDER = "listing-order"
    DUPLICATES = "duplicates"
    ARITHMETIC = "arithmetic"
    DDOF = "ddof"
    ZERO_SIGMA = "zero-sigma"
    BLOB_VALUE = "blob-value"
    POOL3_CHANNELS = "pool3-channels"
    POOL3_KERNEL = "pool3-kernel"
    POOL3_WHEN = "pool3-when"
    FC = "fc"
    FED_ON = "fed-on"
    ALPHA = "alpha"
    BETA = "beta"
    EPSILON = "epsilon"
    LABELS = "labels"
    PRECISION = "precision"
    ALGORITHM = "algorithm"
    NUMERICS = "numerics"
    NONDETERMINISM = "nondeterminism"
    HARNESS = "harness"
    UNKNOWN = "unknown"

    @property
    def title(self) -> str:
        """What people read."""
        return TITLES.get(self, self.value.replace("-", " "))


TITLES = {
    Cause.FILE_BYTES: "file's bytes",
    Cause.RESIZE_KERNEL: "resize kernel",
    Cause.FIT: "crop or squash",
    Cause.NPY_CONVENTION: ".npy convention",
    Cause.DUPLICATES: "witnesses listed twice",
    Cause.DDOF: "deviation of the sample",
    Cause.ZERO_SIGMA: "deviation of 0",
    Cause.BLOB_VALUE: "before or after ReLU",
    Cause.POOL3_CHANNELS: "pool3's channels",
    Cause.POOL3_KERNEL: "pool3's kernel",
    Cause.POOL3_WHEN: "pool3's moment",
    Cause.FC: "fc6 and fc7",
    Cause.FED_ON: "steered values fed on",
    Cause.HARNESS: "the harness itself",
}

RULES: dict[str, Cause] = {
    "channel_order": Cause.CHANNEL_ORDER,
    "mean": Cause.MEAN,
    "value_range": Cause.SCALE,
    "fit": Cause.FIT,
    "resize": Cause.RESIZE_KERNEL,
    "resize_when": Cause.FIT,
    "npy": Cause.NPY_CONVENTION,
    "quantise": Cause.REQUANTISATION,
    "duplicates": Cause.DUPLICATES,
    "arithmetic": Cause.ARITHMETIC,
    "ddof": Cause.DDOF,
    "zero_sigma": Cause.ZERO_SIGMA,
    "blob_value": Cause.BLOB_VALUE,
    "pool3_channels": Cause.POOL3_CHANNELS,
    "pool3_kernel": Cause.POOL3_KERNEL,
    "pool3_when": Cause.POOL3_WHEN,
    "fc": Cause.FC,
    "fed_on": Cause.FED_ON,
    "order": Cause.LISTING_ORDER,
    "listing": Cause.LISTING_ORDER,
}
PREPROCESS: dict[str, Cause] = {
    "channel_order": Cause.CHANNEL_ORDER,
    "mean": Cause.MEAN,
    "scale": Cause.SCALE,
    "resize": Cause.RESIZE_KERNEL,
    "height": Cause.FIT,
    "width": Cause.FIT,
}
SETTINGS: dict[str, Cause] = {
    "precision": Cause.PRECISION,
    "tf32": Cause.PRECISION,
    "winograd": Cause.ALGORITHM,
}
"""What a backend's settings cause; any other changes last bits alone."""


class Named(msgspec.Struct, frozen=True):
    """One cause in a set: what differs (`port.pool3_channels`), and its values on both sides."""

    cause: Name
    factor: Name
    a: Any = None
    b: Any = None


class Proof(msgspec.Struct, frozen=True):
    """How a cause was proven: what was done in which cell, and the tuple that came out.

    `other` counts the further examples on which the same patch gave the wanted tuple too.
    """

    kind: Kind
    cell: Name = msgspec.field(name="in")
    tuple: Tuple | None = None
    other: int = 0


class Stage(msgspec.Struct, frozen=True):
    """The first stage that differs beyond noise, by how much, and how much noise there is."""

    stage: Name
    error: float | None = None
    noise: float | None = None
    ratio: float | None = None


class Explanation(msgspec.Struct, frozen=True):
    """A line of `causes.jsonl`: one example in which two cells diverge, and why.

    `causes` is the smallest set that suffices, empty where none is known; `also` are other such sets. A dump
    without logits has no tuple.
    `executions` are ids of what the cells' records are of: an explanation of others does not count.
    """

    example: Name
    cells: tuple[Name, Name]
    tuples: tuple[Tuple, Tuple | None]
    verdict: Verdict
    sentence: str
    command: str
    source: Name | None = None
    attack: Name | None = None
    causes: list[Named] = []
    also: list[list[Named]] = []
    proof: Proof | None = None
    stage: Stage | None = None
    untested: list[Name] = []
    executions: tuple[Name | None, Name | None] = (None, None)
    settings: int = 0
    schema: Literal[1] = 1
