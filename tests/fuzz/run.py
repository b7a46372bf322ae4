"""Readers of what environments leave: jobs, cells, runs, their reports, and logs."""

import io
import json
import shutil
import tarfile
from pathlib import Path

import past_runs
import small_model
from html_samples import make_rich
from logs import print_log

from fuzz.drive import Reader
from harness.diff.columns import read_columns
from harness.evaluate.by_attack import measure_attacks
from harness.launch.docker.leftovers import describe_owner, is_gone
from harness.launch.worker import judge_ending, pass_on
from harness.logs.import_log import Claim, import_log
from harness.matrix.durations import remember_durations
from harness.plan.register import Register
from harness.plan.store import find_damage
from harness.records.cell import read_cell
from harness.records.record import read_records
from harness.report.export import list_tables, open_csv, read_rows
from harness.report.html.command import start_command
from harness.report.html.example_lists import (
    find_example_lists,
    find_listed_examples,
    find_owners,
    read_run_request,
)
from harness.report.html.pictures import make_pictures
from harness.report.html.write import write_html
from harness.report.write import FORMS
from harness.summary.reading import read_summary
from harness.system.tarstream import unpack
from harness.verdict.compare import CellSelection, compare_runs
from harness.worker.job import load_job, read_job
from harness.worker.records import append_batch, keep_whole_batches
from harness.worker.tasks.extract import check_extraction
from harness.worker.tasks.judge import list_witnesses

HASHES = dict.fromkeys(("file", "pixels", "input", "logits_original", "logits_attribute"), "ab" * 32)
RECORDS = [
    {"example": f"e{number}", "source": f"e{number}", "attack": "bim", "gold": number, "original": 1,
     "attribute": 2, "case": "X-Y-Z", "detected": True, "margin_original": 0.5, "margin_attribute": 0.25,
     "score": 0.1, "hashes": HASHES}
    for number in range(4)
]  # fmt: skip


def write_json(path, data):
    """Write plain data."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=1), encoding="utf-8")


def seed_job(folder):
    """A job that judges, and one that extracts."""
    job = past_runs.make_cell("a")["job"]
    witness = {"path": "w.txt", "sha256": "0"}
    job["model"]["witnesses"] = dict.fromkeys(("leye", "reye", "nose", "mouth"), witness)
    job["model"]["preprocess"] = {"height": 8, "width": 8, "mean": [1, 2, 3], "scale": 1.0}
    job["examples"]["only"] = ["a", "b"]
    write_json(folder / "judge.json", {**job, "task": "judge"})
    kinds = {"substitution": ["s"], "preservation": ["p"]}
    extraction = {"base": "b", "pairs": {"nose": kinds}}
    write_json(folder / "extract.json", {**job, "task": "extract", "extraction": extraction})


def read_jobs(folder):
    """Both."""
    found = [read_job(load_job(folder / f"{name}.json")) for name in ("judge", "extract")]
    list_witnesses(found[0])
    check_extraction(found[1], {"b": None, "s": None, "p": None})
    return found


def seed_batches(folder):
    """Records that are vouched for batch by batch."""
    for start in (0, 2):
        append_batch(folder, "job", RECORDS[start : start + 2])


def resume_batches(folder):
    """What is kept of them."""
    return keep_whole_batches(folder, "job", [["e0", "e1"], ["e2", "e3"], ["e4"]])


def seed_cell(folder):
    """A cell as the store has it, its worker's progress, and who owns a container."""
    past_runs.write_cell(folder / "cell", past_runs.make_cell("a", execution="x"), RECORDS)
    past_runs.write_sums(folder / "cell")
    (folder / "cell" / "log.txt").write_text("one\ntwo\n")
    (folder / "progress.jsonl").write_text('{"event": "progress", "done": 1, "total": 2}\nhello\n')
    (folder / "owner.json").write_text(describe_owner())


def read_stored(folder):
    """What the launcher reads of them."""
    find_damage(folder / "cell")
    judge_ending(0, folder / "cell")
    judge_ending(2, folder / "cell")
    for line in (folder / "progress.jsonl").read_bytes().splitlines(keepends=True):
        with (folder / "log.txt").open("ab") as log:
            pass_on(line, log, lambda done, total: f"{done} {total}")
    is_gone((folder / "owner.json").read_bytes().decode("utf-8", "replace"))
    remember_durations(folder, {"a": folder / "cell"})
    read_cell(folder / "cell")
    return read_records(folder / "cell")


def seed_outputs(folder):
    """What a container gives back."""
    with tarfile.open(folder / "out.tar", "w") as tar:
        for name in ("cell.json", "records.jsonl"):
            info = tarfile.TarInfo(f"out/{name}")
            info.size = 6
            tar.addfile(info, io.BytesIO(b"{} {}\n"))


def unpack_outputs(folder):
    """The expected files of it."""
    (folder / "work").mkdir(exist_ok=True)
    return unpack(iter([(folder / "out.tar").read_bytes()]), folder / "work", "out")


