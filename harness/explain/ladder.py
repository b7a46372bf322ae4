"""The ladder from the file to the tuple: the first stage whose inputs agree and whose output does not.

Hashes come first: of the file and of its pixels. Then both sides' passes are traced, and each is held
against the first side's rules, stage by stage, in float64. Each stage is judged by itself, so the first that
is beyond noise is where the sides part. A hash of floats never tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from harness.explain.apart import Distance, measure_apart, open_traces
from harness.explain.causes import Stage, Tuple
from harness.explain.counterfactual import Answers, Failure, Found, Side
from harness.explain.errands import Errand, audit, run_errands, trace
from harness.explain.ladders import Ladder, Rung
from harness.explain.noise import KNOWN, LEAST, Envelope, Finding, calibrate, classify
from harness.explain.pair import Pair
from harness.explain.sound import measure_sound
from harness.records.record import walk_records

HASHED = ("file", "pixels")  # stages that are no floats
BY_RULES = (
    "; by the rules "  # what an audit writes between a side's order and the one that is held against it
)
Findings = Mapping[str, Sequence[Finding]]
"""Lines of an audit by example."""


@dataclass
class Looks:
    """What was seen of some examples of a pair: traces by side, and audits by side and by whose rules."""

    traces: dict[str, Path] = field(default_factory=dict)
    audits: dict[tuple[str, str], dict[str, list[Finding]]] = field(default_factory=dict)
    envelopes: dict[str, Envelope] = field(default_factory=dict)
    flips: dict[str, dict[tuple[str, str], Tuple]] = field(default_factory=dict)

    def find(self, side: Side, rules: Side, example: str) -> Sequence[Finding]:
        """What was found of a side's example by somebody's rules."""
        return self.audits.get((side.label, rules.label), {}).get(example, ())


Beside = Callable[[Pair, Sequence[str], Looks], Sequence[Errand]]
"""What is wanted of traces besides audits, so that it is run beside these."""


def look_at(
    pair: Pair,
    examples: Sequence[str],
    answers: Answers,
    beside: Beside = lambda _pair, _examples, _looks: (),
    *,
    own: bool = True,
) -> Looks | None:
    """Both sides' passes over some examples, traced and audited; None where that cannot be done here.

    Both are held against the first side's rules, and the second one against its `own`, where that is wanted.
    """
    audits = list_audits(pair, own=own)
    known = answers.looks.get(pair.names)
    if known is not None and all(known.find(*one, example) for example in examples for one in audits):
        return known
    if answers.auditor is None or not examples:
        return None
    errands = list_traces(pair, examples)
    found: dict[str, Found] = dict(zip(errands, run_errands(answers, list(errands.values())), strict=True))
    found.update({one.label: one.trace for one in (pair.a, pair.b) if one.trace is not None})
    looks = Looks({name: one for name, one in found.items() if isinstance(one, Path)})
    note_failures(pair, found)
    if len(looks.traces) < 2:
        return None
    audit_sides(pair, audits, answers, looks, examples, beside)
    answers.looks[pair.names] = looks
    return looks


def list_traces(pair: Pair, examples: Sequence[str]) -> dict[str, Errand]:
    """The traces that looking at some examples takes, by the side's label; a side that is one takes none."""
    wanted = list_looked(pair, examples)
    return {one.label: trace(one, wanted) for one in (pair.a, pair.b) if one.trace is None}


def list_looked(pair: Pair, examples: Sequence[str]) -> list[str]:
    """Some examples, and those that calibrate."""
    return list(dict.fromkeys([*examples, *list_calibrating(pair)]))


def list_audits(pair: Pair, *, own: bool) -> list[tuple[Side, Side]]:
    """Which side is held against whose rules; by its own the second side's noise is measured, too."""
    own = own or bool(list_calibrating(pair))
    return [(pair.a, pair.a), (pair.b, pair.a), *([(pair.b, pair.b)] if own else [])]


def note_failures(pair: Pair, found: Mapping[str, Found]) -> None:
    """Say of a side that could not be traced that it was not."""
    for name, one in found.items():
        if isinstance(one, Failure):
            pair.untested.append(f"{name}: traces ({one.reason})")


def list_calibrating(pair: Pair) -> list[str]:
    """Agreeing examples that are looked at, too, where a side's algorithm has no known noise."""
    algorithms = {classify(one.job) for one in (pair.a, pair.b)}
    return [] if algorithms <= set(KNOWN) else list(pair.agreeing[: 2 * LEAST])


def audit_sides(
    pair: Pair,
    audits: Sequence[tuple[Side, Side]],
    answers: Answers,
    looks: Looks,
    examples: Sequence[str],
    beside: Beside,
) -> None:
    """Hold traces against rules; two sides of the same rules have one audit."""
    assert answers.auditor is not None
    wanted, traces = list_looked(pair, examples), looks.traces
    errands = [audit(answers.auditor, traces[side.label], rules, wanted) for side, rules in audits]
    folders = run_errands(answers, [*errands, *beside(pair, examples, looks)])
    for (side, rules), folder in zip(audits, folders, strict=False):
        if isinstance(folder, Failure):
            pair.untested.append(f"{side.label}: audit ({folder.reason})")
            continue
        by_example: dict[str, list[Finding]] = {}
        for line in walk_records(folder):
            by_example.setdefault(str(line.get("example")), []).append(line)
        looks.audits[side.label, rules.label] = by_example
    for side in (pair.a, pair.b):
        agreeing = [line for one in pair.agreeing for line in looks.find(side, side, one)]
        sound = measure_sound(classify(side.job), answers).findings if len(pair.diverging) > 1 else ()
        looks.envelopes[side.label] = calibrate(side.job, agreeing, sound)


