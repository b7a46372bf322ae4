"""Last bits in words: a tree of environments with equal ones, the orders of layers, how predictions did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from harness.report.markup import code, escape
from harness.summary.document import Summary
from harness.summary.numerics import (
    LayerSummary,
    NumericsSummary,
    OrderSummary,
    ReplaySummary,
    ScoreSummary,
    SplitSummary,
)
from harness.system.consoles import make_text
from harness.system.numbers import count
from harness.system.text import make_line

STEP = 2  # columns that a part of a part is indented


@dataclass(frozen=True)
class Branch:
    """Environments with equal bits so far; where and into what they part, unless they stay together."""

    environments: tuple[str, ...]
    split: SplitSummary | None
    parts: tuple[Branch, ...] = ()


def grow_tree(part: NumericsSummary) -> Branch:
    """The tree of all splits."""
    splits = {frozenset(name for names in one.parts for name in names): one for one in part.splits}
    return grow_branch(part.environments, splits)


def grow_branch(names: Sequence[str], splits: Mapping[frozenset[str], SplitSummary]) -> Branch:
    """The branch of some environments, which are parted once at most."""
    split = splits.get(frozenset(names))
    if split is None:
        return Branch(tuple(names), None)
    return Branch(tuple(names), split, tuple(grow_branch(one, splits) for one in split.parts))


def count_classes(part: NumericsSummary) -> str:
    """`8 classes of equal bits among 10 environments, by 9 examples`."""
    classes = 1 + sum(len(one.parts) - 1 for one in part.splits)
    environments, examples = count(len(part.environments), "environment"), count(part.examples, "example")
    words = f"{classes} class{'es' if classes != 1 else ''} of equal bits"
    return f"{words} among {environments}, by {examples}"


def tell_split(split: SplitSummary) -> str:
    """`setting precision: float32 | float64; and 3 more`: what goes with a split."""
    told = [f"{one.name}: {' | '.join(value or 'none' for value in one.values)}" for one in split.properties]
    more = [f"{split.more} more"] if split.more else []
    return "; ".join([*told, *more]) or "nothing that is known around them"


def tell_order(order: OrderSummary) -> str:
    """`local-pytorch, local-openvino: 144 one after the other …`."""
    return f"{', '.join(order.environments)}: {order.words}"


def tell_score(score: ScoreSummary) -> str:
    """`756 of 756 right; 75 said to be equal, 0 of them wrongly; 0 wrongly said to differ`."""
    right = score.total - score.wrong_equal - score.wrong_different
    equal = f"{score.equal} said to be equal, {score.wrong_equal} of them wrongly"
    return f"{right} of {score.total} right; {equal}; {score.wrong_different} wrongly said to differ"


def tell_predictions(part: NumericsSummary) -> list[str]:
    """How predictions did, of passes and of single layers."""
    return [
        f"equal bits predicted by orders, blob by blob: {tell_score(part.passes)}",
        f"the same of single layers, given the same values: {tell_score(part.single)}",
    ]


def list_asides(part: NumericsSummary) -> list[str]:
    """What else is to be said."""
    unlike = [
        f"{name}: {count(number, 'example')} ends in other bits when nobody watches"
        for name, number in part.unlike.items()
    ]
    return [*unlike, *(f"{name}: not read ({reason})" for name, reason in part.missing.items())]


def list_told(part: NumericsSummary) -> list[str]:
    """What is said below the tree."""
    return [*tell_predictions(part), *map(tell_replay, part.replays.items()), *list_asides(part)]


def tell_replay(replay: tuple[str, Sequence[ReplaySummary]]) -> str:
    """`local-pytorch: NumPy, adding in its order, has the bits of 16 of its 16 layers`, and what is left."""
    name, layers = replay
    whole = [one for one in layers if one.values and one.equal == one.values]
    others = [
        f"{', '.join(one.blob for one in group)}: {why}"
        for why, group in groupby((one for one in layers if one not in whole), key=tell_rest)
    ]
    told = f"{name}: NumPy, adding in its order, has the bits of {len(whole)} of its {len(layers)} layers"
    return f"{told} ({'; '.join(others)})" if others else told


def tell_rest(one: ReplaySummary) -> str:
    """Why a layer does not come out to the bit, or how much of it does."""
    if one.values:
        return f"{one.equal} of {one.values} values"
    return one.why or "no plain sum"


def draw_numerics(summary: Summary) -> RenderableType | None:
    """The tree and the rest, for a terminal; None where nobody asked for it."""
    return None if summary.numerics is None else draw_part(summary.numerics)


def draw_part(part: NumericsSummary, *, orders: bool = False) -> RenderableType:
    """The same of the summary's part, with the orders of all layers where these are wanted."""
    lines: list[RenderableType] = [Text(f"last bits: {count_classes(part)}", "bold")]
    lines += [indent(text, depth) for depth, text in list_branches(grow_tree(part), 1)]
    if orders:
        for names, layer in join_layers(part):
            lines.append(indent(f"{names}, {count(layer.products, 'product')}", 1))
            lines += [indent(tell_order(one), 2) for one in layer.orders]
    lines += [indent(text, 1) for text in list_told(part)]
    return Group(*lines)


def join_layers(part: NumericsSummary) -> Iterator[tuple[str, LayerSummary]]:
    """The layers with their names; those that follow each other and are added up alike as one."""
    for _, group in groupby(part.layers, key=lambda one: (one.products, one.orders)):
        layers = list(group)
        yield ", ".join(one.layer for one in layers), layers[0]


def list_branches(branch: Branch, depth: int) -> Iterator[tuple[int, str]]:
    """The tree's lines, each with its depth."""
    if branch.split is None:
        return
    whom = count(len(branch.environments), "environment")
    yield depth, f"{branch.split.blob} splits {whom}: {tell_split(branch.split)}"
    for part in branch.parts:
        yield depth + 1, ", ".join(part.environments)
        yield from list_branches(part, depth + 2)


def indent(text: str, depth: int) -> RenderableType:
    """A line at its depth."""
    return Padding(make_text(make_line(text)), (0, 0, 0, STEP * depth), expand=False)


def write_numerics(summary: Summary, budget: int) -> str:
    """The same as Markdown, in so many bytes; empty where nobody asked for it."""
    part = summary.numerics
    if part is None:
        return ""
    head = f"### Last bits: {escape(count_classes(part))}"
    lines = [
        f"{'  ' * (depth - 1)}- {escape(text, 500)}" for depth, text in list_branches(grow_tree(part), 1)
    ]
    orders = [
        f"- {code(names)}, {count(layer.products, 'product')}: {escape(tell_order(one), 500)}"
        for names, layer in join_layers(part)
        for one in layer.orders
    ]
    told = [f"- {escape(text, 500)}" for text in list_told(part)]
    kept: list[str] = []
    for line in (*told, *lines, *orders):
        if sum(len(one.encode()) + 1 for one in (*kept, line)) > budget - len(head.encode()) - 2:
            break
        kept.append(line)
    return "\n".join([head, "", *kept])
