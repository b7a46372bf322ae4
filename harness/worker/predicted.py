"""What a partial trace should hold by some rules: each value from the nearest ones before it that it holds.

What it does not hold is computed, in float64, with what rounding can come to by then. Where it holds nothing
before a value, the example's own file is where that comes from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence

import numpy as np

from harness.ami.preprocess import prepare_array, prepare_image
from harness.core.decode import decode_array, decode_image
from harness.core.examples import Example, read_file
from harness.core.network import Blob, Relu
from harness.core.traces import name_plain, name_steered
from harness.worker.lineage import Held, follow_pass
from harness.worker.trials import Trial
from harness.worker.truth import Judge, Truth, compute_blobs, take_given
from harness.worker.visited import PARTS, Visited

UNIT = 2.0**-24 + 2.0**-53  # of float32, in which the programs of others compute
STORED = {"float16": 2.0**-11, "bfloat16": 2.0**-8}  # half a unit in the last place of what they keep
COLUMNS = ("mean", "deviation", "minimum")
ZERO = 1e-6  # of the mean: below it a deviation is one of last bits
LAST_BIT = 1e-7  # of the mean: what a deviation of 0 may come to in float32
PATTERNS = 3


@dataclass(frozen=True)
class Rules:
    """By what is predicted: a patched job with its network and parameters, and how others may round.

    With `winograd` as that algorithm errs; with `last_bits` a deviation of 0 is one of last bits.
    """

    trial: Trial
    weights: Mapping[str, np.ndarray]
    winograd: bool = False
    last_bits: bool = False

    @property
    def judge(self) -> Judge:
        """Parameters and roundings."""
        return Judge(self.weights, UNIT, self.winograd)

    @property
    def blobs(self) -> Sequence[Blob]:
        """The walk's blobs, from the input to the logits."""
        network = self.trial.network
        return network.blobs[: network.index(network.logits.name) + 1]

    def pass_blobs(self, places: Sequence[int], given: Truth) -> Truth:
        """The last of some blobs that follow each other, from the value before them."""
        for place in places:
            covered = self.trial.covered.get(self.blobs[place - 1].name)
            given = given if covered is None else crop(given, covered)
            given = compute_blobs([self.blobs[place]], given, self.judge)
        return given


def crop(given: Truth, shape: Sequence[int]) -> Truth:
    """The part of a value that whole windows cover."""
    _, height, width = shape
    value, bound, scale = (one[:, :height, :width] for one in (given.value, given.bound, given.scale))
    return Truth(value, bound, scale, given.own)


@dataclass(frozen=True)
class Dump:
    """What a partial trace holds of one example: arrays, and of some the kind as which they were kept."""

    arrays: Mapping[str, np.ndarray]
    stored: Mapping[str, str]


