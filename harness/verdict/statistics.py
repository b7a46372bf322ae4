"""Statistics of cells, as the summary has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from harness.diff.columns import Columns
from harness.diff.tuples import Join, is_same
from harness.evaluate.agreement import Pair, compare_pairs, compute_detected_fleiss
from harness.evaluate.rates import find_example_kinds, measure_rate, measure_tuples
from harness.summary.document import AgreementSummary, PairSummary, RatesSummary, RateSummary

SELECTED = ("accuracy", "alarms_all", "attribute_accuracy", "evasion")  # their denominators hold any Original


def measure_cells(cells: Mapping[str, Columns]) -> dict[str, RatesSummary]:
    """Rates of every environment's records, whether these can be compared or not."""
    found: dict[str, RatesSummary] = {}
    before: Columns | None = None
    for name, columns in cells.items():
        if before is None or not has_same_kinds(before, columns):
            kinds = find_example_kinds(columns.examples, columns.sources, columns.attacks)
        rates = measure_tuples(columns.tuples, columns.detected, kinds)
        found[name], before = RatesSummary.model_validate(asdict(rates)), columns
    return found


def has_same_kinds(columns: Columns, others: Columns) -> bool:
    """Whether two cells' records are of the same examples, sources and attacks in the same order."""
    names = ("examples", "sources", "attacks")
    return all(is_same(getattr(columns, name), getattr(others, name)) for name in names)


def drop_selected(rates: RatesSummary) -> RatesSummary:
    """Rates of results that were chosen by their Original, without those that this alone decides."""
    nothing = RateSummary.model_validate(asdict(measure_rate(0, 0)))
    return rates.model_copy(update=dict.fromkeys(SELECTED, nothing))


def measure_agreement(join: Join) -> AgreementSummary:
    """All cells of a join among each other."""
    pairs = compare_pairs(join.tuples, join.detected)
    return AgreementSummary(
        pairs=tuple(name_pair(join.environments, pair) for pair in pairs),
        fleiss_kappa=compute_detected_fleiss(join.detected),
    )


def name_pair(names: tuple[str, ...], pair: Pair) -> PairSummary:
    """A pair of cells by their names."""
    return PairSummary(
        first=names[pair.first],
        second=names[pair.second],
        agreement=RateSummary.model_validate(asdict(pair.agreement)),
        kappa=pair.kappa,
        only_first=pair.only_first,
        only_second=pair.only_second,
        p_value=pair.p_value,
    )
