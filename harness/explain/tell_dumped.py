"""What is said of a dump: an explanation that is consistent at best, and its ladder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from harness.core.traces import Trace, name_plain, name_steered
from harness.dumps.layouts import measure as measure_distance
from harness.dumps.targets import PIXELS
from harness.explain.causes import Cause, Explanation, Named, Stage, Tuple, Verdict
from harness.explain.counterfactual import Side
from harness.explain.dumped import Account, Step
from harness.explain.ladders import Ladder, Rung
from harness.explain.libjpegs import is_jpeg, tell_missing
from harness.explain.noise import LIMIT, Finding
from harness.explain.predict import Dumped, is_beyond, is_loose
from harness.explain.sentences import contrast_sides, join_phrases, show_tuple
from harness.system.numbers import count

ABSENT = "not in the dump"
NOT_RUN = "nothing was run there, so it is consistent with the dump and not proven"
VISIT = ("before", "sums", "mean", "deviation", "minimum", "weakened", "factors", "after")
MOST_OPEN = 4
SAME = 1e-5  # of a value's size: what is no farther off differs by rounding alone


def read_tuple(ours: Side, trace: Trace, example: str) -> Tuple | None:
    """The tuple of a dump: as it says, or else as its logits do; None where either is not there."""
    said, last = trace.examples[example], list(trace.blobs)[-1]
    logits = (trace.find(example, name) for name in (name_plain(last), name_steered(last)))
    winners = [None if one is None else int(np.argmax(one)) for one in logits]
    original, attribute = (
        said.get(name, own) for name, own in zip(("original", "attribute"), winners, strict=True)
    )
    if original is None or attribute is None:
        return None
    return int(said.get("gold", ours.read_tuple(example)[0])), int(original), int(attribute)


def name_changes(account: Account) -> list[Named]:
    """All changes as causes."""
    return [one.name_done() for one in account.changes]


def explain_dump(
    dumped: Dumped, account: Account, names: tuple[str, str], command: str
) -> Explanation | None:
    """Why a dump's values are others; None where they are not, and nor is its tuple."""
    ours, example = dumped.side, dumped.example
    theirs = read_tuple(ours, dumped.trace, example)
    causes = name_changes(account)
    if not (causes or account.opened) and theirs in (None, ours.read_tuple(example)):
        return None
    verdict: Verdict = "unknown" if account.opened else "consistent"
    if not (causes or account.opened):
        causes = [Named(Cause.NUMERICS.value, "backend", str(ours.job["backend"]), "of its own")]
    record = ours.records[example]
    first = account.steps[0] if account.steps else None
    return Explanation(
        example=example,
        source=record.get("source"),
        attack=record.get("attack"),
        cells=names,
        tuples=(ours.read_tuple(example), theirs),
        verdict=verdict,
        causes=causes,
        also=[] if first is None else [[one.name_done() for one in item] for item in first.also],
        stage=find_first(account),
        untested=list_untested(dumped, account),
        sentence=tell(dumped, account, names, theirs),
        command=command,
        executions=(ours.execution, None),
    )


def list_untested(dumped: Dumped, account: Account) -> list[str]:
    """What cannot be told here of pixels that no decoder of the harness gives."""
    path, missing = dumped.answers.find_file(dumped.example), tell_missing()
    is_open = PIXELS in account.opened and path is not None and is_jpeg(path)
    return [missing] if missing is not None and is_open else []


def find_first(account: Account) -> Stage | None:
    """The first stage that was off, as it was before anything was accounted for."""
    first = next((one for one in account.begun if is_beyond(one)), None)
    return None if first is None else measure(first)


def measure(finding: Finding) -> Stage:
    """A finding in terms of noise."""
    noise, deviations = finding.get("noise"), finding.get("deviations")
    return Stage(
        finding["stage"],
        finding.get("error"),
        None if noise is None else LIMIT * noise,
        None if deviations is None else deviations / LIMIT,
    )


