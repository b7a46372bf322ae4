"""An explanation from what is asked for to what was found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.diff.locate import find_run
from harness.explain.cells import open_answers
from harness.explain.explain import Progress, explain_pairs
from harness.explain.groups import summarise_causes
from harness.explain.run import Wish, list_pairs, read_pair, read_past_run
from harness.explain.waterfall import MOST_SECONDS, draw_waterfalls
from harness.matrix.campaign import open_workspace
from harness.plan.environments import read_environments
from harness.report.explaining import ExplainScreen


@dataclass(frozen=True)
class Order:
    """What is asked for on the command line; `reports` is where runs' folders are.

    `waterfall` is None where only those are wanted that are soon made.
    """

    run: str
    examples: tuple[str, ...]
    cells: tuple[str, str] | None
    ca_bundle: Path | None
    reports: Path
    waterfall: bool | None = None

    @property
    def most_seconds(self) -> float:
        """How long a pair's waterfalls may take; examples that are asked for by name have none."""
        if self.waterfall is None:
            return 0.0 if self.examples else MOST_SECONDS
        return math.inf if self.waterfall else 0.0


def explain_run(order: Order, root: Path, screen: ExplainScreen) -> tuple[dict[str, Any], Path]:
    """Explain a run's divergences; the summary's part on them, and the run's folder.

    InputError where a run, its model or its environments are not here; what was explained before is kept.
    """
    folder = find_run(order.run, order.reports)
    run = read_past_run(folder)
    listed = list_pairs(run, Wish(order.examples, order.cells))
    environments = {one.name: one for one in read_environments(root / "environments")}
    pairs = [
        read_pair(run, (first, second), diverging, agreeing, environments)
        for first, second, diverging, agreeing in listed
    ]

    def tell(progress: Progress) -> None:
        screen.tell(progress.done, progress.total, progress.executions)

    with open_workspace(root, screen) as workspace:
        answers = open_answers(workspace, run, order.ca_bundle)
        found = explain_pairs(folder, pairs, answers, tell)
        drawn, notes = draw_waterfalls(pairs, run.join, answers, order.most_seconds)
    for note in notes:
        screen.say(note)
    return summarise_causes(found, answers.executions, drawn), folder
