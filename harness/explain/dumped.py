"""Why a dump's values are others: stage by stage, each change held against the value that it would give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from harness.dumps.targets import PIXELS
from harness.explain.causes import Cause
from harness.explain.decoders import name_libjpeg
from harness.explain.hypotheses import are_apart, list_fitted, list_hypotheses, list_pairs
from harness.explain.match import Candidate
from harness.explain.noise import Finding
from harness.explain.patches import Patch
from harness.explain.predict import Dumped, find_array, is_beyond
from harness.worker.prepare import hash_array

MOST_ROUNDS = 8
MOST_ALSO = 5
MOST_CLIMBED = 5  # changes that meet in one value
MOST_SEARCHED = 2  # stages that nothing accounts for: of further ones nothing is fitted, nor tried in pairs
WINOGRAD = Patch(Cause.ALGORITHM, "settings.winograd", was=False, sets=True, data={})
LAST_BITS = Patch(Cause.NUMERICS, "deviation", "exact", "last bits", {})
ROUNDED: tuple[tuple[str, Patch], ...] = (("winograd", WINOGRAD), ("last_bits", LAST_BITS))
"""Ways to round that account for a value where no change does."""


@dataclass(frozen=True)
class Step:
    """The changes that account for a stage and, of other changes, which do as well."""

    stage: str
    changes: Candidate
    also: Sequence[Candidate] = ()


@dataclass
class Account:
    """What accounts for a dump: changes, ways of rounding, and the stages that nothing accounts for.

    `findings` are those with the changes, `begun` those without any; `settled` are arrays that are accounted
    for by what no change of a job is.
    """

    findings: Sequence[Finding]
    begun: Sequence[Finding] = ()
    steps: list[Step] = field(default_factory=list)
    rounding: list[str] = field(default_factory=list)
    opened: dict[str, Finding] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)

    @property
    def changes(self) -> Candidate:
        """All changes, in the order in which they were found."""
        return tuple(patch for step in self.steps for patch in step.changes)

    def find_first(self) -> Finding | None:
        """The first stage that is still to be accounted for; None where there is none."""
        return next((one for one in self.findings if is_beyond(one) and not self.is_done(one)), None)

    def is_done(self, finding: Finding) -> bool:
        """Whether no more is looked for at an array."""
        return finding["array"] in self.opened or finding["array"] in self.settled

    def close(self) -> None:
        """Take note of arrays that are accounted for by what was found at later ones."""
        beyond = {one["array"] for one in self.findings if is_beyond(one)}
        self.opened = {array: one for array, one in self.opened.items() if array in beyond}

    def list_sound(self) -> list[str]:
        """Layers that have been seen to do as they should."""
        sound = [one for one in self.findings if not is_beyond(one)]
        return [layer for one in sound for layer in one.get("layers") or ()]


def account_for(dumped: Dumped) -> Account:
    """What accounts for all that a dump holds, beginning at the first value that is off.

    Each value is computed from the dump's own before it, so that a change is looked for where it was made.
    """
    (findings,) = dumped.ask([()])
    account = Account(findings, findings)
    for _ in range(MOST_ROUNDS):
        first = account.find_first()
        if first is None:
            break
        found = find_step(dumped, account, first)
        if found is None:
            account.opened[first["array"]] = first
        else:
            account.close()
    return account


def find_step(dumped: Dumped, account: Account, first: Finding) -> Step | None:
    """The changes that account for a stage, as few as will do, taken into account; None where none do."""
    base = tuple(one for one in account.changes if one.data)
    return reduce_step(dumped, account, base, first, search(dumped, account, first))


def reduce_step(
    dumped: Dumped, account: Account, base: Candidate, first: Finding, step: Step | None
) -> Step | None:
    """A step without those of its changes without which as much is accounted for."""
    while step is not None and len(step.changes) > 1:
        reach = measure_reach(account, account.findings)
        shorter = [tuple(one for one in step.changes if one is not left) for left in step.changes]
        found = ask(dumped, account, base, shorter, first)
        good = [
            place
            for place, findings in enumerate(found)
            if accounts(account, first, findings) and measure_reach(account, findings) >= reach
        ]
        if not good:
            break
        step = replace(step, changes=shorter[good[0]], also=())
        account.steps[-1], account.findings = step, found[good[0]]
    return step


def search(dumped: Dumped, account: Account, first: Finding) -> Step | None:
    """Changes that account for a stage, the single ones first."""
    base = tuple(one for one in account.changes if one.data)
    tried = list_hypotheses(dumped, base, first, account.list_sound())
    found = ask(dumped, account, base, tried, first)
    step = take_best(account, first, tried, found)
    if first["array"] == PIXELS:
        return step or try_libjpegs(dumped, account)
    if step is None:
        step = try_rounding(dumped, account, base, first)
    if step is None and len(account.opened) >= MOST_SEARCHED:
        return None
    if step is None:
        step = climb(dumped, account, base, first, (tried, found))
    if step is None:
        fitted = list_fitted(dumped, base, first)
        step = take_best(account, first, fitted, ask(dumped, account, base, fitted, first))
    if step is None:
        pairs = list_pairs(tried, found, first)
        step = take_best(account, first, pairs, ask(dumped, account, base, pairs, first))
    return step


def ask(
    dumped: Dumped, account: Account, base: Candidate, tried: Sequence[Candidate], first: Finding
) -> list[Sequence[Finding]]:
    """What changes come to over those that are accepted, at a stage first."""
    return dumped.ask([(*base, *one) for one in tried], first["array"], account.rounding)


def take_best(
    account: Account, first: Finding, tried: Sequence[Candidate], found: Sequence[Sequence[Finding]]
) -> Step | None:
    """Accept the change after which most is accounted for; None where none accounts for the stage."""
    good = [
        (one, findings)
        for one, findings in zip(tried, found, strict=True)
        if accounts(account, first, findings)
    ]
    if not good:
        return None
    ranked = sorted(good, key=lambda one: (-measure_reach(account, one[1]), len(one[0])))
    best, findings = ranked[0]
    reach = measure_reach(account, findings)
    also = [one for one, others in ranked[1:] if measure_reach(account, others) == reach]
    also = [one for one in also if len(one) == len(best)]
    step = Step(first["stage"], best, also[:MOST_ALSO])
    account.steps.append(step)
    account.findings = findings
    return step


def climb(
    dumped: Dumped,
    account: Account,
    base: Candidate,
    first: Finding,
    asked: tuple[Sequence[Candidate], Sequence[Sequence[Finding]]],
) -> Step | None:
    """Changes one over the other, each of which gives more channels than those before it, up to all.

    Where several changes meet in one value, what each is of is often some channels alone: of those that are
    weakened, of those that a list mentions once.
    """
    singles = [one for one in asked[0] if len(one) == 1]
    tried, found, most = asked[0], asked[1], first.get("fits") or 0.0
    for _ in range(MOST_CLIMBED):
        fits = [(find_array(one, first["array"]) or {}).get("fits") or 0.0 for one in found]
        best = max(range(len(fits)), key=fits.__getitem__, default=0)
        if not fits or fits[best] <= most:
            return None
        chosen, most = tried[best], fits[best]
        step = take_best(account, first, [chosen], [found[best]])
        if step is not None:
            return step
        tried = [(*chosen, *one) for one in singles if all(are_apart(one[0], other) for other in chosen)]
        found = ask(dumped, account, base, tried, first)
    return None


def accounts(account: Account, first: Finding, findings: Sequence[Finding]) -> bool:
    """Whether a change gives a stage's value within noise, and spoils none before it."""
    found = find_array(findings, first["array"])
    if found is None or is_beyond(found):
        return False
    names = [one["array"] for one in account.findings]
    before = [one for one in names[: names.index(first["array"])] if one not in account.opened]
    before = [one for one in before if one not in account.settled]
    held = {one["array"]: one for one in findings}
    return not any(name in held and is_beyond(held[name]) for name in before)


