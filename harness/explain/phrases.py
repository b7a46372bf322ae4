"""What a side does about a factor, in words: a phrase for every choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

PHRASES: dict[str, dict[Any, str]] = {
    "port.channel_order": {
        "model": "feeds channels in the model's order",
        "reversed": "feeds channels in reverse order",
    },
    "port.mean": {
        "model": "subtracts the model's mean",
        "swapped": "subtracts the mean with red and blue exchanged",
        "none": "subtracts no mean",
    },
    "port.value_range": {"0-255": "feeds levels from 0 to 255", "0-1": "feeds levels from 0 to 1"},
    "port.fit": {"squash": "resizes the whole image", "centre-crop": "crops the middle square"},
    "port.resize": {"model": "resizes by the model's kernel"},
    "port.resize_when": {
        "height-differs": "resizes images of another height",
        "size-differs": "resizes images of another height or width",
    },
    "port.npy": {
        "as-is": "feeds arrays as they are",
        "to-bgr": "turns arrays to BGR",
        "convert": "converts arrays to the network's input",
    },
    "port.quantise": {
        "none": "feeds stored pixels unrounded",
        "round": "rounds stored pixels to whole levels",
        "truncate": "cuts stored pixels to whole levels",
    },
    "port.duplicates": {
        "sequential": "strengthens a witness at each mention, its sum read again",
        "product": "strengthens a witness at each mention by its first sum",
        "product-per-attribute": "strengthens a witness once for each attribute, by its first sum",
        "distinct": "strengthens a witness once",
    },
    "port.arithmetic": {
        "numpy": "adds up as NumPy does",
        "torch": "adds up as torch does",
        "term-by-term": "adds up term by term",
        "exact": "adds up without rounding",
    },
    "port.ddof": {0: "takes the population's deviation", 1: "takes the sample's deviation"},
    "port.zero_sigma": {
        "exact": "takes a deviation for 0 where it is 0",
        "relative": "takes a deviation for 0 where it is small",
    },
    "port.blob_value": {
        "after-relu": "steers blobs after their ReLU",
        "before-relu": "steers blobs before their ReLU",
    },
    "port.pool3_channels": {
        "weakened": "resizes those channels of pool3 that it weakens",
        "all": "resizes all channels of pool3",
        "none": "resizes no channel of pool3",
    },
    "port.pool3_when": {
        "after-statistics": "resizes pool3 after its statistics",
        "before-statistics": "resizes pool3 before its statistics",
    },
    "port.fc": {"steered": "steers fc6 and fc7", "skipped": "leaves fc6 and fc7 unsteered"},
    "port.fed_on": {True: "feeds steered values on", False: "drops steered values"},
    "pooling": {"ceil": "rounds pooled sizes up", "floor": "rounds pooled sizes down"},
    "flatten": {"nchw": "flattens maps channel by channel", "nhwc": "flattens maps pixel by pixel"},
    "settings.graph_optimisation": {
        True: "optimises the network's graph",
        False: "leaves the network's graph as it is",
    },
    "settings.tf32": {True: "computes in TF32", False: "computes without TF32"},
    "settings.winograd": {True: "convolves by Winograd", False: "convolves directly"},
}
"""What a side does, by factor and value."""


def show_list(value: Any) -> str:
    """`leye, nose`, of files' names the attributes; `1.5, 2`."""
    ones = value if isinstance(value, (list, tuple)) else [value]
    return ", ".join(show_value(one) for one in ones)


def show_value(value: Any) -> str:
    """A value as people write it."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value).removesuffix("_witness.txt")


def show_order(value: Any) -> str:
    """In which order blobs are visited."""
    if value == "network" or not value:
        return "visits blobs in network order"
    if value == "listing":
        return "visits blobs in the order of its listing"
    return f"visits blobs in the order in which {show_list(value)} are listed"


def show_labels(value: Any) -> str:
    """What is done to labels."""
    if value == "sorted":
        return "sorts its labels"
    return f"counts its labels from {value}"


def show_hashes(value: Any) -> str:
    """Beginnings of witness files' hashes."""
    return ", ".join(f"{name} {text}" for name, text in dict(value).items())


WAYS: dict[str, Callable[[Any], str]] = {
    "port.resize": lambda value: f"resizes by the {value} kernel",
    "port.pool3_kernel": lambda value: f"resizes pool3 by the {value} kernel",
    "port.order": show_order,
    "port.listing": lambda value: (
        f"reads witness files in the order {show_list(value) or 'of the attributes'}"
    ),
    "parameters.alpha": lambda value: f"has alpha {show_value(value)}",
    "parameters.beta": lambda value: f"has beta {show_value(value)}",
    "parameters.epsilon": lambda value: f"has epsilon {show_value(value)}",
    "preprocess.channel_order": lambda value: f"feeds {str(value).upper()}",
    "preprocess.mean": lambda value: f"subtracts the mean {show_list(value)}",
    "preprocess.scale": lambda value: f"multiplies levels by {show_value(value)}",
    "preprocess.resize": lambda value: f"resizes by the {value} kernel",
    "witnesses": lambda value: f"has the witnesses {show_hashes(value)}",
    "npy": lambda value: f"takes arrays for {value or 'what their list says'}",
    "decoder": lambda value: f"decodes by {value}",
    "batch_size": lambda value: f"walks {value} at a time",
    "settings.precision": lambda value: f"computes in {value}",
    "network": lambda value: f"has the network {str(value).rsplit('/', 1)[-1]}",
    "weights": lambda value: f"has weights in {value}",
    "weights.bias": lambda value: "has no biases" if value == "0" else "has its biases",
    "weights.fc": lambda value: f"reads the weights of fully connected layers {value}",
    "rounding": lambda value: f"computes layers in {value}",
    "labels": show_labels,
    "packages": lambda value: f"has {show_list(value) or 'no packages'}",
    "settings.threads": lambda value: f"runs on {value} thread{'s' * (value != 1)}",
    "deviation": lambda value: f"rounds deviations as {value} does",
    "backend": lambda value: f"runs {value}",
    "image": lambda value: f"runs in image {value}",
    "launcher": lambda value: f"runs in {value}",
    "python": lambda value: f"runs on Python {value}",
}
"""The same for values that are not few."""


def describe_side(factor: str, value: Any) -> str:
    """What a side does about a factor, without a subject."""
    found = PHRASES.get(factor, {})
    if isinstance(value, (str, int)) and value in found:
        return found[value]
    if factor in WAYS:
        return WAYS[factor](value)
    table, _, name = factor.partition(".")
    if table == "variables":
        return f"has no {name}" if value is None else f"has {name}={value}"
    if table == "weights":
        return f"has the weights of {name} {show_value(value)}"
    return f"has {name or factor} {show_value(value)}"
