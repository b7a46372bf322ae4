"""What docs/numerics.md says of examples on the edge, from what runs said alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from table5_page import make_table

from harness.system.numbers import count, show_interval, show_percent

Data = Mapping[str, Any]
FACTOR_WORDS = {
    "threads": "one thread and two",
    "batch": "batches of the usual size and of one",
    "blas": "`OPENBLAS_CORETYPE`",
    "isa": "`ONEDNN_MAX_CPU_ISA`",
    "graph": "graph optimisation on and off",
    "winograd": "direct convolutions and Winograd's",
}
KINDS = ("original", "attribute", "pool3", "sigma")
WAY_WORDS = {"margins": "", "trace": "--trace", "shake": "--shake"}


def write_edges(part: Data) -> Iterator[str]:
    """The whole part."""
    yield "## Examples on the edge"
    yield (
        "The list `--examples fragile` has inputs whose tuples hang on the last bits"
        " ([how they are found](bundled-model.md#on-the-edge)). They were run in four backends, and in each"
        f" with one thing changed: {part['cells']} cells on one machine. Below, `real` are the"
        f" {part['examples']['default']} examples that a matrix runs by default. Intervals are exact"
        " (Clopper and Pearson), of 95 %."
    )
    yield "```console\n$ nox -s edges\n$ harness matrix --examples fragile\n```"
    yield from write_flips(part)
    yield from write_explained(part)
    yield from write_foretold(part)
    yield from write_margins(part)


def write_flips(part: Data) -> Iterator[str]:
    """How often a factor flips a tuple."""
    yield "### How often what flips a tuple"
    kinds = ", ".join(f"{part['kinds'][kind][0]} of {part['kinds'][kind][1]} `{kind}`" for kind in KINDS)
    yield (
        f"Of {part['examples']['fragile']} examples on the edge {part['diverging']['fragile']} are not the"
        f" same in all cells ({kinds}); of the real ones {part['diverging']['default']} are not."
    )
    head = ("between", "flips on the edge", *(f"`{kind}`" for kind in KINDS), "flips of real ones")
    rows = [
        [f"`{one['cells'][0]}`: {FACTOR_WORDS[one['factor']]}", *list_flips(one)] for one in part["factors"]
    ]
    rows += [[f"`{one['cells'][0]}` and `{one['cells'][1]}`", *list_flips(one)] for one in part["backends"]]
    yield make_table(head, rows)


def list_flips(one: Data) -> list[str]:
    """The cells of a row."""
    return [
        show_share(one["fragile"]),
        *(str(one["kinds"].get(kind, 0)) for kind in KINDS),
        show_share(one["default"]) if "default" in one else "not run",
    ]


def show_share(share: Sequence[float]) -> str:
    """Hits of how many, with the interval in percent."""
    if len(share) == 2:
        return f"{share[0]} of {share[1]}"
    return f"{share[0]} of {share[1]} ({show_interval(share[2], share[3])} %)"


def write_explained(part: Data) -> Iterator[str]:
    """What the explainer says of them."""
    yield "### What `harness explain` says of them"
    ones = [one for one in part["explained"] if one["diverging"]]
    total = {
        name: sum(one["verdicts"].get(name, 0) for one in ones)
        for name in ("proven", "consistent", "unknown")
    }
    told = ", ".join(f"{number} {name}" for name, number in total.items())
    number = sum(one["diverging"] for one in ones)
    yield (
        f"Of {count(number, 'divergence')} between two cells: {told}; it took"
        f" {count(part['executions'], 'execution')} in all. Where one thing was changed, a copy of one cell"
        " with the other's value has the other's tuple (a bridge). Two backends have no such copy: there"
        " batch size, sums without rounding and a tolerant test of deviations are tried on both sides."
    )
    head = ("between", "diverge", "proven", "consistent", "unknown", "named")
    yield make_table(head, [list_explained(one) for one in ones])


def list_explained(one: Data) -> list[str]:
    """The cells of a row."""
    verdicts = [str(one["verdicts"].get(name, 0)) for name in ("proven", "consistent", "unknown")]
    causes = "; ".join(
        f"{name} {number}" for name, number in sorted(one["factors"].items(), key=lambda item: -item[1])
    )
    cells = " and ".join(f"`{name}`" for name in one["cells"])
    return [cells, str(one["diverging"]), *verdicts, causes]


def write_foretold(part: Data) -> Iterator[str]:
    """What one cell foretells."""
    yield "### What `harness fragile` foretells from one cell"
    total = part["foretold"][0]["examples"]
    yield (
        f"Of all {total} examples: those that it says are within noise, held against those that are not the"
        " same in all cells. Margins tell nothing of a sum at the mean (`pool3`), which a trace does."
    )
    head = ("from", "options", "precision", "recall", "missed")
    rows = [
        [
            f"`{one['cell']}`",
            f"`{WAY_WORDS[one['way']]}`" if WAY_WORDS[one["way"]] else "",
            show_share(one["precision"]),
            show_share(one["recall"]),
            ", ".join(f"{number} `{kind}`" for kind, number in sorted(one["missed"].items())),
        ]
        for one in part["foretold"]
    ]
    yield make_table(head, rows)


DISTANCES = {
    "moved": "margins, over what cells moved them",
    "margins": "margins and deviations near zero, by `harness fragile`",
    "trace": "the same and pool3's sums (`--trace`)",
}


def write_margins(part: Data) -> Iterator[str]:
    """How near an edge real examples are."""
    yield "### How near an edge real examples are"
    noise, number = part["noise"], part["examples"]["default"]
    worst = max(noise["cells"], key=noise["cells"].get)
    yield (
        f"Margins of the {number} real examples, in both passes, differ from float64's by at most"
        f" {noise['largest']:.1e} of the largest logit (`{worst}`; median {noise['median']:.1e})."
        f" `harness fragile` takes {noise['limit']:g} of it for noise; more move"
        f" {show_share(noise['beyond'])} in some cell, without another tuple. An example's *distance* is what"
        " would have to move, over noise: the most that any cell moved this very margin, or what"
        " `harness fragile` takes for it."
    )
    quantiles = list(part["margins"]["margins"]["quantiles"])
    head = ("distance ÷ noise", *(name_quantile(float(one)) for one in quantiles), "within noise")
    yield make_table(head, [list_distances(part["margins"][way], way, quantiles) for way in DISTANCES])
    yield from (conclude(part["margins"][way], DISTANCES[way], part) for way in ("margins", "trace"))
    nearest = part["margins"]["moved"]["nearest"]
    yield (
        f"In no cell did a margin move by more than its {nearest['reach']:.3g}th part"
        f" (`{nearest['example']}`: {nearest['why']}): by so much do the {number} real examples stay the same"
        " in these cells. It is no bound for other machines, whose last bits may put a sum of pool3 on the"
        " other side of the mean."
    )


def list_distances(one: Data, way: str, quantiles: Sequence[str]) -> list[str]:
    """The cells of a row."""
    return [
        DISTANCES[way],
        *(f"{one['quantiles'][name]:.3g}" for name in quantiles),
        show_share(one["within"]),
    ]


def name_quantile(share: float) -> str:
    """What heads a column of the table of distances."""
    return "nearest" if not share else f"{show_percent(share, 0)} % are below"


def conclude(one: Data, name: str, part: Data) -> str:
    """What follows from how many are near."""
    rate, low, high = one["rate"]
    number = part["examples"]["default"]
    return (
        f"By {name}: {show_share(one['near'])} are within {one['wide']:g} times the noise. Where distances so"
        f" short are evenly spread, one example like these is within noise with a chance of {rate:.1e}"
        f" ({low:.1e} to {high:.1e}), so that of {number} such examples {rate * number:.2g}"
        f" ({low * number:.2g} to {high * number:.2g}) may come out differently elsewhere."
        f" The nearest is `{one['nearest']['example']}`: {one['nearest']['why']}."
    )
