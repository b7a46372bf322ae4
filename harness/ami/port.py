"""A port: every choice in which implementations of AmI are known to differ."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Dict, Mapping, Tuple

from harness.core.errors import InputError

ATTRIBUTES = ("leye", "reye", "nose", "mouth")


@dataclass(frozen=True)
class Port:
    """The pipeline choices of one implementation; the defaults are the published notebook's.

    Input choices are read by `preprocess`, steering choices by `steering`, order by `detection`.
    """

    channel_order: str = "model"
    mean: str = "model"
    value_range: str = "0-255"
    fit: str = "squash"
    resize: str = "model"
    resize_when: str = "height-differs"
    npy: str = "as-is"
    quantise: str = "none"
    duplicates: str = "sequential"
    arithmetic: str = "numpy"
    ddof: int = 0
    zero_sigma: str = "exact"
    blob_value: str = "after-relu"
    pool3_channels: str = "weakened"
    pool3_kernel: str = "bicubic"
    pool3_when: str = "after-statistics"
    fc: str = "steered"
    fed_on: bool = True
    order: str = "network"
    listing: Tuple[str, ...] = ()


CHOICES: Dict[str, Tuple[Any, ...]] = {
    "channel_order": ("model", "reversed"),
    "mean": ("model", "swapped", "none"),
    "value_range": ("0-255", "0-1"),
    "fit": ("squash", "centre-crop"),
    "resize": ("model", "bicubic", "bilinear", "nearest"),
    "resize_when": ("height-differs", "size-differs"),
    "npy": ("as-is", "to-bgr", "convert"),
    "quantise": ("none", "round", "truncate"),
    "duplicates": ("sequential", "product", "product-per-attribute", "distinct"),
    "arithmetic": ("numpy", "torch", "term-by-term", "exact"),
    "ddof": (0, 1),
    "zero_sigma": ("exact", "relative"),
    "blob_value": ("after-relu", "before-relu"),
    "pool3_channels": ("weakened", "all", "none"),
    "pool3_kernel": ("bicubic", "bilinear"),
    "pool3_when": ("after-statistics", "before-statistics"),
    "fc": ("steered", "skipped"),
    "fed_on": (True, False),
    "order": ("network", "listing"),
}

PRESETS: Dict[str, Dict[str, Any]] = {
    "notebook": {},
    # Its network takes RGB: it reverses a stored array, and Caffe's frame reverses it back.
    "pytorch-port": {
        "duplicates": "product-per-attribute",
        "arithmetic": "torch",
        "pool3_channels": "all",
        "pool3_kernel": "bilinear",
        "pool3_when": "before-statistics",
        "listing": ("leye", "reye", "mouth", "nose"),
    },
}
DEFAULT_PORT = "notebook"
TORCH = "pytorch"  # the backend whose arrays are torch's


def read_port(preset: str, rules: Mapping[str, Any]) -> Port:
    """A preset with some rules replaced; InputError for an unknown preset, rule or choice."""
    if preset not in PRESETS:
        raise InputError(f"port {preset!r}: unknown; there are {', '.join(PRESETS)}")
    merged = {**PRESETS[preset], **rules}
    names = [field.name for field in dataclasses.fields(Port)]
    for rule, choice in merged.items():
        if rule not in names:
            raise InputError(f"port {preset}: unknown rule {rule!r}; the rules are {', '.join(names)}")
        if rule in CHOICES and not any(
            choice == known and type(choice) is type(known) for known in CHOICES[rule]
        ):
            allowed = ", ".join(repr(known) for known in CHOICES[rule])
            raise InputError(f"port {preset}: {rule} = {choice!r} is unknown; choose one of {allowed}")
    listing = merged.get("listing", ())
    if not isinstance(listing, (list, tuple)) or not all(isinstance(name, str) for name in listing):
        raise InputError(f"port {preset}: listing = {listing!r}; it must be a list of witness files' names")
    port = Port(**{**merged, "listing": tuple(listing)})
    check_port(preset, port)
    return port


def fit_rules(preset: str, rules: Mapping[str, Any], backend: str) -> Dict[str, Any]:
    """Rules with NumPy's arithmetic where a preset has torch's and the backend has no torch.

    InputError where torch's are asked for outright.
    """
    asked = rules.get("arithmetic", PRESETS.get(preset, {}).get("arithmetic"))
    if asked != "torch" or backend == TORCH:
        return dict(rules)
    if "arithmetic" in rules:
        raise InputError(
            f"port {preset}: arithmetic = 'torch' needs backend {TORCH}, not {backend}; choose 'numpy'"
        )
    return {**rules, "arithmetic": "numpy"}


def check_port(preset: str, port: Port) -> None:
    """Refuse rules that contradict each other."""
    if port.pool3_channels == "weakened" and port.pool3_when == "before-statistics":
        raise InputError(
            f"port {preset}: pool3_when = 'before-statistics' cannot know which channels are weakened;"
            " set pool3_channels = 'all'"
        )
    needed = port.order == "listing" or port.listing
    if needed and sorted(listed_attributes(port.listing)) != sorted(ATTRIBUTES):
        raise InputError(
            f"port {preset}: order = {port.order!r} with listing = {list(port.listing)}; listing is the four"
            f" witness files in the order in which they are read, one each for {', '.join(ATTRIBUTES)}"
        )


def listed_attributes(listing: Tuple[str, ...]) -> Tuple[str, ...]:
    """Attributes of witness file names: `nose_witness.txt`, `nose_neurons.txt` and `nose` all mean nose."""
    return tuple(str(name).split("_", 1)[0].split(".", 1)[0] for name in listing)


def port_to_json(port: Port) -> Dict[str, Any]:
    """Every rule and its choice, as plain data."""
    return {**dataclasses.asdict(port), "listing": list(port.listing)}
