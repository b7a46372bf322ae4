"""Environments as they are read, made by hand."""

from harness.numerics.orders import Order
from harness.numerics.readings import Reading

BLOBS = ("data", "conv", "pool", "fc")


def order(blob, signature, **more):
    """How a layer adds up: one after the other, unless more is said."""
    given = {
        "kind": "Convolution", "precision": "float32", "plain": True, "why": None, "products": 27,
        "bits": f"bits {signature}", "bias": "last", "fused": True, "wide": False, "taps": tuple(range(5)),
        "row": (1, 2, 3, 4, 5),
    }  # fmt: skip
    return Order(example=blob, layer=blob, signature=signature, **{**given, **more})


def reading(name, signatures, values, examples=("e0", "e1"), **properties):
    """An environment whose `conv` and `fc` have these signatures, and whose blobs have these values."""
    orders = {blob: order(blob, one) for blob, one in zip(("conv", "fc"), signatures, strict=True)}
    hashes = {
        one: {blob: f"{one} {value}" for blob, value in zip(BLOBS, values, strict=True)} for one in examples
    }
    cell = {"job": {"settings": properties, "backend": "reference"}, "fingerprint": {"os": "here"}}
    layers = {one: {blob: hashes[one][blob] for blob in BLOBS[1:]} for one in examples}
    return Reading(name, cell, orders, hashes, layers)
