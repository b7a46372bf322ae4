"""What a run is about, made ready: the model converted, the examples listed and checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.ami.port import ATTRIBUTES, DEFAULT_PORT
from harness.ami.witnesses import read_witnesses
from harness.core.arrays import NPY_CONVENTIONS
from harness.core.errors import InputError
from harness.core.examples import Example, check_hash, list_examples
from harness.core.network_files import read_notes
from harness.examples.between import fill_list
from harness.examples.conventions import AUTO
from harness.examples.gather import Gathered, check_list, gather_examples
from harness.examples.layouts import is_table
from harness.model.convert import convert_model, find_flaw, folder_name, name_sources
from harness.model.folder import Model
from harness.model.state import State
from harness.model.witness_files import choose_set, note_others
from harness.system.cache import HashCache, read_state

Say = Callable[[str], None]


@dataclass(frozen=True)
class PreparedSubject:
    """A subject, the files that are no examples, each with the reason, and what else is to be said.

    `held` are the conventions of its arrays.
    """

    subject: Subject
    refused: tuple[str, ...]
    notes: tuple[str, ...] = ()
    held: tuple[str, ...] = ()


def prepare_subject(
    model: Model,
    places: Sequence[str],
    npy: str | None,
    cache: Path,
    hashes: HashCache,
    say: Say,
    ports: Sequence[str] = (DEFAULT_PORT,),
) -> PreparedSubject:
    """List and check the examples, and convert the model where that was not done yet.

    Witnesses are those of `ports`, the presets that cells run.
    """
    found = find_examples(model, places, npy, cache, hashes)
    classes = model.network.logits.shape[0]
    path, npy = found.path, None if npy == AUTO else npy
    examples = check_examples(path, classes, hashes)
    check_arrays(examples, npy)
    witnesses = {port: take_witnesses(model, port, hashes) for port in ports}
    network = find_network(model, cache, hashes, say)
    subject = Subject(
        model=model.name,
        network=network,
        network_key=hashes.hash_file(network / "network.json"),
        caffemodel=model.caffemodel.resolve(),
        prototxt=model.prototxt.resolve(),
        classes=classes,
        preprocess=dataclasses.asdict(model.preprocess),
        witnesses=witnesses,
        examples=path.resolve(),
        examples_sha256=hashes.hash_file(path),
        example_ids=tuple(example.id for example in examples),
        npy=npy,
        state=model.state,
    )
    held = dict.fromkeys(one.npy or npy for one in examples if one.is_array)
    notes = (*model.notes, *note_others(model.witness_sets, ports), *found.notes)
    return PreparedSubject(subject, found.refused, notes, tuple(one for one in held if one))


def take_witnesses(model: Model, port: str, hashes: HashCache) -> dict[str, tuple[Path, str]]:
    """Place and hash of the witness files that a port runs with; InputError where one does not fit."""
    files = choose_set(model.witness_sets, port).files
    for path in files.values():
        read_witnesses(path, model.network)
    return {name: (files[name].resolve(), hashes.hash_file(files[name])) for name in ATTRIBUTES}


def list_notes(prepared: PreparedSubject) -> list[str]:
    """What is to be said of the examples before and after they are run."""
    return [*note_refused(prepared.refused), *prepared.notes]


def note_refused(refused: Sequence[str], most: int = 20) -> list[str]:
    """What to say of files that are no examples."""
    if not refused:
        return []
    more = [f"  and {len(refused) - most} more"] if len(refused) > most else []
    return [
        f"refused files, which are no examples: {len(refused)}",
        *(f"  {one}" for one in refused[:most]),
        *more,
    ]


def find_network(model: Model, cache: Path, hashes: HashCache, say: Say) -> Path:
    """Neutral folder of the model; a large file that is known by size and time is not read again."""
    known = hashes.recall(model.caffemodel)
    if known is not None:
        sources = name_sources(hashes.hash_file(model.prototxt), known, model.state)
        folder = cache / "models" / folder_name(sources)
        if find_flaw(folder, sources, model.network) is None:
            return folder
    say(f"reading {model.caffemodel}")
    before = read_state(model.caffemodel)
    folder = convert_model(model.prototxt, model.caffemodel, cache / "models", state=model.state, say=say)
    hashes.remember(model.caffemodel, read_notes(folder)["sources"]["caffemodel"], before)
    return folder


def find_examples(
    model: Model, places: Sequence[str], npy: str | None, cache: Path, hashes: HashCache
) -> Gathered:
    """The list of examples: one that is handed in, one made from folders, or the model's own."""
    listed = find_list(model, places)
    if listed is None:
        return gather_examples(places, model.labels, model.preprocess, cache, hashes, npy)
    filled = fill_list(listed, model.preprocess, cache)
    return check_list(filled, model.network.logits.shape[0], model.preprocess, cache, npy)


def find_list(model: Model, places: Sequence[str]) -> Path | None:
    """The list of examples that exists; None where it is to be made from folders."""
    if len(places) == 1 and places[0] in model.examples:
        return model.examples[places[0]]
    if len(places) == 1 and Path(places[0]).is_file() and not is_table(Path(places[0])):
        return Path(places[0])
    if places:
        return None
    if "default" not in model.examples:
        raise InputError(f"model {model.name}: has no examples of its own; hand some in with --examples")
    return model.examples["default"]


def check_examples(path: Path, classes: int, hashes: HashCache) -> list[Example]:
    """Examples of a list, every file there and of its hash; files known by size and time are not read."""
    examples = list_examples(path, classes)
    for example in examples:
        check_hash(example, hashes.hash_file(example.path))
    return examples


def check_arrays(examples: Sequence[Example], npy: str | None) -> None:
    """Refuse arrays of which nobody says what they hold, or two say different things, before the start."""
    for example in examples:
        if example.is_array and (example.npy or npy) is None:
            raise InputError(
                f"{example.path}: is an array, but what it holds is not said;"
                f" give --npy {', '.join(NPY_CONVENTIONS)} or {AUTO}"
            )
        if npy is not None and example.npy not in (None, npy):
            raise InputError(
                f"{example.path}: --npy {npy}, but its list says that it holds {example.npy}; leave --npy out"
            )


@dataclass(frozen=True)
class Subject:
    """What is run in every environment: a model and examples, with the hashes of all they are made of.

    `examples` is the whole list even where `only` some are asked for, in its order. `witnesses` are by port
    and attribute; there are none where they are to be extracted.
    """

    model: str
    network: Path
    network_key: str
    caffemodel: Path | None
    prototxt: Path | None
    classes: int
    preprocess: Mapping[str, Any]
    witnesses: Mapping[str, Mapping[str, tuple[Path, str]]]
    examples: Path
    examples_sha256: str
    example_ids: tuple[str, ...]
    npy: str | None = None
    only: tuple[str, ...] | None = None
    state: State = field(default_factory=State)
