"""`harness explain --foreign`: a dump of somebody's own program from its files to what was found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from harness.core.errors import InputError
from harness.core.network import Network
from harness.core.network_files import read_network
from harness.core.text import store_data
from harness.core.traces import INDEX, Trace, read_trace
from harness.diff.locate import find_run
from harness.diff.runs import find_cell
from harness.dumps.files import read_dump
from harness.dumps.partial import write_partial
from harness.dumps.targets import Targets
from harness.dumps.tie import Ties, tie_dump
from harness.explain.causes import CAUSES, Explanation
from harness.explain.cells import open_answers
from harness.explain.climb import recall_ladders, write_ladders
from harness.explain.counterfactual import Answers, Failure, Side
from harness.explain.dumped import Account, account_for
from harness.explain.errands import run_errands, trace
from harness.explain.explain import append_line, keep_explained
from harness.explain.groups import summarise_causes
from harness.explain.ladders import Ladder
from harness.explain.predict import Dumped, is_loose
from harness.explain.run import PastRun, read_past_run, read_side
from harness.explain.tell_dumped import build_ladder, explain_dump, tell_loose
from harness.matrix.campaign import open_workspace
from harness.plan.environments import read_environments
from harness.report.explaining import ExplainScreen, open_screen, print_causes
from harness.system.consoles import open_errors, open_output
from harness.system.ending import INTERRUPTED
from harness.system.invocation import name_place, write_command
from harness.system.numbers import count
from harness.system.streams import print_json, print_line

FOLDER = "dumps"
LONGEST = 40


@dataclass(frozen=True)
class Foreign:
    """What is asked for: a dump, of which example, against which cell, with whose names."""

    dump: Path
    example: str
    cell: str | None = None
    names: Path | None = None


@dataclass(frozen=True)
class Found:
    """What came of it: the summary's part on causes, what was tied and left, and where all that is kept."""

    causes: dict[str, Any]
    tied: Sequence[str]
    agrees: str | None
    folder: Path


@dataclass(frozen=True)
class Words:
    """What stands on the command line."""

    dump: Path | None
    examples: tuple[str, ...]
    cell: str | None
    names: Path | None
    run: str
    reports: Path


def answer_foreign(
    words: Words, root: Path, ca_bundle: Path | None, *, as_json: bool, others: Sequence[Any]
) -> None:
    """Explain a dump, and print what was found; InputError for options that do not go together."""
    wish = read_wish(words, others)
    folder = find_run(words.run, words.reports)
    try:
        with open_screen(open_errors()) as screen:
            found = explain_foreign(wish, folder, root, screen, ca_bundle)
    except KeyboardInterrupt:
        print_line("harness: interrupted", error=True)
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(store_data(found.causes))
        return
    if found.agrees is None:
        print_causes(found.causes, open_output())
    else:
        print_line(found.agrees)
    print_line(f"tied: {found.folder / INDEX}")


def read_wish(words: Words, others: Sequence[Any]) -> Foreign:
    """What is asked for; InputError for options that do not go together."""
    if words.dump is None:
        raise InputError("--names: goes with --foreign; name the dump")
    if any(one is not None for one in others):
        raise InputError("--foreign: goes with --example, --cell and --names alone")
    if len(words.examples) != 1:
        raise InputError("--foreign: needs one --example, the one that the dump is of")
    return Foreign(words.dump, words.examples[0], words.cell, words.names)


