"""The cells that an explanation takes: run as any others, stored as any others, and part of no run."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from harness.core.errors import InputError
from harness.core.examples import list_examples
from harness.examples.subject import Subject
from harness.explain.counterfactual import TASK, Answers, Failure, Found, Question, Side, list_patches
from harness.explain.errands import Errand, find_auditor
from harness.explain.run import PastRun
from harness.explain.unchanged import check_sides
from harness.matrix.campaign import Campaign, Workspace, remove_failed, run_campaign
from harness.matrix.request import RunRequest, prepare_run, select_run
from harness.matrix.schedule import Outcome
from harness.numerics.readings import Reader
from harness.plan.environments import Environment
from harness.plan.plan import CellRequest, Override
from harness.worker.fingerprint import hash_code

MOST_MODEL_BYTES = 64_000_000


@dataclass(frozen=True)
class CellRunner:
    """Runs cells for questions and errands, on a run's subject, with what its command line replaced."""

    workspace: Workspace
    subject: Subject
    override: Override
    ca_bundle: Path | None = None

    def __call__(self, questions: Sequence[Question], errands: Sequence[Errand]) -> list[Found]:
        """A cell for each, side by side; the folder of what it left, or why there is none."""
        requests = (
            *(self.request(number, one) for number, one in enumerate(questions, start=1)),
            *(self.send(number, one) for number, one in enumerate(errands, start=1)),
        )
        result = run_campaign(self.workspace, Campaign(self.subject, requests, ca_bundle=self.ca_bundle))
        ended = [take_outcome(one) for one in result.outcomes]
        remove_failed(result.outcomes)
        return ended

    def request(self, number: int, question: Question) -> CellRequest:
        """The cell that answers a question."""
        brief = {"brief": True} if question.is_brief else {}
        return CellRequest(
            question.place,
            self.override,
            variant=f"patched-{number}",
            only=tuple(question.examples),
            task=TASK,
            details={"details": {"patches": list(map(self.place, list_patches(question))), **brief}},
        )

    def send(self, number: int, errand: Errand) -> CellRequest:
        """The cell that runs an errand."""
        return CellRequest(
            errand.environment,
            self.override,
            variant=f"{errand.task}-{number}",
            only=tuple(errand.examples),
            task=errand.task,
            details={"details": dict(errand.details)},
        )

    def read_orders(self, environments: Sequence[Environment]) -> list[Found]:
        """The folder of what each environment tells of its orders of addition, or why there is none.

        Of a large model they are not read unasked: that takes its size once more on the disk, and minutes.
        """
        size = self.subject.caffemodel.stat().st_size if self.subject.caffemodel else 0
        if size > MOST_MODEL_BYTES:
            why = f"a model of {size // 10**6} MB; `harness numerics RUN` reads it"
            return [Failure(why)] * len(environments)
        reader = Reader(self.workspace, self.subject, self.override, self.ca_bundle)
        return [take_outcome(one) for one in reader.read_orders(environments)]

    def find_file(self, example: str) -> Path | None:
        """Where an example's file is; None where the list has no such example."""
        listed = list_examples(self.subject.examples, self.subject.classes, self.subject.examples_sha256)
        return next((one.path for one in listed if one.id == example), None)

    def place(self, patch: dict[str, Any]) -> dict[str, Any]:
        """A patch with witness files where they are here: a cell of a container names those inside it."""
        files = {digest: path for ones in self.subject.witnesses.values() for path, digest in ones.values()}
        if "witnesses" not in patch:
            return patch
        placed = {
            name: {**one, "path": str(files.get(one["sha256"], one["path"]))}
            for name, one in patch["witnesses"].items()
        }
        return {**patch, "witnesses": placed}


def take_outcome(outcome: Outcome) -> Found:
    """A cell's folder, or why it has none."""
    if outcome.status == "done" and outcome.folder is not None:
        return outcome.folder
    return Failure(outcome.reason or "it does not say why", is_unavailable=outcome.status == "unavailable")


def open_answers(
    workspace: Workspace, run: PastRun, sides: Iterable[Side], ca_bundle: Path | None = None
) -> Answers:
    """What answers questions about a run's cells.

    InputError where its model or examples are not here, or the environments are not what they were.
    """
    request = read_run_request(run)
    check_sides(sides, request.override)
    selection = select_run(request, workspace.root)
    subject = prepare_run(request, selection, workspace).subject
    check_subject(run, subject)
    runner = CellRunner(workspace, subject, request.override, ca_bundle)
    auditor = find_auditor(selection.environments)
    return Answers(
        runner,
        hash_code(),
        auditor=auditor,
        network=subject.network,
        find_file=runner.find_file,
        made=run.folder / "explained",
        read_orders=runner.read_orders,
    )


def read_run_request(run: PastRun) -> RunRequest:
    """What the run's command line asked for; InputError where nobody knows."""
    told = next(iter(run.sources.values())).told
    data = None if told is None else told.request
    if not data:
        raise InputError(f"{run.folder}: has no run.json that says what was run; name the folder of a run")
    try:
        request = msgspec.convert(data, RunRequest, dec_hook=read_path)
    except msgspec.ValidationError as error:
        raise InputError(f"{run.folder / 'run.json'}: request: {error}; run it again") from error
    return replace(request, reports=run.folder.parent)


def read_path(kind: type, value: Any) -> Any:
    """A path of its text."""
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise NotImplementedError(kind)


def check_subject(run: PastRun, subject: Subject) -> None:
    """InputError where the model or the list of examples is not what the run had."""
    for one in run.past.results:
        job = one.cell.get("job") or {}
        hashes, examples = job.get("hashes") or {}, job.get("examples") or {}
        if hashes.get("network", subject.network_key) != subject.network_key:
            raise InputError(f"{run.folder}: is of another model than {subject.model} is now; run it again")
        if examples.get("sha256", subject.examples_sha256) != subject.examples_sha256:
            raise InputError(f"{run.folder}: is of another list than {subject.examples} is now; run it again")
