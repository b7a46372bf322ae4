"""The running rate that AmI's notebooks print, held against the two rules by which they count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from harness.logs.notebook_log import Result

Rule = Literal["all", "fooled"]
Count = tuple[int, int]

RULES: dict[Rule, str] = {
    "all": "detected examples of all examples",
    "fooled": "detected examples with Original other than Gold, of such examples",
}


@dataclass(frozen=True)
class Oddity:
    """A result whose printed rate follows no rule; `expected` has each rule's hits and denominator.

    `carried` says that it is the line before that went wrong: the step from there to here follows a rule.
    """

    line: int
    number: int
    printed: str
    expected: dict[Rule, Count]
    carried: bool


@dataclass(frozen=True)
class RateCheck:
    """The rules that hold in every line, in how many lines each holds, and the lines in which none does."""

    holds: tuple[Rule, ...]
    kept: dict[Rule, int]
    oddities: tuple[Oddity, ...]


def check_rates(results: Sequence[Result]) -> RateCheck:
    """Hold every printed rate against what each rule gives for the results up to there."""
    expected = {rule: count_running(results, rule) for rule in RULES}
    follows = {
        rule: [
            (one.hits, one.of) == count and is_rounded(one)
            for one, count in zip(results, counts, strict=True)
        ]
        for rule, counts in expected.items()
    }
    odd = [not any(kept) for kept in zip(*follows.values(), strict=True)]
    return RateCheck(
        holds=tuple(rule for rule in RULES if all(follows[rule])),
        kept={rule: sum(one) for rule, one in follows.items()},
        oddities=tuple(
            describe_oddity(results, place, expected, follows_odd=place > 0 and odd[place - 1])
            for place, is_odd in enumerate(odd)
            if is_odd
        ),
    )


def count_running(results: Sequence[Result], rule: Rule) -> list[Count]:
    """Hits and denominator after each result, by a rule."""
    counted = [int(rule == "all" or one.original != one.gold) for one in results]
    detected = [int(one.original != one.attribute) for one in results]
    hits = [one * hit for one, hit in zip(counted, detected, strict=True)]
    return list(zip(accumulate(hits), accumulate(counted), strict=True))


def is_rounded(one: Result) -> bool:
    """Whether the printed rate is its hits over its denominator in as many decimals; 0 of 0 prints 0."""
    exact, digits = one.hits / one.of if one.of else 0.0, one.rate.removesuffix("%")
    if digits != one.rate:
        exact *= 100
    decimals = len(digits.partition(".")[2])
    # Printing rounds to the nearest; binary fractions near the middle may go either way.
    return abs(float(digits) - exact) <= 0.5 * 10**-decimals + 1e-12


def describe_oddity(
    results: Sequence[Result], place: int, expected: Mapping[Rule, Sequence[Count]], *, follows_odd: bool
) -> Oddity:
    """A result whose printed rate follows no rule, and whether the one before does not either."""
    one = results[place]
    return Oddity(
        line=one.line,
        number=one.number,
        printed=f"{one.rate} [{one.hits}/{one.of}]",
        expected={rule: counts[place] for rule, counts in expected.items()},
        carried=follows_odd
        and is_rounded(one)
        and any(is_step(results, place, counts) for counts in expected.values()),
    )


def is_step(results: Sequence[Result], place: int, counts: Sequence[Count]) -> bool:
    """Whether the printed counts go on from the result before as a rule's do."""
    one, before = results[place], results[place - 1]
    hits, of = counts[place][0] - counts[place - 1][0], counts[place][1] - counts[place - 1][1]
    return (one.hits - before.hits, one.of - before.of) == (hits, of)
