"""The smallest sets of factors that suffice: one by one, two by two, then by delta debugging.

Many examples are searched at once: what all of them want to have tried next is tried together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import TypeVar

Factors = frozenset[str]
Tried = Mapping[Factors, bool]
Search = Generator[list[Factors], Tried, "Minimal | None"]
Key = TypeVar("Key")
Try = Callable[[Mapping[Key, Sequence[Factors]]], Mapping[Key, Tried]]
"""Takes which sets are to be tried on which examples; whether each of them suffices."""
MOST_PAIRS = 28  # of eight factors; beyond, pairs cost more than delta debugging
MOST_ALSO = 5


@dataclass(frozen=True)
class Minimal:
    """A set that suffices, and that no longer does with any one factor less; `also` are others.

    Nothing smaller suffices where it is of one or two factors. `tried` counts the sets that it took.
    """

    factors: Factors
    also: tuple[Factors, ...] = ()
    tried: int = 0


def minimise_all(factors: Mapping[Key, Sequence[str]], try_sets: Try[Key]) -> dict[Key, Minimal | None]:
    """Search of every example; None where not even all factors together suffice."""
    searches = {key: search(names) for key, names in factors.items()}
    found: dict[Key, Minimal | None] = {}
    wanted = {key: step for key, one in searches.items() if (step := advance(key, one, None, found))}
    while wanted:
        answers = try_sets(wanted)
        steps = ((key, advance(key, searches[key], answers[key], found)) for key in wanted)
        wanted = {key: step for key, step in steps if step}
    return found


def advance(
    key: Key, one: Search, answers: Tried | None, found: dict[Key, Minimal | None]
) -> list[Factors] | None:
    """What a search wants tried next; None where it has ended, and found what it found."""
    try:
        return next(one) if answers is None else one.send(answers)
    except StopIteration as end:
        found[key] = end.value
        return None


def search(names: Sequence[str]) -> Search:
    """Want sets tried until a smallest one is known."""
    tried: dict[Factors, bool] = {}
    everything = frozenset(names)
    if not names:
        return None
    for size in (1, 2):
        sets = combine(names, size)
        tried.update((yield from ask([everything, *sets], tried)))
        enough = [one for one in sets if tried[one]]
        if enough:
            return Minimal(enough[0], tuple(enough[1 : 1 + MOST_ALSO]), len(tried))
        if not tried[everything] or len(combine(names, 2)) > MOST_PAIRS:
            break
    if not tried[everything]:
        return None
    least = yield from reduce_set(names, tried)
    return Minimal(least, (), len(tried))


def combine(names: Sequence[str], size: int) -> list[Factors]:
    """All sets of so many names."""
    return [frozenset(one) for one in combinations(names, size)]


def ask(sets: Sequence[Factors], tried: Tried) -> Generator[list[Factors], Tried, dict[Factors, bool]]:
    """Want those sets tried that were not tried before; what all of them came to."""
    unknown = [one for one in dict.fromkeys(sets) if one not in tried]
    answers = (yield unknown) if unknown else {}
    return {one: answers[one] if one in answers else tried[one] for one in sets}


def reduce_set(names: Sequence[str], tried: dict[Factors, bool]) -> Generator[list[Factors], Tried, Factors]:
    """Delta debugging (Zeller's ddmin) from all factors, which suffice, to a set without one to spare."""
    kept, parts = list(names), 2
    while len(kept) > 1:
        chunks = split(kept, parts)
        rests = [[name for name in kept if name not in chunk] for chunk in chunks]
        sets = [*map(frozenset, chunks), *map(frozenset, rests)]
        tried.update((yield from ask([one for one in sets if one], tried)))
        smaller = next((one for one in chunks if tried[frozenset(one)]), None)
        less = next((one for one in rests if one and tried[frozenset(one)]), None)
        if smaller is not None and len(smaller) < len(kept):
            kept, parts = smaller, 2
        elif less is not None:
            kept, parts = less, max(parts - 1, 2)
        elif parts >= len(kept):
            break
        else:
            parts = min(2 * parts, len(kept))
    return frozenset(kept)


def split(names: Sequence[str], parts: int) -> list[list[str]]:
    """Names in so many parts of nearly equal length."""
    bounds = [len(names) * number // parts for number in range(parts + 1)]
    return [list(names[start:end]) for start, end in pairwise(bounds)]
