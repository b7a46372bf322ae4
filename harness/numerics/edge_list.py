"""A list of examples on the edge, searched between a model's own examples; a killed search goes on."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.ami.detection import Detector, build_detector
from harness.ami.port import Port
from harness.ami.steering import Parameters
from harness.ami.witnesses import concatenate_witnesses, read_witnesses
from harness.backends import Settings, reference
from harness.core.errors import InputError
from harness.core.examples import Example, hash_file, list_examples
from harness.core.limits import MAX_NOTE_BYTES
from harness.examples.between import (
    BETWEEN,
    PLACE,
    mix_levels,
    name_convention,
    pack_array,
    read_levels,
)
from harness.model.caffemodel import read_parameters
from harness.model.folder import Model
from harness.numerics.edges import (
    WHOLE,
    Ask,
    Brackets,
    Ground,
    Show,
    Way,
    ask_all,
    ask_attribute,
    ask_order,
    ask_original,
    begin,
    count_kinds,
    draw_ways,
    find_zeros,
    halve,
    list_double,
    name_edges,
)
from harness.system.documents import read_shape
from harness.system.drafts import write_json

SEED = 1
WANTED = {"original": 35, "attribute": 30, "pool3": 20, "sigma": 15}
DRAWN_TIMES = (
    3  # as many ways are halved as edges are wanted, where not every one ends at an edge of its kind
)
ATTACK = "edge-"


@dataclass(frozen=True)
class State:
    """What is known so far: what is said of all examples, and brackets, each by its question's name."""

    answers: dict[str, list[int]] = field(default_factory=dict)
    brackets: dict[str, Brackets] = field(default_factory=dict)


@dataclass(frozen=True)
class Search:
    """A search: where (`tolerant` tests deviations so), how many edges are wanted, what is known so far."""

    ground: Ground
    tolerant: Detector
    examples: tuple[Example, ...]
    wanted: Mapping[str, int]
    place: Path
    state: State


@dataclass(frozen=True)
class Edge:
    """An edge: its kind, its way, and the place below it, in parts of `WHOLE`."""

    kind: str
    way: Way
    at: int


def open_search(model: Model, cache: Path, wanted: Mapping[str, int] = WANTED) -> Search:
    """A search among a model's own examples, as far as it came before; InputError where there are none."""
    if "default" not in model.examples:
        raise InputError(f"model {model.name}: has no examples of its own to search between")
    path, classes = model.examples["default"], model.network.logits.shape[0]
    examples = [one for one in list_examples(path, classes) if not one.is_array]
    entries = concatenate_witnesses(
        {name: read_witnesses(file, model.network) for name, file in model.witnesses.items()}, Port()
    )
    weights = dict(read_parameters(model.caffemodel, model.network))
    executor = reference.load(model.network, weights, Settings(precision="float64"))
    exact, tolerant = (
        build_detector(executor, entries, port, Parameters())
        for port in (Port(), Port(zero_sigma="relative"))
    )
    levels = [read_levels(one.path, model.preprocess) for one in examples]
    ground = Ground(exact, levels, model.preprocess)
    files = [path, model.caffemodel, model.prototxt, *model.witnesses.values()]
    facts = [hash_file(one) for one in files]
    key = hashlib.sha256(json.dumps([SEED, dict(wanted), facts]).encode()).hexdigest()
    place = cache / "edges" / f"{key[:32]}.json"
    return Search(ground, tolerant, tuple(examples), wanted, place, read_state(place))


def read_state(path: Path) -> State:
    """What a search that was killed has found; nothing where there is none, or a broken one."""
    try:
        return read_shape(path, State, MAX_NOTE_BYTES)
    except InputError:
        return State()