@dataclass
class Case:
    """One example of a partial trace under some rules, and what was computed of it so far."""

    rules: Rules
    dump: Dump
    example: Example
    steps: List[Held] = field(default_factory=list)
    plain: Dict[int, Truth] = field(default_factory=dict)
    steered: Dict[Held, Truth] = field(default_factory=dict)
    visits: Dict[Held, Dict[str, Truth]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        trial = self.rules.trial
        self.steps = follow_pass(trial.network, [one.blob for one in trial.visits])

    def find(self, name: str, shape: Optional[Sequence[int]] = None) -> Optional[np.ndarray]:
        """An array that the trace holds; None where it holds none, or one of another shape."""
        values = self.dump.arrays.get(name)
        return values if shape is None or values is None or values.shape == tuple(shape) else None

    def take(self, name: str, values: np.ndarray) -> Truth:
        """A value of the trace as it is given, with what was rounded when it was kept."""
        unit = STORED.get(self.dump.stored.get(name, ""), 0.0)
        given = take_given(values)
        return widen(given, unit * abs(given.value)) if unit else given


def widen(truth: Truth, spread: np.ndarray) -> Truth:
    """A truth that may be off by so much more."""
    return Truth(truth.value, truth.bound + spread, np.hypot(truth.scale, spread), truth.own)


def prepare_pixels(case: Case) -> np.ndarray:
    """What the example's own file holds."""
    data = read_file(case.example)
    return decode_array(data) if case.example.is_array else decode_image(data, case.rules.trial.job.decoder)


def predict_input(case: Case) -> Truth:
    """The network's input, of the trace's pixels or else of the example's file."""
    job, pixels = case.rules.trial.job, case.find("pixels")
    pixels = prepare_pixels(case) if pixels is None else pixels
    if case.example.is_array:
        value = prepare_array(pixels, str(case.example.npy or job.npy), job.preprocess, job.port)
    else:
        value = prepare_image(pixels, job.preprocess, job.port)
    given = take_given(value)
    return widen(given, UNIT * abs(given.value) + UNIT * 255 * job.preprocess.scale)


def name_blob(case: Case, place: int) -> Optional[str]:
    """The array of a blob's plain value that the trace holds; None where it holds none.

    Where layers have blobs of their own, what has no negative value is of the ReLU, whoever it is named by.
    """
    blob, blobs = case.rules.blobs[place], case.rules.blobs
    name = "input" if place == 0 else name_plain(blob.name)
    values = case.find(name, blob.shape)
    if values is not None:
        after = place + 1 < len(blobs) and name_plain(blobs[place + 1].name)
        is_other = after and is_activation(case, place + 1) and values.min() >= 0
        return None if is_other else name
    if place and is_activation(case, place):
        name = name_plain(blobs[place - 1].name)
        values = case.find(name, blob.shape)
        return name if values is not None and values.min() >= 0 else None
    return None


def is_activation(case: Case, place: int) -> bool:
    """Whether a blob is a ReLU's alone, as where layers have blobs of their own."""
    layers = case.rules.blobs[place].layers
    is_alone = len(layers) == 1 and isinstance(layers[0], Relu)
    return is_alone and case.rules.trial.job.port.blob_value == "before-relu"


def reach_plain(case: Case, place: int) -> Truth:
    """A blob's value in the plain pass: the trace's, or what follows from what it holds before."""
    begin = place
    while begin > 0 and begin not in case.plain and name_blob(case, begin) is None:
        begin -= 1
    for at in range(begin, place + 1):
        if at not in case.plain:
            name = name_blob(case, at)
            values = None if name is None else case.find(name)
            case.plain[at] = (
                case.take(name, values) if name and values is not None else predict_plain(case, at)
            )
    return case.plain[place]


def predict_plain(case: Case, place: int) -> Truth:
    """A blob's value in the plain pass by the rules, whatever the trace holds there."""
    if place == 0:
        return predict_input(case)
    return case.rules.pass_blobs([place], reach_plain(case, place - 1))


def find_source(case: Case, place: int) -> int:
    """The nearest blob before one whose plain value the trace holds; -1 where it holds none."""
    return next((at for at in range(place - 1, -1, -1) if name_blob(case, at) is not None), -1)


def name_held(case: Case, held: Held) -> Optional[str]:
    """The array of a value of the steered pass that the trace holds; None where it holds none."""
    if held.name is None:
        return None
    shape = case.rules.trial.network.blobs[case.rules.trial.network.index(held.blob)].shape
    return next((one for one in list_names(case, held) if case.find(one, shape) is not None), None)


def list_names(case: Case, held: Held) -> List[str]:
    """Names that a value may have: whoever looks at a blob once has what the pass went on with."""
    name, taken = str(held.name), {one.name for one in case.steps}
    place, blobs, bare = find_place(case, held.blob), case.rules.blobs, name_steered(held.blob)
    other = {bare: f"{bare}/after", f"{bare}/after": bare}.get(name)
    names = [name, *([other] if other is not None and other not in taken else [])]
    if place + 1 < len(blobs) and is_activation(case, place + 1):
        return [one for one in names if not is_rectified(case, one)]
    if other is not None and place and is_activation(case, place):
        before = name_steered(blobs[place - 1].name)
        names += [one for one in (before, f"{before}/after") if is_rectified(case, one)]
    return names


def is_rectified(case: Case, name: str) -> bool:
    """Whether an array that the trace holds has no negative value."""
    values = case.find(name)
    return values is not None and not name.endswith("/before") and bool(values.min() >= 0)


def is_steered(held: Held) -> bool:
    """Whether any visit lies before a value, or made it."""
    one: Optional[Held] = held
    while one is not None:
        if one.edited:
            return True
        one = one.source
    return False


def reach_steered(case: Case, held: Held) -> Truth:
    """A value of the steered pass: the trace's, or what follows from what it holds before."""
    chain: List[Held] = []
    one: Optional[Held] = held
    while one is not None and one not in case.steered:
        chain.append(one)
        one = None if name_held(case, one) is not None or not is_steered(one) else one.source
    for step in reversed(chain):
        case.steered[step] = take_held(case, step)
    return case.steered[held]


def take_held(case: Case, held: Held) -> Truth:
    """A value of which those before it are known."""
    name = name_held(case, held)
    values = None if name is None else case.find(name)
    if name is not None and values is not None:
        return case.take(name, values)
    return predict_steered(case, held) if is_steered(held) else reach_plain(case, find_place(case, held.blob))


def find_place(case: Case, blob: str) -> int:
    """A blob's place on the walk."""
    return case.rules.trial.network.index(blob)


def predict_steered(case: Case, held: Held) -> Truth:
    """A value of the steered pass by the rules, whatever the trace holds there."""
    if held.edited:
        return predict_visit(case, held)["after"]
    place = find_place(case, held.blob)
    if held.source is None or not is_steered(held):
        return predict_plain(case, place)
    given = reach_steered(case, held.source)
    return case.rules.pass_blobs(range(find_place(case, held.source.blob) + 1, place + 1), given)


def predict_visit(case: Case, held: Held) -> Dict[str, Truth]:
    """Every part of a visit by the rules: each from those before it that the trace holds, or that follow."""
    if held not in case.visits:
        assert held.source is not None
        case.visits[held] = follow_visit(case, held, reach_steered(case, held.source))
    return case.visits[held]


def follow_visit(case: Case, held: Held, before: Truth) -> Dict[str, Truth]:
    """The same of the value that it found."""
    trial = case.rules.trial
    steering = next(one for one in trial.visits if one.blob == held.blob)
    parts, spreads, truths = {"before": before.value}, {"before": before.scale}, dict[str, Truth]()
    for part, find in PARTS:
        visited = Visited(steering, trial.job.port, trial.job.parameters, UNIT, parts)
        with np.errstate(all="ignore"):
            truths[part] = find_part(visited, find, spreads)
        if part == "deviation" and case.rules.last_bits:
            truths[part] = take_last_bits(truths[part], parts["mean"])
        if part == "deviation" and is_zero(truths[part], parts["mean"]):
            truths[part] = take_given(truths[part].value)  # what is 0 or not is no matter of how far off
        shape = truths[part].value.shape
        name = f"{name_steered(held.blob)}/{part}"
        values = case.find(name, shape)
        known = truths[part] if values is None else case.take(name, values)
        parts, spreads = {**parts, part: known.value}, {**spreads, part: known.scale}
    return truths


def is_zero(truth: Truth, mean: np.ndarray) -> bool:
    """Whether a deviation is 0 but for last bits."""
    return float(truth.value[0]) <= ZERO * float(abs(mean[0]))


def take_last_bits(truth: Truth, mean: np.ndarray) -> Truth:
    """A deviation of 0 as float32 may have it."""
    return take_given(LAST_BIT * abs(mean)) if is_zero(truth, mean) else truth


def find_part(visited: Visited, find: Callable[[Visited], Truth], spreads: Mapping[str, np.ndarray]) -> Truth:
    """A part, which is off as well by what those before it may be off."""
    truth = find(visited)
    if not any(one.any() for one in spreads.values()):
        return truth
    moved = [find(shake(visited, spreads, pattern)).value - truth.value for pattern in range(PATTERNS)]
    return widen(truth, np.nan_to_num(np.max(np.abs(moved), axis=0)))


def shake(visited: Visited, spreads: Mapping[str, np.ndarray], pattern: int) -> Visited:
    """A visit whose parts are off by one deviation each, all upwards or in directions drawn at random."""
    signs = np.random.default_rng(pattern)
    parts = {}
    for name, values in visited.parts.items():
        spread = spreads[name]
        signed: Any = spread if pattern == 0 else spread * signs.choice((-1.0, 1.0), spread.shape)
        parts[name] = values + signed
    return Visited(visited.steering, visited.port, visited.parameters, visited.unit, parts)
