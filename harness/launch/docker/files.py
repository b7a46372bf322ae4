"""Files that containers read: those of a run, sent once, and those of one cell; and where they lie inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.examples import list_examples, locate_copy
from harness.core.traces import INDEX
from harness.examples.subject import Subject
from harness.launch.docker.details import NamedFiles
from harness.plan.store import RESUMABLE
from harness.system.tarstream import TAKEN, TarEntry
from harness.worker.batches import form_batches
from harness.worker.tasks.trace import LIMIT_BYTES, name_archive

DATA_FOLDER = "/data"
WORK_FOLDER, OUTPUT = "/work", "out"


def list_shared_files(runs: Sequence[tuple[Subject, int]]) -> tuple[TarEntry, ...]:
    """Everything that cells read, named as by `relocate_job`.

    `runs` are what is run, in batches of which size; it differs in the chosen examples alone.
    """
    if not runs:
        return ()
    subject = runs[0][0]
    found = [
        TarEntry(f"network/{path.relative_to(subject.network).as_posix()}", path)
        for path in sorted(subject.network.rglob("*"))
        if path.is_file()
    ]
    if subject.caffemodel is not None:
        found.append(TarEntry("model.caffemodel", subject.caffemodel))
    if subject.prototxt is not None:
        found.append(TarEntry("model.prototxt", subject.prototxt))
    witnesses = {digest: path for files in subject.witnesses.values() for path, digest in files.values()}
    found += [TarEntry(f"witnesses/{digest}.txt", path) for digest, path in witnesses.items()]
    found.append(TarEntry("examples.jsonl", subject.examples))
    listed = list_examples(subject.examples, subject.classes)
    sizes = {(one.only, size) for one, size in runs}
    batches = [batch for only, size in sizes for batch in form_batches(listed, size, only)]
    examples = {f"examples/{locate_copy(one)}": one.path for batch in batches for one in batch.examples}
    return (*found, *(TarEntry(name, path) for name, path in examples.items()))


def relocate_job(job: Mapping[str, Any], named: NamedFiles | None = None) -> dict[str, Any]:
    """A job with the paths that files have inside a container; `named` takes down those of its details."""
    model, examples = job["model"], job["examples"]
    named = NamedFiles(WORK_FOLDER) if named is None else named
    details = {"details": named.relocate(job["details"])} if "details" in job else {}
    return {
        **job,
        **details,
        "model": {
            **model,
            "network": f"{DATA_FOLDER}/network",
            "caffemodel": model["caffemodel"] and f"{DATA_FOLDER}/model.caffemodel",
            "prototxt": model["prototxt"] and f"{DATA_FOLDER}/model.prototxt",
            "witnesses": {
                name: {**entry, "path": f"{DATA_FOLDER}/witnesses/{entry['sha256']}.txt"}
                for name, entry in model["witnesses"].items()
            },
        },
        "examples": {
            **examples,
            "path": f"{DATA_FOLDER}/examples.jsonl",
            "files": f"{DATA_FOLDER}/examples",
        },
        "output": f"{WORK_FOLDER}/{OUTPUT}",
    }


def list_own_files(snapshot: Path, workplace: Path, named: NamedFiles) -> Iterator[TarEntry]:
    """What one cell alone gets: its job and what this names, the worker's code, and earlier records."""
    yield TarEntry(OUTPUT)
    yield TarEntry("job.json", workplace / "job.json")
    yield from named.list_entries()
    for path in sorted(snapshot.rglob("*.py")):
        yield TarEntry(f"code/{path.relative_to(snapshot).as_posix()}", path)
    for name in RESUMABLE:
        if (workplace / name).is_file():
            yield TarEntry(f"{OUTPUT}/{name}", workplace / name, mine=True)


def list_taken(job: Mapping[str, Any]) -> dict[str, int]:
    """Names of files that a cell leaves, and of how many bytes each may be: of a trace too."""
    if job.get("task") != "trace":
        return TAKEN
    details = job["details"]
    limit = details.get("limit_bytes", LIMIT_BYTES)
    return {
        **TAKEN,
        INDEX: TAKEN["cell.json"],
        **{name_archive(one): limit for one in details["examples"]},
    }
