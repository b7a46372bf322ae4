"""Causes in plain sentences: what each side does, and what was shown."""

from __future__ import annotations

from collections.abc import Sequence

from harness.explain.causes import Named, Tuple
from harness.explain.phrases import describe_side


def join_phrases(phrases: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`; each once."""
    ones = list(dict.fromkeys(phrases))
    return " and ".join([", ".join(ones[:-1]), ones[-1]] if ones[1:] else ones)


def show_tuple(numbers: Tuple) -> str:
    """`41-41-32`."""
    return "-".join(map(str, numbers))


def contrast_sides(causes: Sequence[Named], cells: tuple[str, str]) -> str:
    """What the second cell does, and the first."""
    first, second = cells
    theirs = join_phrases([describe_side(one.factor, one.b) for one in causes])
    ours = join_phrases([describe_side(one.factor, one.a) for one in causes])
    return f"{second} {theirs}, {first} {ours}"


def tell_undone(causes: Sequence[Named], cells: tuple[str, str], result: Tuple) -> str:
    """The first cell's values, set on the second, gave the first one's tuple."""
    what = "choice" if len(causes) == 1 else f"{len(causes)} choices"
    return (
        f"{contrast_sides(causes, cells)}; with the {what} of {cells[0]}, {cells[1]} answers"
        f" {show_tuple(result)}, too."
    )


def tell_partial(causes: Sequence[Named], cells: tuple[str, str], result: Tuple) -> str:
    """The same where the tuple comes back alone: something that no file says moves the logits, too."""
    told = tell_undone(causes, cells, result).removesuffix(" too.")
    return f"{told}, and its logits are others still: something else differs that no file says."


def tell_matched(
    causes: Sequence[Named], cells: tuple[str, str], result: Tuple, beside: int = 0, said: int = 0
) -> str:
    """Changes that nobody declared, made on the first cell, gave the second one's tuple and logits.

    Files say so many of them, and `beside` them others that are set as well.
    """
    change = "that change" if len(causes) == 1 else "these changes"
    declared = f" beside the {beside} declared" if beside else ""
    sides = contrast_sides(causes, cells)
    answer = f"{cells[0]} has the tuple {show_tuple(result)} and the logits of {cells[1]}"
    files = "no file says" if not said else f"files say {said} alone"
    return f"{sides}, {'of ' * bool(said)}which {files}; with {change}{declared} {answer}."


def tell_unstable(cell: str, said: Tuple, again: Tuple, error: float) -> str:
    """A cell that does not agree with itself; `error` is of the largest logit."""
    if said == again:
        return f"{cell} disagrees with itself: run again, its logits differ by {error:.1g} of the largest."
    tuples = f"{show_tuple(said)} in the run, {show_tuple(again)} when it was run again"
    return f"{cell} disagrees with itself: {tuples}."


def tell_traced(cell: str, said: Tuple, watched: Tuple) -> str:
    """A cell that answers otherwise while it is watched."""
    tuples = f"{show_tuple(said)}, and {show_tuple(watched)} while it is traced"
    return f"The harness changes what it watches: {cell} answers {tuples}."


def tell_shaken(cell: str, own: int, said: Tuple, other: int, result: Tuple) -> str:
    """A tuple that another number of examples at a time turns."""
    tuples = f"{show_tuple(said)} with {own} at a time, {show_tuple(result)} with {other}"
    return f"Last bits decide: {cell} answers {tuples}."


def tell_exact(cells: tuple[str, str], result: Tuple) -> str:
    """Sides that agree without rounding."""
    sides = f"{cells[0]} and {cells[1]} round the deviation of witnesses' sums to other last bits"
    return f"{sides}; added up without rounding both answer {show_tuple(result)}."


def tell_hashes(what: str, cells: tuple[str, str], names: Sequence[str] = ()) -> str:
    """Something that both have in other bytes."""
    more = f" ({', '.join(names)})" if names else ""
    return f"{cells[0]} and {cells[1]} have other {what}{more}."


def tell_pixels(cells: tuple[str, str], decoders: tuple[str, str], result: Tuple) -> str:
    """Other pixels of one file, and nothing else, turn a tuple."""
    return (
        f"{cells[1]} decodes by {decoders[1]}, {cells[0]} by {decoders[0]}, to other pixels of one file;"
        f" going on from the pixels of {cells[0]}, {cells[1]} answers {show_tuple(result)}, too."
    )


def tell_tie(cells: tuple[str, str], error: float) -> str:
    """Two classes that are nearer to each other than the cells' last bits."""
    return (
        f"{cells[0]} and {cells[1]} have the same logits but for {error:.1g} of the largest, and the two best"
        " classes are nearer than that."
    )


def tell_deviation(blob: str, cells: tuple[str, str], result: Tuple) -> str:
    """A deviation is 0 in one cell and a last bit in the other."""
    return (
        f"The deviation of {blob} is 0 but for last bits, which differ between {cells[0]} and {cells[1]};"
        f" where such a deviation counts as 0, both have the tuple {show_tuple(result)}."
    )


def tell_grafted(cells: tuple[str, str], place: tuple[str, str, str], result: Tuple) -> str:
    """The second cell's value of a blob turns the first one's tuple: the pass, the last that does not, it."""
    which, last, first = place
    but = f", and not with those of {last}," if last else ""
    return (
        f"With {cells[1]}'s values of {first} in the {which} pass{but} {cells[0]} has the tuple"
        f" {show_tuple(result)} too: that is where they part, and does not say why."
    )


def tell_unknown(cells: tuple[str, str], untested: Sequence[str]) -> str:
    """Nothing that was tried explains it."""
    rest = f"; not tried here: {', '.join(untested)}" if untested else ""
    return f"Nothing that was tried turns the tuple of {cells[1]} into that of {cells[0]}{rest}."