def find_edges(search: Search, show: Mapping[str, Show]) -> list[Edge]:
    """As many edges of each kind as are wanted; fewer where the ways that were drawn end at no more.

    `show` is told of each question how many halvings are done.
    """
    ground, found = search.ground, list[Edge]()
    ways, ends = follow(search, "original", ask_original(ground.detector), 1, show)
    found += take_edges(search, ["original"] * len(ways), ways, ends)
    ways, ends = follow(search, "attribute", ask_attribute(ground.detector), DRAWN_TIMES, show)
    found += take_edges(search, name_edges(ground, ways, ends), ways, ends)
    return found + list(find_sigma_edges(search, show))


def find_sigma_edges(search: Search, show: Mapping[str, Show]) -> Iterator[Edge]:
    """The edges at deviations of 0, from every blob as many."""
    blobs = list_double(search.ground.detector)
    for blob in blobs:
        ask = ask_order(search.ground.detector, blob)
        ways, ends = follow(search, f"sigma {blob}", ask, DRAWN_TIMES, show)
        zeros = find_zeros(search.ground, search.tolerant, ways, ends)
        chosen = [number for number, one in enumerate(zeros) if one][: share(search, f"sigma {blob}")]
        yield from (Edge("sigma", ways[number], ends.low[number]) for number in chosen)


def list_questions(search: Search) -> list[str]:
    """The names of all questions, in their order."""
    return ["original", "attribute", *(f"sigma {blob}" for blob in list_double(search.ground.detector))]


def share(search: Search, name: str) -> int:
    """How many edges a question is to find."""
    if name == "original":
        return search.wanted["original"]
    if name == "attribute":
        return search.wanted["attribute"] + search.wanted["pool3"]
    return -(-search.wanted["sigma"] // max(len(list_double(search.ground.detector)), 1))


def take_edges(
    search: Search, kinds: Sequence[str | None], ways: Sequence[Way], ends: Brackets
) -> list[Edge]:
    """The first edges of each kind that some ways end at."""
    chosen = count_kinds(kinds, {name: most for name, most in search.wanted.items() if name != "sigma"})
    return [
        Edge(kind, ways[number], ends.low[number]) for kind, numbers in chosen.items() for number in numbers
    ]


def follow(
    search: Search, name: str, ask: Ask, times: int, show: Mapping[str, Show]
) -> tuple[list[Way], Brackets]:
    """The ways of a question, and where they end."""
    answers = search.state.answers.get(name) or answer_examples(search, ask)
    search.state.answers[name] = answers
    seed = (SEED, list_questions(search).index(name))
    ways = draw_ways(answers, times * share(search, name), seed, name.removeprefix("sigma "))

    def keep(brackets: Brackets) -> None:
        search.state.brackets[name] = brackets
        write_json(search.place, dataclasses.asdict(search.state))

    start = search.state.brackets.get(name) or begin(ways)
    return ways, halve(search.ground, ways, ask, start, keep, show[name])


def answer_examples(search: Search, ask: Ask) -> list[int]:
    """What is said of all examples."""
    still = [Way(number, number) for number in range(len(search.examples))]
    return [int(one) for one in ask_all(search.ground, still, ask, [0] * len(still))]


def list_edges(search: Search, edges: Sequence[Edge], folder: Path) -> Iterator[dict[str, Any]]:
    """Lines of a list in a folder, of edges in their order."""
    numbers: dict[str, int] = {}
    for edge in edges:
        numbers[edge.kind] = numbers.get(edge.kind, 0) + 1
        first, second = (search.examples[one] for one in (edge.way.first, edge.way.second))
        ground, at = search.ground, edge.at / WHOLE
        levels = (ground.levels[edge.way.first], ground.levels[edge.way.second])
        packed = pack_array(mix_levels(*levels, at, ground.preprocess))
        name = f"{edge.kind}-{numbers[edge.kind]:04d}"
        yield {
            "id": name,
            "source": first.source,
            "attack": f"{ATTACK}{edge.kind}",
            "gold": first.gold,
            "file": f"edges/{name}.npy",
            "sha256": hashlib.sha256(packed).hexdigest(),
            "npy": name_convention(ground.preprocess),
            BETWEEN: [one.path.relative_to(folder).as_posix() for one in (first, second)],
            PLACE: at,
        }
