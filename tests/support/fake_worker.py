"""Workers that do as they are told: a stand-in for `harness.worker`, written into a folder of its own."""

import hashlib
import threading

from harness.plan.environments import Environment

START = """
import json, os, pathlib, signal, subprocess, sys, time
job = json.loads(pathlib.Path(sys.argv[1]).read_text())
output = pathlib.Path(job["output"])

def tell(done, total):
    print(json.dumps({"event": "progress", "done": done, "total": total}), flush=True)

def finish(status="done", error=None):
    (output / "records.jsonl").touch()
    cell = {"schema": 1, "status": status, "error": error, "job": job, "timings": {}}
    (output / "cell.json").write_text(json.dumps(cell))

"""


def write_worker(folder, body):
    """A folder that holds a worker with that body; returns it."""
    (folder / "harness" / "worker").mkdir(parents=True, exist_ok=True)
    for package in (folder / "harness", folder / "harness" / "worker"):
        (package / "__init__.py").touch()
    (folder / "harness" / "worker" / "__main__.py").write_text(START + body, encoding="utf-8")
    return folder


def make_environment(name="one", **more):
    """An environment that installs nothing."""
    fields = {"description": "x", "backend": "reference", "groups": (), "packages": ()}
    return Environment(name=name, **{**fields, **more})


def make_key(text):
    """A key of the kind that cells have."""
    return hashlib.sha256(text.encode()).hexdigest()


def stop_after(seconds):
    """An event that is set after a while."""
    stop = threading.Event()
    timer = threading.Timer(seconds, stop.set)
    timer.daemon = True  # who needs it no more need not wait for it
    timer.start()
    return stop
