"""Extracting witnesses: the images made ready, a cell for each environment, a set out of each."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.ami.extraction import last_hidden
from harness.ami.port import ATTRIBUTES
from harness.ami.witnesses import check_names
from harness.backends import NAMES
from harness.core.decode import DECODERS
from harness.core.errors import InputError
from harness.examples.subject import Subject, find_network
from harness.matrix.campaign import Screen, open_workspace, remove_failed, run_campaign
from harness.matrix.schedule import Outcome
from harness.model.folder import Model, read_model
from harness.records.cell import read_cell
from harness.records.record import read_records
from harness.system.cache import HashCache, read_hashes
from harness.system.processes import read_end
from harness.witnesses.cells import ask_cells, choose_environments
from harness.witnesses.compare import compare_sets
from harness.witnesses.landmarks import read_landmarks
from harness.witnesses.mutants import LIST, Mutants, find_mutants, list_files, make_mutants, write_list
from harness.witnesses.portraits import list_ignored, list_others, read_portraits
from harness.witnesses.sets import read_set, write_set
from harness.witnesses.sheet import draw_sheet

MUTATED, SHEET = "mutated", "contact-sheet.png"


@dataclass(frozen=True)
class Request:
    """What is asked for on the command line; `backends` run in this very interpreter.

    With `fresh`, nothing is taken from the store.
    """

    model: str
    base: Path
    output: Path
    others: Path | None = None
    landmarks: Path | None = None
    mutated: Path | None = None
    globs: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
    decoder: str = "opencv"
    prototxt: Path | None = None
    caffemodel: Path | None = None
    labels: Path | None = None
    stages: tuple[str, ...] = ()
    level: int | None = None
    ca_bundle: Path | None = None
    fresh: bool = False


@dataclass(frozen=True)
class Extracted:
    """What one environment came to: its folder and its witnesses by attribute, or why it has none.

    `changes` are entries lost and added against the first environment that came to something.
    """

    environment: str
    status: str
    reused: bool
    folder: Path | None
    reason: str | None
    counts: Mapping[str, int]
    log_end: str = ""
    changes: tuple[int, int] | None = None


@dataclass(frozen=True)
class Extraction:
    """All environments' results, the picture to look at, and what is to be known about them."""

    output: Path
    sheet: Path
    pairs: Mapping[str, int]
    results: tuple[Extracted, ...]
    notes: tuple[str, ...]


def run_extraction(request: Request, root: Path, screen: Screen) -> Extraction:
    """Do what is asked for; InputError where nothing can start. Finished cells stay in the store."""
    check_request(request)
    environments = choose_environments(root, request.model, request.globs, request.backends, request.decoder)
    model = read_model(
        request.model,
        prototxt=request.prototxt,
        caffemodel=request.caffemodel,
        labels=request.labels,
        level=request.level,
        stages=request.stages,
        need_witnesses=False,
    )
    last_hidden(model.network)
    check_names(model.network)
    mutants, sheet = prepare_images(request, model, screen)
    path, pairs = write_list(mutants, request.output)
    with open_workspace(root, screen) as workspace:
        hashes = read_hashes(workspace.cache)
        subject = make_subject(model, path, len(list_files(mutants)), workspace.cache, hashes, screen)
        hashes.save()
        campaign = ask_cells(environments, subject, pairs, fresh=request.fresh, ca_bundle=request.ca_bundle)
        outcomes = run_campaign(workspace, campaign).outcomes
        kept = [keep_outcome(outcome, request.output) for outcome in outcomes]
        remove_failed(outcomes)
    results = compare_results(kept)
    return Extraction(
        output=request.output,
        sheet=sheet,
        pairs={attribute: len(mutants.list_names(attribute)) for attribute in mutants.pairs},
        results=results,
        notes=(*model.notes, *list_notes(request, mutants, results)),
    )


def check_request(request: Request) -> None:
    """Refuse options that do not go together or name nothing."""
    if request.mutated is None and (request.others is None or request.landmarks is None):
        raise InputError("witnesses extract: give --others and --landmarks, or --mutated with ready images")
    if request.mutated is not None and (request.others or request.landmarks):
        raise InputError("witnesses extract: --mutated goes without --others and --landmarks")
    if request.decoder not in DECODERS:
        raise InputError(f"--decoder {request.decoder}: unknown; there are {', '.join(DECODERS)}")
    for backend in request.backends:
        if backend not in NAMES:
            raise InputError(f"--backend {backend}: unknown; there are {', '.join(NAMES)}")
    if not request.base.is_file():
        raise InputError(f"{request.base}: is no file; name the base face with --base")
    check_output(request)


