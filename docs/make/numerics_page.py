"""The page that docs/make/numerics.py writes, from what a run said alone."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from edges_page import write_edges
from table5_page import WIDTH, make_table, wrap

from harness.evaluate.rates import measure_rate
from harness.report.numerics import count_classes, grow_tree, join_layers, list_branches, list_told
from harness.summary.numerics import NumericsSummary
from harness.system.numbers import show_interval, show_percent

MADE = "<!-- Made by docs/make/numerics.py (`nox -s numerics`) from docs/numerics.json alone. -->"


def write_page(results: Mapping[str, Any]) -> str:
    """The page, from the results alone."""
    parts = [MADE, "# Last bits: in which order environments add up"]
    if "orders" in results:
        part = NumericsSummary(**{key: value for key, value in results["orders"].items() if key != "model"})
        parts += [
            *write_head(str(results["orders"]["model"]), part),
            *write_predictions(part),
            *write_classes(part),
            *write_orders(part),
            *write_replays(part),
        ]
    if "edges" in results:
        parts += write_edges(results["edges"])
    return "\n\n".join(map(wrap, parts)) + "\n"


def write_head(model: str, part: NumericsSummary) -> Iterator[str]:
    """What is read, and how."""
    yield (
        "Floating-point addition is not associative: two libraries that add the same products in another"
        " order come to other last bits. The order can be read from outside, after Xie et al."
        " ([FPRev](https://www.usenix.org/conference/atc25/presentation/xie), USENIX ATC 2025): all inputs"
        " of a layer are small, but for one that is very large and one that is its negative. A small"
        " product that is added to a sum while that holds the large one is lost. What comes out counts"
        " those that were added elsewhere, and so tells how large the smallest part of the sum is that"
        " holds both. `harness numerics RUN` puts such masks into every layer of the model's shapes, with"
        " one number as every weight, at the run's own batch size and threads: at all places of the output"
        " and of the batch, for all channels. It keeps what it reads as cells are kept."
    )
    yield (
        "A *signature* is a hash of what masks tell: sizes of parts for pairs of products far apart and"
        " near, where the bias is added, whether a product is rounded before it is added, whether the sum"
        " is wider than 24 bits. A layer whose output depends on values outside its window, or in which"
        " what is left is no count, is *no plain sum*: Winograd's algorithm is told so. Beside it stands a"
        " hash of what the layer makes of drawn values; it decides where there is no plain sum, and it"
        " sees what masks cannot, such as a compensated sum, which loses the same under them as a plain"
        " one."
    )
    yield "```console\n$ nox -s numerics\n```"
    yield (
        f"What follows is of the bundled model ({model}), {len(part.environments)} environments and"
        f" {part.examples} examples on one machine."
    )
    if part.missing:
        yield f"Not read here: {', '.join(part.missing)}."


def write_predictions(part: NumericsSummary) -> Iterator[str]:
    """How many predictions are right, either way."""
    yield "## What orders predict"
    yield (
        "Equal inputs and equal signatures of all layers up to a blob are said to give equal bits there; a"
        " signature that differs is said to give others, on some example. Each prediction is of a pair of"
        " environments at a blob, and is held against the bits of all examples. *Passes* are whole ones. For"
        " *single layers* all environments are given the same values before each blob, one environment's, so"
        " that those whose bits have parted long before are still held against each other; pairs of one"
        " precision."
        " *By masks alone* is the same without the drawn values."
    )
    rows = [
        write_score(name, score)
        for name, score in (
            ("passes", part.passes),
            ("single layers", part.single),
            ("single layers, by masks alone", part.masks),
        )
    ]
    yield make_table(
        ("predictions", "n", "right", "95 % interval", "said equal", "wrongly", "said to differ", "wrongly"),
        rows,
    )
    yield "Predictions of one pair depend on each other, so the intervals are narrower than they should be."


def write_score(name: str, score: Any) -> list[str]:
    """A row: how many there are, how many are right, and what is wrong either way."""
    right = score.total - score.wrong_equal - score.wrong_different
    rate = measure_rate(right, score.total)
    return [
        name,
        str(score.total),
        f"{show_percent(rate.rate, 2)} %",
        show_interval(rate.low, rate.high),
        str(score.equal),
        str(score.wrong_equal),
        str(score.total - score.equal),
        str(score.wrong_different),
    ]


def write_classes(part: NumericsSummary) -> Iterator[str]:
    """Which blob splits whom, and what goes with it."""
    yield "## Classes of equal bits"
    yield (
        f"{count_classes(part)}. A blob splits environments that had equal bits at all blobs before; beside"
        " it stands what is known around them that is the same within each part and not in all, part by part."
        " That it goes with a split does not say that it causes it."
    )
    yield "\n".join(indent(text, depth - 1) for depth, text in list_branches(grow_tree(part), 1))


def indent(text: str, depth: int) -> str:
    """A line of a list, at its depth, in lines of the documentation's width."""
    start = "  " * depth
    shape = {"break_long_words": False, "break_on_hyphens": False}
    return textwrap.fill(text, WIDTH, initial_indent=f"{start}- ", subsequent_indent=f"{start}  ", **shape)


def write_orders(part: NumericsSummary) -> Iterator[str]:
    """Who adds up each layer how."""
    yield "## Orders"
    yield (
        "Of the part of the sum that holds a layer's first product: how many products follow it one after"
        " the other, which they are (its neighbour in the kernel, or every ninth: the same place of the"
        " next channel), and how large the parts are that it is then joined to. The bias counts as one."
    )
    rows = [
        [names, str(layer.products), order.words, ", ".join(order.environments)]
        for names, layer in join_layers(part)
        for order in layer.orders
    ]
    yield make_table(("layers", "products", "order", "environments"), rows)


def write_replays(part: NumericsSummary) -> Iterator[str]:
    """How far adding up here goes."""
    if not part.replays:
        return
    whole = {
        name: sum(one.values > 0 and one.equal == one.values for one in ones)
        for name, ones in part.replays.items()
    }
    total = sum(len(ones) for ones in part.replays.values())
    yield "## Added up here"
    yield (
        "With `--replay` the whole order of every layer is read, as a tree, and NumPy adds up in it, in"
        " float32, a product that is not rounded before its addition in float64 rounded to odd (Boldo and"
        " Melquiond, 2008). The values before the layer are the environment's own. Where all values of a"
        " layer have the environment's bits, nothing but the order is in play there. One order is"
        " read for the channels that masks do not tell apart, at one output or several alike; where the order"
        " is another elsewhere, as at the ends of rows in matrix products, part of the values is right."
    )
    yield f"{sum(whole.values())} of {total} layers come out to the bit, in {len(part.replays)} environments:"
    yield "\n".join(f"- {text}" for text in list_told(part) if "NumPy, adding" in text)