def explain_foreign(
    wish: Foreign, folder: Path, root: Path, screen: ExplainScreen, ca_bundle: Path | None = None
) -> Found:
    """Explain a dump of one example against a run's cell; against its reference without a name.

    InputError for a dump that cannot be read, or of which nothing can be told.
    """
    arrays = read_dump(wish.dump)
    run = read_past_run(folder, least=1)
    label = find_cell(list(run.sources.values()), wish.cell).label if wish.cell else run.reference
    environments = {one.name: one for one in read_environments(root / "environments")}
    ours = read_side(run, label, [wish.example], environments)
    if wish.example not in ours.records:
        raise InputError(f"--example {wish.example}: {label} has no such example; name one of the run's")
    with open_workspace(root, screen) as workspace:
        answers = open_answers(workspace, run, [ours], ca_bundle)
        known = trace_own(ours, wish.example, answers)
        ties = tie_dump(
            wish.dump,
            arrays,
            find_targets(known, answers),
            lambda name: known.find(wish.example, name),
            wish.names,
        )
        tied = list(tell_ties(ties))
        for line in tied:
            screen.say(line)
        place = keep_partial(folder, wish, ties, ours)
        dumped = Dumped(ours, read_trace(place), known, wish.example, answers, run.labels)
        account = account_for(dumped)
    names = (label, f"dump@{wish.dump.name}")
    found = explain_dump(dumped, account, names, write_again(run, label, wish))
    keep(folder, found, build_ladder(dumped, account, names))
    causes = summarise_causes([found] if found else [], answers.executions)
    agrees = None if found else tell_agreement(label, wish, account)
    return Found(causes, tied, agrees, place)


def tell_agreement(label: str, wish: Foreign, account: Account) -> str:
    """What is said of a dump in which nothing is off."""
    told = sum(not is_loose(one) for one in account.findings)
    return (
        f"All that {wish.dump.name} holds of {wish.example} ({count(told, 'value')}) is what {label} would"
        f" have, within rounding; there is nothing to explain.{tell_loose(account)}"
    )


def write_again(run: PastRun, label: str, wish: Foreign) -> str:
    """The command that explains the dump again."""
    names = ("--names", str(wish.names)) if wish.names else ()
    words = ("--foreign", str(wish.dump), "--example", wish.example, "--cell", label, *names)
    return write_command("explain", name_place(run.folder), *words)


def trace_own(ours: Side, example: str, answers: Answers) -> Trace:
    """The cell's own values of an example; InputError where it cannot be traced here."""
    (found,) = run_errands(answers, [trace(ours, [example])])
    if isinstance(found, Failure):
        raise InputError(f"{ours.label}: cannot be traced here ({found.reason}); name another with --cell")
    return read_trace(found)


def find_targets(known: Trace, answers: Answers) -> Targets:
    """What a dump's arrays can be."""
    visited = [str(one["blob"]) for one in known.index["visits"]]
    return Targets(find_network(answers), known.blobs, visited)


def find_network(answers: Answers) -> Network | None:
    """The model's network, whose layers have names."""
    return None if answers.network is None else read_network(answers.network)


def tell_ties(ties: Ties) -> list[str]:
    """What was tied to what, and how, and what was not."""
    lines = [
        f"{one.target}: {one.name}, by {one.how}{f', {one.layout}' if one.layout else ''}"
        for one in ties.tied.values()
    ]
    return [*lines, *(f"not used: {name} {why}" for name, why in ties.left.items())]


def keep_partial(folder: Path, wish: Foreign, ties: Ties, ours: Side) -> Path:
    """Write the dump as a partial trace into the run's folder, in place of an earlier one of its name."""
    slug = re.sub("[^A-Za-z0-9_-]", "_", f"{wish.dump.stem}-{wish.example}")[: 2 * LONGEST]
    place = folder / FOLDER / slug
    file = (ours.records[wish.example].get("hashes") or {}).get("file")
    try:
        write_partial(place, ties, str(ours.job["model"].get("name", "")), wish.example, file)
    except OSError as error:
        raise InputError(f"{place}: cannot be written ({error.strerror or error}); make room") from error
    return place


def keep(folder: Path, found: Explanation | None, ladder: Ladder) -> None:
    """Write the explanation and its ladder into the run's folder, in place of those of an earlier dump."""
    ladders = {(one.example, one.cells): one for one in recall_ladders(folder)}
    write_ladders(folder, [*({**ladders, (ladder.example, ladder.cells): ladder}).values()])
    if found is not None:
        keep_explained(folder / CAUSES)
        append_line(folder / CAUSES, found)
