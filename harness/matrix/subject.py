"""What a run is about, made ready: the model converted, the examples listed and checked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.ami.errors import InputError
from harness.ami.examples import Example, check_hash, list_examples
from harness.ami.port import ATTRIBUTES
from harness.ami.witnesses import read_witnesses
from harness.matrix.cache import Hashes
from harness.matrix.gather import gather_examples
from harness.matrix.plan import Subject
from harness.model.convert import convert_model, folder_name, is_sound
from harness.model.folder import Model

Say = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    """A subject, and the files that are no examples, each with the reason."""

    subject: Subject
    refused: tuple[str, ...]


def prepare_subject(
    model: Model, places: Sequence[str], npy: str | None, cache: Path, hashes: Hashes, say: Say
) -> Prepared:
    """List and check the examples, and convert the model where that was not done yet."""
    path, refused = find_examples(model, places, npy, cache, hashes)
    classes = model.network.logits.shape[0]
    examples = check_examples(path, classes, hashes)
    check_arrays(examples, npy)
    for witnesses in model.witnesses.values():
        read_witnesses(witnesses, model.network)
    network = find_network(model, cache, hashes, say)
    subject = Subject(
        model=model.name,
        network=network,
        network_key=hashes.hash_file(network / "network.json"),
        caffemodel=model.caffemodel.resolve(),
        prototxt=model.prototxt.resolve(),
        classes=classes,
        preprocess=dataclasses.asdict(model.preprocess),
        witnesses={
            name: (model.witnesses[name].resolve(), hashes.hash_file(model.witnesses[name]))
            for name in ATTRIBUTES
        },
        examples=path.resolve(),
        examples_sha256=hashes.hash_file(path),
        example_ids=tuple(example.id for example in examples),
        npy=npy,
    )
    return Prepared(subject, refused)


def find_network(model: Model, cache: Path, hashes: Hashes, say: Say) -> Path:
    """Neutral folder of the model; a large file that is known by size and time is not read again."""
    known = hashes.recall(model.caffemodel)
    if known is not None:
        sources = {"prototxt": hashes.hash_file(model.prototxt), "caffemodel": known}
        folder = cache / "models" / folder_name(sources)
        if is_sound(folder, sources):
            return folder
    say(f"reading {model.caffemodel}")
    folder = convert_model(model.prototxt, model.caffemodel, cache / "models")
    sources = json.loads((folder / "network.json").read_text(encoding="utf-8"))["sources"]
    hashes.remember(model.caffemodel, sources["caffemodel"])
    return folder


def find_examples(
    model: Model, places: Sequence[str], npy: str | None, cache: Path, hashes: Hashes
) -> tuple[Path, tuple[str, ...]]:
    """The list of examples: one that is handed in, one made from folders, or the model's own."""
    if len(places) == 1 and places[0] in model.examples:
        return model.examples[places[0]], ()
    if len(places) == 1 and Path(places[0]).is_file():
        return Path(places[0]), ()
    if places:
        gathered = gather_examples(places, model.labels, cache, hashes, npy)
        return gathered.path, gathered.refused
    if "default" not in model.examples:
        raise InputError(f"model {model.name}: has no examples of its own; hand some in with --examples")
    return model.examples["default"], ()


def check_examples(path: Path, classes: int, hashes: Hashes) -> list[Example]:
    """Examples of a list, every file there and of its hash; files known by size and time are not read."""
    examples = list_examples(path, classes)
    for example in examples:
        check_hash(example, hashes.hash_file(example.path))
    return examples


def check_arrays(examples: Sequence[Example], npy: str | None) -> None:
    """Refuse arrays of which nobody says what they hold, before anything starts."""
    arrays = [example for example in examples if example.path.suffix.lower() == ".npy"]
    if arrays and npy is None:
        raise InputError(
            f"{arrays[0].path}: is an array, but what it holds is not said;"
            " give --npy raw-rgb, raw-bgr or bgr-minus-mean"
        )
