"""The smallest sets of factors that suffice: one by one, then those that are needed, then delta debugging.

Many examples are searched at once: what all of them want to have tried next is tried together.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

Factors = frozenset[str]
Tried = Mapping[Factors, bool]
Search = Generator[list[Factors], Tried, "Minimal | None"]
Key = TypeVar("Key")
Item = TypeVar("Item")
Try = Callable[[Mapping[Key, Sequence[Factors]]], Mapping[Key, Tried]]
"""Takes which sets are to be tried on which examples; whether each of them suffices."""
MOST_ALSO = 5


@dataclass(frozen=True)
class Minimal:
    """A set that suffices, and that no longer does with any one factor less; `also` are others.

    `tried` counts the sets that it took.
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
    """Want sets tried until a smallest one is known.

    At once each factor alone, all, and all but each. A factor without which all others do not suffice is
    needed; where those that are needed suffice, they are it. Else delta debugging finds a set.
    """
    if not names:
        return None
    everything, singles = frozenset(names), [frozenset((name,)) for name in names]
    tried: dict[Factors, bool] = {}
    tried.update((yield from ask(list_first_sets(names), tried)))
    enough = [one for one in singles if tried[one]]
    if enough:
        return Minimal(enough[0], tuple(enough[1 : 1 + MOST_ALSO]), len(tried))
    if not tried[everything]:
        return None
    needed = [name for name in names if not tried.get(everything - {name}, False)]
    if len(needed) > 1:
        tried.update((yield from ask(list_less(frozenset(needed)), tried)))
    kept = needed if tried.get(frozenset(needed), False) else names
    least = yield from reduce_set(kept, tried)
    return Minimal(least, (), len(tried))


def list_first_sets(names: Sequence[str]) -> list[Factors]:
    """All factors, each alone, and all but each."""
    everything = frozenset(names)
    alone = [frozenset((name,)) for name in names]
    return list(dict.fromkeys([everything, *alone, *(one for one in list_less(everything) if one)]))


def list_less(factors: Factors) -> list[Factors]:
    """A set, and what it is without each of its factors."""
    return [factors, *(factors - {name} for name in sorted(factors))]


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


def split(ones: Sequence[Item], parts: int) -> list[list[Item]]:
    """Names, or sets, in so many parts of nearly equal length."""
    bounds = [len(ones) * number // parts for number in range(parts + 1)]
    return [list(ones[start:end]) for start, end in pairwise(bounds)]
