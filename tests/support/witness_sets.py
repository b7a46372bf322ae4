"""Extractions for tests, made of a small network and noise, without images."""

import nets
import numpy as np

from harness.ami.extraction import select_witnesses
from harness.core.network_files import network_to_json

NETWORK = nets.face_like_network()
WIDTHS = {blob.name: blob.shape[0] for blob in NETWORK.span("data", "fc7")}
FACES = ("ann", "ben", "cas")


def draw_differences(seed=0, attributes=("leye", "mouth")):
    """Differences by (attribute, blob, mutation), in which channel 1 is a witness and channel 2 is none."""
    rng, found = np.random.default_rng(seed), {}
    for attribute in attributes:
        for blob, width in WIDTHS.items():
            for kind in ("substitution", "preservation"):
                values = rng.uniform(1, 3, (len(FACES), width)).astype(np.float32)
                values[:, 1] = 4 if kind == "substitution" else 0.5
                values[:, 2] = 0.25
                found[attribute, blob, kind] = values
    return found


def make_records(differences):
    """Records as the worker writes them."""
    records = []
    for attribute, blob in dict.fromkeys((attribute, blob) for attribute, blob, _ in differences):
        kinds = {kind: differences[attribute, blob, kind] for kind in ("substitution", "preservation")}
        chosen = select_witnesses(kinds["substitution"], kinds["preservation"])
        values = {kind: array.tolist() for kind, array in kinds.items()}
        records.append({"attribute": attribute, "blob": blob, "witnesses": chosen, **values})
    return records


def make_cell(environment="a", attributes=("leye", "mouth"), **job):
    """What the worker says of such an extraction."""
    pairs = {
        attribute: {
            kind: [f"{attribute}/{kind}/{face}" for face in FACES]
            for kind in ("substitution", "preservation")
        }
        for attribute in attributes
    }
    inputs = {"base": {"file": "1", "pixels": "2", "input": "3"}}
    settings = {"threads": 1, "precision": "float32"}
    return {
        "schema": 1,
        "status": "done",
        "job": {
            "environment": environment,
            "backend": "reference",
            "decoder": "pillow",
            "batch_size": 8,
            "settings": settings,
            "extraction": {"base": "base", "pairs": pairs},
            **job,
        },
        "hashes": {"parameters": {"fc6.bias": "0"}, "inputs": inputs},
        "network": network_to_json(NETWORK),
    }
