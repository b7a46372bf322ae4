"""Where last bits are a cause: the first layer that two environments do not add up alike."""

from __future__ import annotations

from pathlib import Path

import msgspec

from harness.core.errors import InputError
from harness.explain.causes import Cause, Explanation
from harness.explain.counterfactual import Answers, Failure
from harness.explain.pair import Pair
from harness.numerics.orders import find_parting, read_orders, tell_parting

ROUNDED = (Cause.NUMERICS.value, Cause.ALGORITHM.value)


def tell_orders(pair: Pair, found: Explanation, answers: Answers) -> Explanation:
    """An explanation, with the layer where last bits are a cause of it; its verdict stays as it is."""
    if all(one.cause not in ROUNDED for one in found.causes):
        return found
    if pair.names not in answers.partings:
        answers.partings[pair.names] = find_layer(pair, answers)
    said = answers.partings[pair.names]
    return found if said is None else msgspec.structs.replace(found, sentence=f"{found.sentence} {said}")


def find_layer(pair: Pair, answers: Answers) -> str | None:
    """What is said of a pair's first layer that is not added up alike; None where there is none, or no means.

    Orders are those of the environments, each at its own batch size, and are kept as cells are.
    """
    environments = (pair.a.environment, pair.b.environment)
    is_here = pair.a.trace is None and pair.b.trace is None
    if answers.read_orders is None or not is_here or environments[0].name == environments[1].name:
        return None
    try:
        folders = answers.read_orders(environments)
    except InputError as error:  # what was explained stands without it
        folders = [Failure(str(error))] * len(environments)
    answers.executions += sum(isinstance(one, Path) for one in folders)
    for name, one in zip(pair.names, folders, strict=True):
        if isinstance(one, Failure):
            pair.untested.append(f"{name}: order of addition ({one.reason})")
    told = [read_orders(one) for one in folders if isinstance(one, Path)]
    parting = find_parting(told[0], told[1], list(told[0])) if len(told) == len(environments) else None
    if parting is None:
        return None
    return f"The first layer that they do not add up alike: {tell_parting(parting, pair.names)}."
