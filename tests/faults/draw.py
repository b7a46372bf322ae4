"""Faults drawn at random: every kind that is known to happen, with its parameters; one seed, one fault."""

from dataclasses import dataclass, replace

import numpy as np

from faults.draw_inputs import INPUTS
from faults.draw_networks import NETWORKS
from faults.draw_steering import STEERING
from faults.models import MODELS, choose_model
from faults.networks import REFERENCE
from faults.place import Place
from faults.planting import Fault


@dataclass(frozen=True)
class Drawn:
    """A fault that was drawn: its number, its kinds, the model that it is planted beside."""

    number: int
    kinds: tuple[str, ...]
    model: str
    fault: Fault


KINDS = {**INPUTS, **NETWORKS, **STEERING}
"""Every kind of fault, and what draws one."""
BACKENDS = ("reference",) * 8 + ("pytorch", "onnxruntime", "openvino", "opencv")


def draw_fault(seed, number, kinds=None, models=tuple(MODELS)):
    """The fault of a number: kinds take turns, so that all are drawn alike often."""
    names = list(kinds or KINDS)
    kind = names[number % len(names)]
    rng = np.random.default_rng([seed, number])
    model = choose_model(rng, models)
    fault = KINDS[kind](Place(rng, MODELS[model]))
    return Drawn(number, (kind,), model, finish(fault, rng, f"{kind} {seed}-{number}"))


def finish(fault, rng, name):
    """A fault with its name, in one of the backends that its edits reach."""
    backend = BACKENDS[int(rng.integers(len(BACKENDS)))]
    reaches = all(one.module != REFERENCE for one in fault.edits) and fault.witnesses == "witnesses"
    is_plain = fault.examples != "ties"
    return replace(fault, name=name, backend=backend if reaches and is_plain else "reference")


def draw_pair(seed, number, models=tuple(MODELS)):
    """Two faults of two kinds at once, of which neither is in the other's edits."""
    rng = np.random.default_rng([seed, number, 2])
    model = choose_model(rng, models)
    while True:
        kinds = tuple(sorted(rng.choice(PAIRED, 2, replace=False).tolist(), key=list(KINDS).index))
        one, other = (KINDS[kind](Place(rng, MODELS[model])) for kind in kinds)
        if fits(one, other):
            both = replace(
                one,
                causes=tuple(sorted((*one.causes, *other.causes))),
                edits=(*one.edits, *other.edits),
                value=None,
                examples="default",
                stage="",
            )
            name = f"{' and '.join(kinds)} {seed}-{number}"
            return Drawn(number, kinds, model, finish(both, rng, name))


ALONE = (
    "another decoder",
    "dropout left on",
    "mean and scale",
    "zero is what is small",
    "deviation of the sample",
)
"""Kinds that are not paired: others hide them, or they are two already."""
BOUND = ("sizes", "arrays", "jpeg")


def is_paired(kind):
    """Whether a kind has a cause of its own in pictures of the network's size."""
    fault = KINDS[kind](Place(np.random.default_rng(0), MODELS["faces"]))
    return kind not in ALONE and bool(fault.causes) and fault.examples not in BOUND


PAIRED = [kind for kind in KINDS if is_paired(kind)]


def fits(one, other):
    """Whether two faults can be planted together, and are told apart."""
    places = {(edit.module, edit.old) for edit in one.edits} & {
        (edit.module, edit.old) for edit in other.edits
    }
    return not places and not set(one.causes) & set(other.causes) and one.witnesses == other.witnesses
