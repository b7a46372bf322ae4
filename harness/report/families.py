"""Groups of causes as readers look for them: those that lead, each with the sets that hold it and more."""

from __future__ import annotations

from dataclasses import dataclass

from harness.summary.causes import CauseGroup, CausesSummary, NamedCause
from harness.summary.document import DivergenceSummary
from harness.system.numbers import count
from harness.system.text import make_line

UNKNOWN = "unknown"
VERDICTS = ("proven", "consistent", UNKNOWN)
MORE = " & more"  # sets of these causes with others
MOST_SETS = 3  # that are named in a line


@dataclass(frozen=True)
class Variant:
    """A group that stands under another one, at its place; `name` says what it has besides."""

    place: int
    group: CauseGroup
    name: str


@dataclass(frozen=True)
class Family:
    """A group that stands under none, at its place, and those under it, the largest first."""

    place: int
    lead: CauseGroup
    variants: tuple[Variant, ...]

    @property
    def name(self) -> str:
        """The leading group's causes, and that there are others with more."""
        return name_causes(self.lead) + (MORE if self.variants else "")

    @property
    def groups(self) -> list[tuple[int, CauseGroup]]:
        """All of them with their places."""
        return [(self.place, self.lead), *((one.place, one.group) for one in self.variants)]

    @property
    def count(self) -> int:
        """Departures of all of them."""
        return self.lead.count + sum(one.group.count for one in self.variants)


def list_families(causes: CausesSummary) -> list[Family]:
    """All families: proven ones first, then the largest."""
    under: dict[int, list[int]] = {}
    for place, one in enumerate(causes.groups):
        if one.under is not None:
            under.setdefault(one.under, []).append(place)
    families = [
        Family(place, one, list_variants(causes, one, under.get(place, [])))
        for place, one in enumerate(causes.groups)
        if one.under is None
    ]
    return sorted(families, key=lambda one: (VERDICTS.index(one.lead.verdict), -one.count))


def list_variants(causes: CausesSummary, lead: CauseGroup, places: list[int]) -> tuple[Variant, ...]:
    """Groups at these places, the largest first."""
    ones = [Variant(place, causes.groups[place], name_rest(causes.groups[place], lead)) for place in places]
    return tuple(sorted(ones, key=lambda one: -one.group.count))


def name_causes(group: CauseGroup) -> str:
    """`pool3-channels, alpha`, or that none is known."""
    return join_causes(group.causes) or UNKNOWN


def join_causes(causes: tuple[NamedCause, ...]) -> str:
    """Each once."""
    return ", ".join(dict.fromkeys(one.cause for one in causes))


def name_rest(group: CauseGroup, lead: CauseGroup) -> str:
    """`alpha`: which causes a group has that the leading one has not; `other values` where it has none."""
    known = {(one.cause, one.factor) for one in lead.causes}
    return join_causes(tuple(one for one in group.causes if (one.cause, one.factor) not in known)) or (
        "other values"
    )


def tell_sets(family: Family, most: int | None = MOST_SETS) -> str:
    """`147 by these alone; 33 with alpha, 18 with pool3-kernel and 9 more sets with more`; or nothing."""
    if not family.variants:
        return ""
    shown = family.variants[:most]
    told = ", ".join(f"{one.group.count} with {one.name}" for one in shown)
    left = family.variants[len(shown) :]
    more = f" and {sum(one.group.count for one in left)} with {count(len(left), 'other set')}" if left else ""
    alone = "this" if len(family.lead.causes) == 1 else "these"
    return make_line(f"{family.lead.count} by {alone} alone; {told}{more}")


def find_measured(one: DivergenceSummary, name: str, causes: CausesSummary | None) -> str | None:
    """The example of a departure's group whose first stage was measured; None where it is of no group."""
    place = one.groups.get(name)
    stage = None if place is None or causes is None else causes.groups[place].stage
    return None if stage is None or stage.example == one.example else stage.example