def check_output(request: Request) -> None:
    """Refuse to write into a folder that holds other things than an earlier extraction."""
    output = request.output
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is no folder; name one with --output")
    if output.is_dir() and any(output.iterdir()) and not (output / LIST).is_file():
        raise InputError(f"{output}: holds other things than an extraction; name a new folder with --output")


def prepare_images(request: Request, model: Model, screen: Screen) -> tuple[Mutants, Path]:
    """Make or find the mutated images, and draw the contact sheet; both, and nothing else, are written."""
    if request.mutated is not None:
        portraits = []
        mutants = find_mutants(request.base, request.mutated, request.decoder)
    else:
        assert request.others is not None
        assert request.landmarks is not None
        landmarks = read_landmarks(request.landmarks)
        paths = [request.base, *list_others(request.base, request.others)]
        portraits = read_portraits(paths, landmarks, model, request.decoder)
        shutil.rmtree(request.output / MUTATED, ignore_errors=True)
        count = f"of {len(portraits) - 1} pairs of faces"
        mutants = make_mutants(
            portraits,
            model,
            request.output / MUTATED,
            lambda attribute: screen.say(f"exchanged {attribute} {count}"),
        )
    return mutants, draw_sheet(request.output / SHEET, mutants, portraits, request.decoder)


def make_subject(
    model: Model, path: Path, count: int, cache: Path, hashes: HashCache, screen: Screen
) -> Subject:
    """The model and the images, as cells take them."""
    network = find_network(model, cache, hashes, screen.say)
    return Subject(
        model=model.name,
        network=network,
        network_key=hashes.hash_file(network / "network.json"),
        caffemodel=model.caffemodel.resolve(),
        prototxt=model.prototxt.resolve(),
        classes=model.network.logits.shape[0],
        preprocess=dataclasses.asdict(model.preprocess),
        witnesses={},
        examples=path.resolve(),
        examples_sha256=hashes.hash_file(path),
        example_ids=tuple(str(number) for number in range(count)),
        state=model.state,
    )


def keep_outcome(outcome: Outcome, output: Path) -> Extracted:
    """Write an environment's set into a folder of its name, where it has one."""
    name = outcome.cell.environment.name
    if outcome.status != "done" or outcome.folder is None:
        end = read_end(outcome.folder / "log.txt") if outcome.folder else ""
        shutil.rmtree(output / name, ignore_errors=True)
        return Extracted(name, outcome.status, outcome.reused, None, outcome.reason, {}, end)
    records = read_records(outcome.folder)
    write_set(output / name, records, read_cell(outcome.folder))
    counts: dict[str, int] = {}
    for one in records:
        counts[one["attribute"]] = counts.get(one["attribute"], 0) + len(one["witnesses"])
    return Extracted(name, "done", outcome.reused, output / name, None, counts)


def compare_results(results: Sequence[Extracted]) -> tuple[Extracted, ...]:
    """The results, each with what it lost and added against the first."""
    sets = {one.environment: read_set(one.folder) for one in results if one.folder}
    first, found = next(iter(sets.values()), None), []
    for one in results:
        if first is not None and one.environment in sets and sets[one.environment] is not first:
            kinds = [change.kind for change in compare_sets(first, sets[one.environment]).changes]
            found.append(dataclasses.replace(one, changes=(kinds.count("lost"), kinds.count("added"))))
        else:
            found.append(one)
    return tuple(found)


def list_notes(request: Request, mutants: Mutants, results: Sequence[Extracted]) -> list[str]:
    """Files left out, attributes without images, and those of which no channel came out as a witness."""
    notes = []
    for folder in list_folders(request, mutants):
        ignored = list_ignored(folder)
        if ignored:
            notes.append(f"{folder}: {len(ignored)} files are no images: {', '.join(ignored[:5])}")
    left_out = [attribute for attribute in ATTRIBUTES if attribute not in mutants.pairs]
    if left_out:
        notes.append(f"no witnesses of {', '.join(left_out)}: {request.mutated} has no images of them")
    for attribute in mutants.pairs:
        empty = [one.environment for one in results if one.status == "done" and not one.counts[attribute]]
        if empty:
            notes.append(
                f"{attribute}: no channel passed in all {len(mutants.list_names(attribute))} pairs"
                f" ({', '.join(empty)}); its witness files are empty"
            )
    return notes


def list_folders(request: Request, mutants: Mutants) -> list[Path]:
    """The user's folders that images were taken from."""
    if request.others is not None:
        return [request.others]
    return [files[0].parent for kinds in mutants.pairs.values() for files in kinds.values()]
