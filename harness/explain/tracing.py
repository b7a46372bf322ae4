"""Whether looking at a pass changes it: the same examples walked with tracing and without."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.explain.causes import Cause, Explanation, Named, Proof, Tuple
from harness.explain.counterfactual import Answers, Failure, Side
from harness.explain.errands import run_errands, trace
from harness.explain.pair import Pair, explain
from harness.explain.sentences import tell_traced
from harness.records.record import walk_records

MOST_TRACED = 3


def check_tracing(pair: Pair, examples: Sequence[str], answers: Answers) -> Iterator[Explanation]:
    """Examples whose tuple is another while a cell is watched: nothing that is seen of them counts.

    Some of those that nothing else explains are tried.
    """
    chosen = examples[:MOST_TRACED]
    if not chosen:
        return
    changed = {side.label: find_changed(side, chosen, answers) for side in (pair.b, pair.a)}
    for example in chosen:
        label = next((name for name, found in changed.items() if example in found), None)
        if label is not None:
            pair.is_watchable = False
            said, watched = changed[label][example]
            named = Named(Cause.HARNESS.value, "tracing", list(said), list(watched))
            proof = Proof("control", label, watched)
            yield explain(pair, example, "proven", [named], tell_traced(label, said, watched), proof=proof)


def find_changed(side: Side, examples: Sequence[str], answers: Answers) -> dict[str, tuple[Tuple, Tuple]]:
    """The examples whose tuple tracing changes, with both tuples."""
    (folder,) = run_errands(answers, [trace(side, examples)])
    if isinstance(folder, Failure):
        return {}
    found = {}
    for record in walk_records(folder):
        watched = record.get("watched")
        if isinstance(watched, list) and watched != [record["original"], record["attribute"]]:
            gold = int(record["gold"])
            said = (gold, int(record["original"]), int(record["attribute"]))
            found[str(record["example"])] = said, (gold, int(watched[0]), int(watched[1]))
    return found
