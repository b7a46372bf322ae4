"""How much of a change each factor accounts for: Shapley values, whose parts add up to the whole.

Source: Shapley, A value for n-person games, 1953; sampling by orders: Castro et al., Computers & Operations
Research 36, 2009, each order taken together with its reverse.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

MOST_EXACT = 8  # factors; 256 subsets
PAIRS = 32  # of drawn orders, above that
CONFIDENCE = 0.95

Subset = frozenset[str]


@dataclass(frozen=True)
class Share:
    """What one factor adds to a rate, in the rate's unit; with an interval where orders were sampled."""

    factor: str
    share: float
    low: float | None = None
    high: float | None = None


def list_sets(factors: Sequence[str], pairs: int = PAIRS, seed: int = 0) -> list[Subset]:
    """The sets of factors whose rates are needed: all of up to 8 factors, else those of drawn orders."""
    if len(factors) <= MOST_EXACT:
        return list_subsets(factors)
    return list_prefixes(draw_orders(factors, pairs, seed))


def share_values(
    factors: Sequence[str], values: Mapping[Subset, float], pairs: int = PAIRS, seed: int = 0
) -> tuple[Share, ...]:
    """Shares of the change from no factor set to all of them, by the rates with those sets.

    Exact up to 8 factors; above, the mean over `pairs` drawn orders and their reverses, with a 95 % interval
    (Student's t).
    """
    if len(factors) <= MOST_EXACT:
        return share_exactly(factors, values)
    return share_by_orders(factors, draw_orders(factors, pairs, seed), values)


def list_subsets(factors: Sequence[str]) -> list[Subset]:
    """Every subset, smaller ones first."""
    sizes = range(len(factors) + 1)
    return [frozenset(chosen) for size in sizes for chosen in itertools.combinations(factors, size)]


def share_exactly(factors: Sequence[str], values: Mapping[Subset, float]) -> tuple[Share, ...]:
    """Mean of what each factor adds, over all orders in which factors can be set."""
    return tuple(Share(factor, add_up(factor, factors, values)) for factor in factors)


def add_up(factor: str, factors: Sequence[str], values: Mapping[Subset, float]) -> float:
    """One factor's Shapley value."""
    others = [other for other in factors if other != factor]
    return math.fsum(
        (values[chosen | {factor}] - values[chosen]) / (len(factors) * math.comb(len(others), len(chosen)))
        for chosen in list_subsets(others)
    )


def draw_orders(factors: Sequence[str], pairs: int, seed: int) -> list[tuple[str, ...]]:
    """Orders of the factors, each followed by its reverse."""
    source = random.Random(seed)  # noqa: S311 - a sample, no secret
    drawn = [tuple(source.sample(factors, len(factors))) for _ in range(pairs)]
    return [order for one in drawn for order in (one, one[::-1])]


def list_prefixes(orders: Iterable[Sequence[str]]) -> list[Subset]:
    """Every set that some order goes through, once."""
    sets = (frozenset(order[:size]) for order in orders for size in range(len(order) + 1))
    return list(dict.fromkeys(sets))


def share_by_orders(
    factors: Sequence[str], orders: Sequence[Sequence[str]], values: Mapping[Subset, float]
) -> tuple[Share, ...]:
    """Mean of what each factor adds over drawn orders, an even number of them, two and two together."""
    gains = {factor: [find_gain(factor, order, values) for order in orders] for factor in factors}
    return tuple(average(factor, gains[factor]) for factor in factors)


def find_gain(factor: str, order: Sequence[str], values: Mapping[Subset, float]) -> float:
    """What a factor adds to those before it."""
    place = order.index(factor)
    return values[frozenset(order[: place + 1])] - values[frozenset(order[:place])]


def average(factor: str, gains: Sequence[float]) -> Share:
    """Mean of gains, with an interval over pairs (an order, its reverse), which are drawn independently."""
    pairs = [(one + other) / 2 for one, other in zip(gains[::2], gains[1::2], strict=True)]
    mean = math.fsum(pairs) / len(pairs)
    if len(pairs) == 1:
        return Share(factor, mean)
    from scipy import special  # of more than eight factors alone, and slow to import

    variance = math.fsum((pair - mean) ** 2 for pair in pairs) / (len(pairs) - 1)
    reach = float(special.stdtrit(len(pairs) - 1, (1 + CONFIDENCE) / 2)) * math.sqrt(variance / len(pairs))
    return Share(factor, mean, mean - reach, mean + reach)
