"""What a layer computes in a trace, held against its parameters: by which other ones, if by any, it does.

Every layer with parameters is a sum of products, so a trace's inputs and outputs of it tell its parameters:
one of the changes that are known to happen to them, or else the solution of as many equations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.core.network import Blob, Convolution, InnerProduct, Network, Relu
from harness.core.traces import Trace, name_plain
from harness.worker.lineage import follow_pass
from harness.worker.rounding import round_bfloat16, round_float16

MISS = 2e-5  # of the largest output: what float32's sums are off is less
MOST_UNKNOWN = 1200  # parameters of one output that are solved for
ROWS = 16  # equations a parameter, as far as there are so many
SPARE = 1.3  # equations a parameter, at least; one in five is held back to check the solution
ROUNDS = 6  # of adding places where an output is off and would be on
HELD = 0.9  # of those that have to be met: a channel that is seldom on is in few
MOST_PLACES = 4096  # of one map that are looked at

Weighted = Convolution | InnerProduct


@dataclass(frozen=True)
class Parameters:
    """A layer's weights, a row an output, and its biases."""

    weight: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Sample:
    """Inputs of a layer, a row a place, and its outputs there, (places, outputs)."""

    inputs: np.ndarray
    outputs: np.ndarray
    is_cut: bool

    def compute(self, parameters: Parameters) -> np.ndarray:
        """What parameters make of the inputs."""
        found = self.inputs @ parameters.weight.reshape(len(parameters.weight), -1).T + parameters.bias
        return np.maximum(found, 0) if self.is_cut else found

    def miss(self, parameters: Parameters) -> np.ndarray:
        """By how much each output is missed at most, as a part of the largest."""
        return abs(self.compute(parameters) - self.outputs).max(0) / (abs(self.outputs).max() or 1.0)


@dataclass(frozen=True)
class Fitted:
    """Other parameters by which a layer computes, and in words what was done to its own."""

    layer: str
    words: str
    parameters: Parameters

    def list_arrays(self) -> dict[str, np.ndarray]:
        """They by their names."""
        return {f"{self.layer}.weight": self.parameters.weight, f"{self.layer}.bias": self.parameters.bias}


def fit_layer(
    network: Network, weights: Mapping[str, np.ndarray], blob: str, trace: Trace, examples: Sequence[str]
) -> tuple[Fitted | None, bool]:
    """The parameters by which a trace's layer makes a blob, where they are others; None where none are.

    And whether no parameters do: an output is no sum of its inputs, or is negative behind a ReLU.
    """
    made = network.blobs[network.index(blob)]
    layer = made.layers[0] if made.layers else None
    if not isinstance(layer, (Convolution, InnerProduct)) or getattr(layer, "group", 1) != 1:
        return None, False
    own, sample = read_parameters(layer, weights), take_sample(network, made, layer, trace, examples)
    found = find_parameters(sample, own, layer, weights)
    return found, found is None and refute(sample, own)


def find_parameters(
    sample: Sample, own: Parameters, layer: Weighted, weights: Mapping[str, np.ndarray]
) -> Fitted | None:
    """Other parameters than a layer's own that give a sample's outputs, known ones or solved."""
    if (sample.miss(own) <= MISS).all():
        return None
    for words, other in list_known(layer, own, weights):
        if (sample.miss(other) <= MISS).all():
            return Fitted(layer.name, words, other)
    solved = solve(sample, own)
    return None if solved is None else Fitted(layer.name, describe(own, solved), solved)


def refute(sample: Sample, own: Parameters) -> bool:
    """Whether no parameters give a sample's outputs, of those that its own do not give."""
    if sample.is_cut and sample.outputs.min() < 0:
        return True
    if sample.inputs.shape[1] >= MOST_UNKNOWN:
        return False
    least = abs(sample.outputs).max() * MISS
    changed = np.flatnonzero(sample.miss(own) > MISS).tolist()
    return any(is_sum(sample, output, least) is False for output in changed)


def read_parameters(layer: Weighted, weights: Mapping[str, np.ndarray]) -> Parameters:
    """A layer's own parameters, in float64."""
    weight = np.asarray(weights[f"{layer.name}.weight"], np.float64)
    bias = weights.get(f"{layer.name}.bias", np.zeros(len(weight)))
    return Parameters(weight, np.asarray(bias, np.float64))


