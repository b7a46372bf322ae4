"""A planted fault explained: what was found, and whether it is right."""

import json
import time
from dataclasses import dataclass

from faults.planting import plant


@dataclass(frozen=True)
class Found:
    """What the explanations of one fault's divergences say; `sets` are verdicts and causes, with how many."""

    fault: object
    divergences: int
    sets: dict
    executions: int
    seconds: float
    lines: tuple
    parting: dict | None = None

    @property
    def is_right(self):
        """Whether every divergence has the fault's causes, all of them, no other, and its verdict."""
        causes = self.fault.causes
        named = {causes, tuple(sorted((*causes, *self.fault.said)))}
        wanted = {(verdict, one) for verdict in self.fault.verdicts for one in named}
        located = any((line.get("stage") or {}).get("stage") == self.fault.stage for line in self.lines)
        is_located = located or not self.fault.stage
        return (
            bool(self.sets)
            and set(self.sets) <= wanted
            and is_located
            and all(map(self.has_value, self.lines))
        )

    def has_value(self, line):
        """Whether the first cause has the fault's value on the faulty side."""
        found = [one["b"] for one in line["causes"] if one["cause"] not in self.fault.said]
        return self.fault.value is None or found[:1] == [self.fault.value]


def explain_fault(project, fault, number, *, stages=False):
    """Plant a fault in an environment that says nothing of it, and have its divergences explained.

    With `stages` one that changes no tuple is looked at, too.
    """
    started, name = time.monotonic(), f"suspect-{number}"
    project.add_environment(name, backend=fault.backend, settings=fault.declared)
    with plant({name: fault}, project.root / "planted"):
        folder = project.run("truth", name, fault.examples, fault.witnesses)
        code, out, err = project.explain(folder, "--json")
        is_same = code == 2 and "nothing diverges" in err
        if is_same and stages:
            code, out, err = project.explain(folder, "--json", "--stages")
    if is_same and not stages:
        return Found(fault, 0, {}, 0, time.monotonic() - started, ())
    assert (code, bool(out)) == (0, True), f"exit {code}: {err[-2000:]}"
    if is_same:
        (parting,) = json.loads(out)["stages"]
        return Found(fault, 0, {}, json.loads(out)["executions"], time.monotonic() - started, (), parting)
    lines = tuple(map(json.loads, (folder / "causes.jsonl").read_text().splitlines()))
    sets = count_sets(lines)
    assert out, (code, err[-1500:])
    executions = json.loads(out)["executions"]
    return Found(fault, len(lines), sets, executions, time.monotonic() - started, lines)


def count_sets(lines):
    """Verdicts and causes, with how many explanations have them."""
    sets = {}
    for line in lines:
        key = line["verdict"], tuple(sorted(one["cause"] for one in line["causes"]))
        sets[key] = sets.get(key, 0) + 1
    return sets