def tell(dumped: Dumped, account: Account, names: tuple[str, str], theirs: Tuple | None) -> str:
    """One sentence for each change, for what is left, and for how far all that goes."""
    total = sum(not is_loose(one) for one in account.findings)
    parts = [tell_step(step, names) for step in account.steps]
    parts += list(tell_opened(account, names[1]))
    parts += list(tell_undone(dumped, account, names))
    loose = tell_loose(account)
    if not parts:
        rounded = f"All {count(total, 'value')} in {names[1]} are what {names[0]} would have, within rounding"
        return (
            f"{rounded}, and its tuple is {show_tuple(theirs) if theirs else 'not known'}: last bits decide."
        )
    if account.steps and not account.opened:
        given = "that change gives" if len(account.changes) == 1 else "these changes give"
        parts.append(f"{given[:1].upper()}{given[1:]} all {count(total, 'value')} of the dump; {NOT_RUN}.")
    return " ".join(parts) + loose


def tell_undone(dumped: Dumped, account: Account, names: tuple[str, str]) -> Iterator[str]:
    """That changes of the plain pass undo each other, where behind them it has the cell's own value."""
    stages = [one.stage for one in account.steps if not one.stage.startswith("steered")]
    array = next(
        (one["array"] for one in account.begun if len(stages) > 1 and one["stage"] == stages[-1]), None
    )
    found = [
        None if array is None else one.find(dumped.example, array) for one in (dumped.trace, dumped.known)
    ]
    theirs, ours = found
    if theirs is None or ours is None or theirs.shape != ours.shape:
        return
    if measure_distance(theirs, ours) <= SAME:
        yield f"They undo each other: the {stages[-1]} of {names[1]} is that of {names[0]}."


def tell_loose(account: Account) -> str:
    """How many values fit and tell nothing by it."""
    number = sum(map(is_loose, account.findings))
    return f" Of {count(number, 'more value')} rounding can make anything by then." if number else ""


def tell_step(step: Step, names: tuple[str, str]) -> str:
    """What changes give at the stage at which they were found, and what else would."""
    causes = [one.name_done() for one in step.changes]
    within = "to the bit" if step.stage == PIXELS else "within rounding"
    told = f"{contrast_sides(causes, names)}: that gives its {step.stage} {within}"
    others = [describe(one) for one in step.also]
    return f"{told}; so does {' or '.join(others)}." if others else f"{told}."


def describe(changes: Sequence[object]) -> str:
    """Changes by their factors and values."""
    return join_phrases([f"{one.factor} = {one.sets}" for one in changes])  # type: ignore[attr-defined]


def tell_opened(account: Account, name: str) -> Iterator[str]:
    """The stages of which nothing that was tried gives the value."""
    opened = list(account.opened.values())
    for one in opened[:MOST_OPEN]:
        yield f"Nothing that was tried gives the {one['stage']} of {name} ({tell_error(one)})."
    if len(opened) > MOST_OPEN:
        yield f"Nor that of {len(opened) - MOST_OPEN} more stages."


def tell_error(finding: Finding) -> str:
    """How far off a value is, and where that is few channels."""
    if finding.get("what"):
        return str(finding["what"])
    told = f"{finding['relative']:.2g} of its size off what follows from the value before it"
    channels = finding.get("channels")
    return f"{told}, in channels {', '.join(map(str, channels))} alone" if channels else told


def build_ladder(dumped: Dumped, account: Account, names: tuple[str, str]) -> Ladder:
    """Every stage that there could be: what the dump holds of it, or that it is not in it."""
    rungs = [make_rung(stage, account.begun) for stage in list_stages(dumped.trace, account.begun)]
    return Ladder(dumped.example, names, rungs)


def list_stages(trace: Trace, findings: Sequence[Finding]) -> list[str]:
    """Stages in computing order; parts of visits where the dump has them."""
    blobs = list(trace.blobs)
    found = [str(one["stage"]) for one in findings]
    stages = ["pixels", "input", *(f"plain {one}" for one in blobs[1:])]
    for blob in blobs[1:]:
        of_blob = [f"steered {blob} {part}" for part in VISIT if f"steered {blob} {part}" in found]
        stages += of_blob or [f"steered {blob}"]
    stages += [one for one in found if one not in stages]
    return stages


def make_rung(stage: str, findings: Sequence[Finding]) -> Rung:
    """A stage; one that is absent says so."""
    kind = stage.partition(" ")[0]
    run = kind if kind in ("plain", "steered") else ""
    finding = next((one for one in findings if one["stage"] == stage), None)
    if finding is None:
        return Rung(stage, run, None, ABSENT)
    known = measure(finding)
    value = finding.get("what") or finding.get("value")
    return Rung(stage, run, None, value, known.error, known.noise, known.ratio)