def seed_run(folder):
    """A run of three cells, of which one differs and one has failed."""
    records = {"a": past_runs.make_records(1, 1, 1), "b": past_runs.make_records(1, 2, 1)}
    listed = [{"environment": name, "status": "done"} for name in records]
    cells = [*listed, {"environment": "c", "status": "failed"}, {"environment": "d", "status": "unavailable"}]
    request = {"model": "m", "examples": ["x"]}
    past_runs.write_run(folder / "run", records, ids="xyz", cells=cells, request=request)
    failed = past_runs.make_cell("c", status="failed", error="broke")
    past_runs.write_cell(folder / "run" / "cells" / "c", failed, [])
    (folder / "run" / "cells" / "c" / "log.txt").write_text("the end\n")
    other = past_runs.make_cell("b", origin="is from a log", imported={"selection": "Original = Gold"})
    image = {"tag": "t", "packages": {"debian": {"a": "1"}}}
    other["fingerprint"].update(versions={"torch": "2.6"}, image=image)
    other["job"]["port"] = {"preset": "notebook", "rules": {"ddof": 1, "listing": ["a"]}}
    write_json(folder / "run" / "cells" / "b" / "cell.json", other)
    (folder / "run" / "labels.txt").write_text("Ann\nBea\nCy\n")


def compare_run(folder):
    """Its comparison, in every form."""
    register = Register(reference="a", default="d", groups={})
    summary = compare_runs([str(folder / "run")], Path("nowhere"), register, CellSelection())
    return draw_forms(summary, folder)


def draw_forms(summary, folder):
    """Every form of a report."""
    for draw in FORMS.values():
        text = draw(summary, folder)
        "".join(text).encode()
    write_html(folder / "report.html", summary, [folder / "run"])
    return summary


def export_run(folder):
    """All its records as one table, and what the detector does with each attack."""
    with open_csv(folder / "table.csv") as write:
        for rows in read_rows(list_tables(folder / "run", {}), lambda _done, _total: None):
            write(rows)
    return [measure_attacks(read_columns(folder / "run" / "cells" / name)) for name in "ab"]


def seed_summary(folder):
    """A summary of everything that there is."""
    (folder / "summary.json").write_text(make_rich(4).model_dump_json())


def draw_summary(folder):
    """It, in every form."""
    return draw_forms(read_summary(folder), folder)


def seed_origins(folder):
    """A run that names a list of examples which is still there."""
    small_model.write_examples(folder / "list", 2)
    job = past_runs.make_cell("a")["job"]
    job["examples"].update(path=str(folder / "list" / "examples.jsonl"), sha256=None)
    override = {"port": "notebook", "alpha": 1.0, "rules": ["ddof=1"]}
    request = {"model": "m", "examples": ["x"], "npy": None, "labels": "l", "override": override, "repeat": 2}
    write_json(folder / "run" / "run.json", {"request": request, "cells": [{"job": job}]})


def read_origins(folder):
    """The pictures and commands that a page would have."""
    examples = find_listed_examples(find_example_lists([folder / "run"]))
    make_pictures(list(examples), examples, 2, 1 << 20)
    find_owners(["a", "a@run"], [folder / "run"])
    return start_command(read_run_request(folder / "run"), "m").encode()


def seed_log(folder):
    """What a notebook printed, the images it read, and the labels."""
    (folder / "log.txt").write_text("begin\n" + print_log([(1, 1, 2), (2, 3, 2), (0, 0, 0)]))
    (folder / "images.txt").write_text("Bea_0_1_2_3_4.jpg\nCy_0_1_2_3_4\nAnn_1_1_2_3_4.png\n")
    (folder / "labels.txt").write_text("Ann\nBea\nCy\n")


def import_whole_log(folder):
    """It as a cell."""
    claim = Claim("here", "patch", folder / "images.txt", folder / "labels.txt")
    shutil.rmtree(folder / "out", ignore_errors=True)
    return import_log(folder / "log.txt", folder / "out", claim)


RUN_FILES = tuple(
    f"run/{name}"
    for name in (
        "run.json", "labels.txt", "cells/a/cell.json", "cells/a/records.jsonl", "cells/b/cell.json",
        "cells/b/records.jsonl", "cells/c/cell.json", "cells/c/log.txt",
    )
)  # fmt: skip
READERS = (
    Reader("job", seed_job, read_jobs),
    Reader("batches", seed_batches, resume_batches, writes=True),
    Reader("cell", seed_cell, read_stored, writes=True),
    Reader("outputs", seed_outputs, unpack_outputs),
    Reader("run", seed_run, compare_run, RUN_FILES),
    Reader("records", seed_run, export_run, RUN_FILES),
    Reader("summary", seed_summary, draw_summary),
    Reader("origins", seed_origins, read_origins, ("run/run.json", "list/examples.jsonl")),
    Reader("log", seed_log, import_whole_log),
)
