"""Harnesses that run cells in containers, and what they left of them."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import disguise

from harness.core.errors import InputError
from harness.images.build import BuildOptions, build_image
from harness.images.engine import connect_engine
from harness.images.recipes import read_images
from harness.launch.docker.leftovers import RUN_LABEL, WORKPLACE_LABEL
from harness.records.record import read_records
from harness.system.cache import find_cache

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "models" / "tiny-vgg-face"
COUNT = 16
END_SECONDS = 300  # for a harness that was told to end
LOCAL = 'description = "x"\nbackend = "reference"\ngroups = ["default"]\npackages = ["numpy==1"]\n'
BOX = 'description = "x"\nlauncher = "docker"\ngroups = ["default"]\n'
FILES = {
    "matrix": 'reference = "a"\ndefault = "default"\n[groups]\ndefault = "all"\n',
    "a": f'{LOCAL}[settings]\nprecision = "float64"\n',
    "caffe": f'{BOX}backend = "caffe"\nimage = "caffe-openblas"\n',
    "slow": f'{BOX}backend = "caffe"\nimage = "caffe-reference"\nbatch_size = 4\n',
    "wheels": f'{BOX}backend = "onnxruntime"\nimage = "pypi-onnxruntime"\n',
    "wrong": f'{BOX}backend = "pytorch"\nimage = "pypi-onnxruntime"\n',
    "tight": f'{BOX}backend = "onnxruntime"\nimage = "pypi-onnxruntime"\nmemory_megabytes = 64\n',
    "late": f'{BOX}backend = "caffe"\nimage = "caffe-reference"\ntimeout_seconds = 1\n',
}
STARTED = []  # harnesses that a failing test would leave behind


@pytest.fixture(name="client", scope="module")
def make_client():
    try:
        client = connect_engine()
    except InputError as error:
        pytest.skip(str(error))
    images, place = read_images(ROOT / "dockerfiles"), BuildOptions(find_cache(ROOT), stop=NeverStop())
    for name in ("caffe-openblas", "caffe-reference", "pypi-onnxruntime"):
        build_image(client, images[name], place, print)
    yield client
    client.close()


class NeverStop:
    """An event that is never set."""

    def is_set(self):
        return False


@pytest.fixture(name="root")
def make_root(tmp_path, monkeypatch):
    (tmp_path / "environments").mkdir()
    for name, text in FILES.items():
        (tmp_path / "environments" / f"{name}.toml").write_text(text)
    shutil.copytree(ROOT / "dockerfiles", tmp_path / "dockerfiles")
    lines = (MODEL / "examples" / "examples.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines[:: len(lines) // COUNT]][:COUNT]
    for entry in entries:  # paths that mean nothing inside a container
        entry["file"] = str(MODEL / "examples" / entry["file"])
    (tmp_path / "few.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    disguise(tmp_path / "environments", tmp_path / "home")
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield tmp_path
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.communicate()


def start(root, *names, examples="few.jsonl"):
    """A harness that runs environments on a few examples, or on so many that there is time to disturb it."""
    options = [word for name in names for word in ("--environment", name)]
    command = [sys.executable, "-m", "harness", "matrix", "--model", str(MODEL), "--json", *options]
    process = subprocess.Popen(
        [*command, *(["--examples", examples] if examples else [])],
        cwd=root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    STARTED.append(process)
    return process


def finish(process):
    """Exit code, summary and standard error of a harness."""
    out, err = process.communicate(timeout=900)
    return process.returncode, json.loads(out) if out else None, err


def read_cells(root, summary):
    """Records of a run's cells by environment, without what differs from run to run."""
    return {
        folder.name: [
            {key: value for key, value in record.items() if key != "seconds"}
            for record in read_records(folder)
        ]
        for folder in (root / "reports" / summary["run"] / "cells").iterdir()
    }


def list_mine(client, root):
    """Containers whose workplaces lie in a test's cache."""
    found = client.api.containers(all=True, filters={"label": WORKPLACE_LABEL})
    return [one for one in found if one["Labels"][WORKPLACE_LABEL].startswith(str(root))]


def wait_for_records(client, root):
    """The running container of a test, once it has written some of many records."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        for one in list_mine(client, root):
            if one["State"] == "running" and b'"done": 8' in client.api.logs(one["Id"], stderr=False):
                return one
        time.sleep(0.1)
    raise AssertionError("no container came so far")


def is_clean(client, root, token):
    """Whether nothing of a run is left."""
    volumes = client.api.volumes(filters={"label": f"{RUN_LABEL}={token}"}).get("Volumes") or []
    return not list_mine(client, root) and not volumes