def take_sample(
    network: Network, blob: Blob, layer: Weighted, trace: Trace, examples: Sequence[str]
) -> Sample:
    """Inputs and outputs of a layer in both passes of some examples."""
    before = network.blobs[network.index(blob.name) - 1]
    pairs = [(name_plain(before.name), name_plain(blob.name)), *list_steered(network, blob, trace)]
    rows = [
        (
            lay_out(layer, trace.read(one, source, before.shape).astype(np.float64)),
            trace.read(one, name, blob.shape).astype(np.float64).reshape(blob.shape[0], -1).T,
        )
        for one in examples
        for source, name in pairs
    ]
    step = -(-len(rows[0][0]) // MOST_PLACES)
    inputs, outputs = (np.concatenate([one[part][::step] for one in rows]) for part in (0, 1))
    return Sample(inputs, outputs, any(isinstance(one, Relu) for one in blob.layers))


def list_steered(network: Network, blob: Blob, trace: Trace) -> Iterator[tuple[str, str]]:
    """Names of what the steered pass computed a blob of, and of what it was then."""
    visited = [one["blob"] for one in trace.index.get("visits", [])]
    for held in follow_pass(network, visited):
        source = held.source
        if held.blob == blob.name and not held.edited and held.name and source is not None and source.name:
            yield source.name, held.name


def lay_out(layer: Weighted, value: np.ndarray) -> np.ndarray:
    """A layer's input as rows that its weights are multiplied with, one a place of its output."""
    if isinstance(layer, InnerProduct):
        return value.reshape(1, -1)
    (down, across), (high, wide) = layer.dilation, layer.kernel
    padded = np.pad(value, ((0, 0), *((one, one) for one in layer.pad)))
    spans = ((high - 1) * down + 1, (wide - 1) * across + 1)
    windows = np.lib.stride_tricks.sliding_window_view(padded, spans, axis=(1, 2))
    chosen = windows[:, :: layer.stride[0], :: layer.stride[1], ::down, ::across]
    return chosen.transpose(1, 2, 0, 3, 4).reshape(chosen.shape[1] * chosen.shape[2], -1)


Change = Callable[[np.ndarray], np.ndarray]
KNOWN_WEIGHTS: tuple[tuple[str, Change], ...] = (
    ("rounded to float16", round_float16),
    ("rounded to bfloat16", lambda one: round_bfloat16(np.asarray(one, np.float32))),
    ("of outputs in reverse order", lambda one: one[::-1]),
    ("of inputs in reverse order", lambda one: one[:, ::-1]),
    ("of kernels turned round", lambda one: one[..., ::-1, ::-1] if one.ndim == 4 else one),
    ("of kernels with rows for columns", lambda one: one.swapaxes(-1, -2) if one.ndim == 4 else one),
    ("stored inputs first", lambda one: one.reshape(one.shape[1], one.shape[0], -1).swapaxes(0, 1)),
    ("negated", lambda one: -one),
    ("of 0", lambda one: one * 0),
)
"""What is known to happen to one layer's weights; their biases stay."""


def list_known(
    layer: Weighted, own: Parameters, weights: Mapping[str, np.ndarray]
) -> Iterator[tuple[str, Parameters]]:
    """What is known to happen to one layer's parameters, in words, with what becomes of them."""
    yield "without biases", Parameters(own.weight, own.bias * 0)
    for words, change in KNOWN_WEIGHTS:
        changed = np.asarray(change(own.weight), np.float64).reshape(own.weight.shape)
        yield f"with weights {words}", Parameters(changed, own.bias)
    yield "with outputs in reverse order", Parameters(own.weight[::-1], own.bias[::-1])
    yield "negated", Parameters(-own.weight, -own.bias)
    for name, values in weights.items():
        other, _, kind = name.rpartition(".")
        if kind == "weight" and other != layer.name and values.shape == own.weight.shape:
            bias = np.asarray(weights.get(f"{other}.bias", own.bias), np.float64)
            yield f"with those of {other}", Parameters(np.asarray(values, np.float64), bias)
            yield f"with weights of {other}", Parameters(np.asarray(values, np.float64), own.bias)


def solve(sample: Sample, own: Parameters) -> Parameters | None:
    """The parameters, nearest to a layer's own, that give all its outputs; None where the sample tells none.

    Most outputs have to be sums of their inputs, which equations that were held back tell. Of the others,
    which are seldom on, there are fewer equations than parameters.
    """
    if sample.inputs.shape[1] >= MOST_UNKNOWN:
        return None
    weight, bias = own.weight.reshape(len(own.weight), -1).copy(), own.bias.copy()
    changed = np.flatnonzero(sample.miss(own) > MISS).tolist()
    least = abs(sample.outputs).max() * MISS
    sure = [is_sum(sample, output, least) for output in changed]
    if not all(one is not False for one in sure) or sure.count(True) * 2 < len(sure):
        return None
    for output in changed:
        found = solve_output(sample, output, np.append(weight[output], bias[output]), least)
        weight[output], bias[output] = found[:-1], found[-1]
    solved = Parameters(weight.reshape(own.weight.shape), bias)
    return solved if (sample.miss(solved) <= MISS).all() else None


def is_sum(sample: Sample, output: int, least: float) -> bool | None:
    """Whether an output is one sum of products of its inputs everywhere; None where too few places tell."""
    rows, unknown = find_told(sample, output), sample.inputs.shape[1] + 1
    if len(rows) < SPARE * unknown:
        return None
    rows = rows[:: max(1, len(rows) // (ROWS * unknown))]
    inputs, told = with_ones(sample.inputs[rows]), sample.outputs[rows, output]
    kept = np.arange(len(rows)) % 5 > 0
    found = np.linalg.lstsq(inputs[kept], told[kept], rcond=1e-9)[0]
    return bool(np.quantile(abs(inputs[~kept] @ found - told[~kept]), HELD) <= least)


def find_told(sample: Sample, output: int) -> np.ndarray:
    """The places that tell an output's sum: where it is on."""
    told = sample.outputs[:, output]
    return np.flatnonzero(told > 0) if sample.is_cut else np.arange(len(told))


def with_ones(inputs: np.ndarray) -> np.ndarray:
    """Inputs with a column that a bias is multiplied with."""
    return np.hstack([inputs, np.ones((len(inputs), 1))])


def solve_output(sample: Sample, output: int, own: np.ndarray, least: float) -> np.ndarray:
    """One output's weights and bias, nearest to its own; where it is off, its sum is not above 0."""
    told, inputs = sample.outputs[:, output], with_ones(sample.inputs)
    rows, found = find_told(sample, output), own
    for _ in range(ROUNDS):
        chosen = rows[:: max(1, len(rows) // (ROWS * len(own)))]
        left = told[chosen] - inputs[chosen] @ own
        found = own + np.linalg.lstsq(inputs[chosen], left, rcond=1e-9)[0]
        wrong = np.flatnonzero((inputs @ found > least) & (told <= 0)) if sample.is_cut else np.array([], int)
        if not len(wrong):
            break
        rows = np.union1d(rows, wrong)
    return found


def describe(own: Parameters, solved: Parameters) -> str:
    """What was done to a layer's own parameters, in words."""
    ours, theirs = (one.weight.reshape(len(one.weight), -1) for one in (own, solved))
    changed = np.flatnonzero(abs(ours - theirs).max(1) > 1e-3 * abs(ours).max())
    scales = (ours * theirs).sum(1) / np.maximum((ours**2).sum(1), 1e-30)
    is_scaled = abs(theirs - scales[:, None] * ours).max() <= 1e-3 * abs(theirs).max()
    which = "" if len(changed) in (0, len(ours)) else f" in outputs {', '.join(map(str, changed[:5]))}"
    if is_scaled and len(changed) and np.ptp(scales[changed]) <= 1e-3 * abs(scales[changed]).max():
        scale = float(scales[changed].mean())
        return f"with weights {'negated' if abs(scale + 1) < 1e-3 else f'times {scale:.4g}'}{which}"
    return f"with others{which}"
