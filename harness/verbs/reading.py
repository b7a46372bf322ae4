"""A run's environments read: their orders of addition, and where their bits part, into the run's reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.core.errors import InputError
from harness.diff.locate import find_run
from harness.explain.cells import check_subject, read_run_request
from harness.explain.run import PastRun, find_environment, read_past_run
from harness.matrix.campaign import open_workspace
from harness.matrix.request import prepare_run, select_run
from harness.numerics.readings import Reader
from harness.numerics.summarise import summarise
from harness.plan.environments import Environment, read_environments
from harness.report.explaining import ExplainScreen
from harness.report.write import write_reports
from harness.summary.numerics import NumericsSummary
from harness.summary.reading import read_summary

REPLAYED = 2  # examples of which layers are added up here


@dataclass(frozen=True)
class Order:
    """What is asked for on the command line: a run, and by how many of its examples bits are compared."""

    run: str
    most: int
    ca_bundle: Path | None
    reports: Path
    replay: bool = False


def read_run(order: Order, root: Path, screen: ExplainScreen) -> tuple[NumericsSummary, Path]:
    """Read all environments of a run, and write its reports anew; the part on it, and the run's folder.

    InputError where the run, its model or its environments are not here.
    """
    folder = find_run(order.run, order.reports)
    run = read_past_run(folder)
    environments = list_environments(run, root)
    request = read_run_request(run)
    with open_workspace(root, screen) as workspace:
        subject = prepare_run(request, select_run(request, root), workspace).subject
        check_subject(run, subject)
        reader = Reader(workspace, subject, request.override, order.ca_bundle)
        examples = subject.example_ids[: order.most]
        readings = reader.read(environments, examples, whole=order.replay)
        replays = reader.replay(environments, readings, examples[:REPLAYED]) if order.replay else {}
        part = summarise(readings, replays)
    if (folder / "summary.json").exists():
        write_part(folder, part)
    return part, folder


def list_environments(run: PastRun, root: Path) -> list[Environment]:
    """The environments of a run's done cells, each once; InputError for one that is not here."""
    known = {one.name: one for one in read_environments(root / "environments")}
    done = [run.sources[label] for label in run.join.environments]
    names = dict.fromkeys(one.environment for one in done)
    return [find_environment(name, name, known) for name in names]


def write_part(folder: Path, part: NumericsSummary) -> None:
    """Write a run's reports anew with a part; InputError where there is no room."""
    summary = read_summary(folder).model_copy(update={"numerics": part})
    try:
        write_reports(folder, summary)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror}); make room") from error