def find_first(pair: Pair, example: str, looks: Looks) -> Stage | None:
    """The first stage at which the second side leaves the first one's rules, or the first one its own.

    None where no stage does, beyond noise, or where the sides' noise is not known.
    """
    hashed = find_hashed(pair, example)
    if hashed is not None:
        return hashed
    ours, theirs = (looks.find(side, pair.a, example) for side in (pair.a, pair.b))
    for one, other in pair_stages(ours, theirs):
        for side, finding in ((pair.b, other), (pair.a, one)):
            envelope = looks.envelopes[side.label]
            if finding is not None and envelope.is_beyond(finding):
                return name_stage(envelope.measure(finding), finding)
    return None


def find_hashed(pair: Pair, example: str) -> Stage | None:
    """The first stage before the input whose hash differs."""
    ours, theirs = (one.records[example].get("hashes") or {} for one in (pair.a, pair.b))
    for stage in HASHED:
        if ours.get(stage) and theirs.get(stage) and ours[stage] != theirs[stage]:
            return Stage(stage)
    return None


def name_stage(stage: Stage, finding: Finding) -> Stage:
    """A stage; of parameters, which ones."""
    if stage.stage != "parameters":
        return stage
    return Stage(f"parameters {finding['what']}"[:200])


def find_own(side: Side, example: str, looks: Looks) -> tuple[Stage, Finding] | None:
    """The first stage at which a side leaves its own rules, beyond noise."""
    envelope = looks.envelopes[side.label]
    for finding in looks.find(side, side, example):
        if envelope.is_beyond(finding):
            return name_stage(envelope.measure(finding), finding), finding
    return None


def pair_stages(
    ours: Sequence[Finding], theirs: Sequence[Finding]
) -> Iterator[tuple[Finding | None, Finding | None]]:
    """Findings of both sides, stage by stage; a stage that one alone has stands with None."""
    left = {one["stage"]: one for one in theirs}
    for one in ours:
        yield one, left.pop(one["stage"], None)
    for rest in left.values():
        yield None, rest


def build_ladder(pair: Pair, example: str, looks: Looks) -> Ladder:
    """Every stage of an example in both sides, for whoever draws it."""
    rungs = [rung_hash(pair, example, stage) for stage in HASHED]
    ours, theirs = (looks.find(side, pair.a, example) for side in (pair.a, pair.b))
    flips, traces = looks.flips.get(example, {}), open_traces(looks.traces, pair.names)
    for one, other in merge_stages(ours, theirs):
        worst = max(
            (item for item in ((pair.a, one), (pair.b, other)) if item[1] is not None),
            key=lambda item: rank_finding(looks.envelopes[item[0].label], item[1] or {}),
        )
        finding = worst[1]
        assert finding is not None
        rung = make_rung(finding, looks.envelopes[worst[0].label], one, other, flips)
        rungs.append(add_distance(rung, measure_apart(traces, example, rung.stage)))
    return Ladder(example, pair.names, rungs)


def rank_finding(envelope: Envelope, finding: Finding) -> tuple[bool, float]:
    """How far off a side is at a stage: what differs in words is further than any number."""
    return bool(finding.get("what")), envelope.measure(finding).ratio or 0.0


def merge_stages(
    ours: Sequence[Finding], theirs: Sequence[Finding]
) -> Iterator[tuple[Finding | None, Finding | None]]:
    """The same in the order in which it is drawn: a stage of B alone follows the one before it."""
    shared = {one["stage"] for one in ours}
    after: dict[str, list[Finding]] = {}
    last = ""
    for other in theirs:
        last = other["stage"] if other["stage"] in shared else last
        if other["stage"] not in shared:
            after.setdefault(last, []).append(other)
    for pair in pair_stages(ours, [other for other in theirs if other["stage"] in shared]):
        yield pair
        yield from ((None, alone) for alone in after.get(pair[0]["stage"] if pair[0] else "", ()))


def add_distance(rung: Rung, distance: Distance | None) -> Rung:
    """A stage with how far both sides are apart there."""
    if distance is None:
        return rung
    return msgspec.structs.replace(rung, difference=distance.difference, apart=distance.apart)


def rung_hash(pair: Pair, example: str, stage: str) -> Rung:
    """A stage that is known by its hash."""
    ours, theirs = ((one.records[example].get("hashes") or {}).get(stage) for one in (pair.a, pair.b))
    same = ours == theirs
    return Rung(stage, "", shorten(ours), shorten(theirs), 0.0 if same else None, None, 0.0 if same else None)


def shorten(digest: object) -> str | None:
    """The beginning of a hash."""
    return str(digest)[:12] if digest else None


def make_rung(
    finding: Finding,
    envelope: Envelope,
    one: Finding | None,
    other: Finding | None,
    flips: Mapping[tuple[str, str], Tuple],
) -> Rung:
    """A stage of an audit; `finding` is that of the side which is further off."""
    stage = envelope.measure(finding)
    kind, _, rest = stage.stage.partition(" ")
    blob = rest.removesuffix(" after")
    first, second = ((item or {}).get("what") or (item or {}).get("value") for item in (one, other))
    if first is None and isinstance(second, str) and BY_RULES in second:
        second, _, first = second.partition(BY_RULES)
    return Rung(
        stage.stage,
        kind if kind in ("plain", "steered") else "",
        first,
        second,
        stage.error,
        stage.noise,
        stage.ratio,
        flips.get((kind, blob)),
    )