def measure_reach(account: Account, findings: Sequence[Finding]) -> int:
    """How many stages are accounted for up to the first that is not."""
    count = 0
    for one in findings:
        if is_beyond(one) and not account.is_done(one):
            break
        count += 1
    return count


def try_libjpegs(dumped: Dumped, account: Account) -> Step | None:
    """The libjpegs that give the dump's pixels to the bit, taken into account; None where none does."""
    values = dumped.trace.find(dumped.example, PIXELS)
    path = dumped.answers.find_file(dumped.example)
    named = None if values is None else name_libjpeg(path, hash_array(values))
    if named is None:
        return None
    own = str(dumped.side.job["decoder"])
    step = Step(PIXELS, (Patch(Cause.DECODER, "decoder", own, named, {}, is_input=True),))
    account.steps.append(step)
    account.settled.add(PIXELS)
    return step


def try_rounding(dumped: Dumped, account: Account, base: Candidate, first: Finding) -> Step | None:
    """A way of rounding that accounts for a stage, taken into account; None where none does."""
    for name, patch in ROUNDED:
        if name in account.rounding or (name == "last_bits" and first.get("note") != "zero"):
            continue
        (findings,) = dumped.ask([base], first["array"], [*account.rounding, name])
        if accounts(account, first, findings):
            account.rounding.append(name)
            account.findings = findings
            account.steps.append(Step(first["stage"], (patch,)))
            return account.steps[-1]
    return None
