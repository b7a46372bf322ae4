"""A model's masked twin: its network with the weights that orders are read with, as files of every form."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from harness.core.examples import hash_file
from harness.core.network import Network
from harness.core.network_files import NETWORK_FILE, read_network
from harness.examples.subject import Say, Subject
from harness.model.caffemodel import write_caffemodel
from harness.model.convert import convert_model
from harness.model.prototxt import write_prototxt
from harness.model.state import State
from harness.system.drafts import hold_draft, replace_folder, write_atomically
from harness.system.manifest import find_change, write_manifest
from harness.worker.masks import BIAS, WEIGHT, make_parameter

PROTOTXT, CAFFEMODEL, EXAMPLES = "deploy.prototxt", "masked.caffemodel", "examples.jsonl"
KEY_DIGITS = 16
NO_EXAMPLE = {
    "id": "no-example", "source": "no-example", "attack": "benign", "gold": 0, "file": "none",
    "sha256": "0" * 64,
}  # fmt: skip


def mask_subject(subject: Subject, cache: Path, say: Say) -> Subject:
    """A subject whose network has a model's shapes and the weights of masks, made unless it is there.

    It names no example, so that cells on it are the same whatever is run.
    """
    network = read_network(subject.network)
    text = write_prototxt(network)
    key = hashlib.sha256(f"{WEIGHT} {BIAS} {text}".encode()).hexdigest()[:KEY_DIGITS]
    folder = cache / "models" / f"masked-{key}"
    if not folder.is_dir() or find_change(folder) is not None:
        say(f"writing {subject.model} with the weights of masks")
        write_files(folder, network, text)
    caffemodel, prototxt = folder / CAFFEMODEL, folder / PROTOTXT
    neutral = convert_model(prototxt, caffemodel, cache / "models", say=say)
    return replace(
        subject,
        network=neutral,
        network_key=hash_file(neutral / NETWORK_FILE),
        caffemodel=caffemodel,
        prototxt=prototxt,
        witnesses={},
        examples=folder / EXAMPLES,
        examples_sha256=hash_file(folder / EXAMPLES),
        example_ids=(),
        npy=None,
        only=(),
        state=State(),
    )


def write_files(folder: Path, network: Network, text: str) -> None:
    """The twin's files, in a folder that appears when it is complete."""
    with hold_draft(folder.parent) as draft:
        write_atomically(draft / PROTOTXT, text)
        shapes = network.parameter_shapes()
        write_caffemodel(
            draft / CAFFEMODEL, network, {name: make_parameter(name, one) for name, one in shapes.items()}
        )
        write_atomically(draft / EXAMPLES, json.dumps(NO_EXAMPLE) + "\n")
        write_manifest(draft)
        replace_folder(draft, folder)
