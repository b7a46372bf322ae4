"""Cells in containers: the same tuples as here, and nothing is left behind however a run ends."""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.core.errors import InputError
from harness.images.build import BuildOptions, build_image
from harness.images.engine import connect_engine
from harness.images.recipes import read_images
from harness.launch.docker.leftovers import RUN_LABEL, WORKPLACE_LABEL
from harness.launch.install import key_venv
from harness.plan.environments import read_environments
from harness.plan.store import read_records
from harness.system.cache import find_cache
from harness.system.machine import find_interpreter
from harness.system.manifest import write_manifest

pytestmark = pytest.mark.docker

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
    for environment in read_environments(tmp_path / "environments"):
        disguise(environment, tmp_path / "home")
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    yield tmp_path
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.communicate()


def disguise(environment, home):
    """A ready virtual environment that runs this interpreter."""
    place = home / "venvs" / key_venv(environment, find_interpreter(None))
    (place / "bin").mkdir(parents=True, exist_ok=True)
    (place / "bin" / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (place / "bin" / "python").chmod(0o755)
    write_manifest(place)


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


def test_containers_give_the_tuples_that_this_machine_gives(client, root):
    code, summary, err = finish(start(root, "a", "caffe", "wheels"))
    assert code == 0, err
    assert summary["compared"] == COUNT
    assert [cell["status"] for cell in summary["cells"]] == ["done"] * 3
    cell = json.loads((root / "reports" / summary["run"] / "cells" / "caffe" / "cell.json").read_text())
    image = read_images(ROOT / "dockerfiles")["caffe-openblas"]
    assert cell["fingerprint"]["image"]["id"] == client.images.get(image.tag).id
    assert "python3-caffe" in cell["fingerprint"]["image"]["packages"]["debian"]
    assert cell["fingerprint"]["python"].startswith("3.9.")
    assert not list_mine(client, root)
    code, summary, err = finish(start(root, "a", "caffe", "wheels"))
    assert (code, [cell["reused"] for cell in summary["cells"]]) == (0, [True] * 3)


def test_a_cell_sees_no_network_no_rights_and_nothing_to_write_to(client, root):
    process = start(root, "slow", examples=None)
    try:
        one = wait_for_records(client, root)
        found = client.api.inspect_container(one["Id"])
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=END_SECONDS)
    host = found["HostConfig"]
    assert (host["NetworkMode"], host["ReadonlyRootfs"], host["CapDrop"]) == ("none", True, ["ALL"])
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert found["Config"]["User"] == "1000:1000"
    assert (host["NanoCpus"], host["PidsLimit"], host["Memory"]) == (10**9, 512, 4096 << 20)
    assert host["CpusetCpus"] != ""
    assert all(mount["Type"] == "volume" for mount in found["Mounts"])
    assert {mount["Destination"]: mount["RW"] for mount in found["Mounts"]} == {"/data": False, "/work": True}


def test_an_interruption_leaves_nothing_and_its_records_are_used(client, root):
    process = start(root, "slow", examples=None)
    token = wait_for_records(client, root)["Labels"][RUN_LABEL]
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=END_SECONDS)
    assert (process.returncode, out) == (130, ""), err
    assert is_clean(client, root, token)
    assert_goes_on(root)


def test_what_a_killed_harness_left_is_rescued_and_swept(client, root):
    process = start(root, "slow", examples=None)
    token = wait_for_records(client, root)["Labels"][RUN_LABEL]
    process.kill()
    process.communicate(timeout=END_SECONDS)
    assert list_mine(client, root)
    err = assert_goes_on(root)
    assert f"removed what killed runs left: ami-harness-{token}-slow" in err
    assert is_clean(client, root, token)


def assert_goes_on(root):
    """A second run starts where the first one ended and records what an undisturbed one does."""
    code, summary, err = finish(start(root, "a", "slow", examples=None))
    assert code == 0, err
    cell = json.loads((root / "reports" / summary["run"] / "cells" / "slow" / "cell.json").read_text())
    assert cell["timings"]["resumed"] >= 8
    records = read_cells(root, summary)["slow"]
    shutil.rmtree(root / "home" / "store")
    _, summary, _ = finish(start(root, "slow", examples=None))
    assert read_cells(root, summary)["slow"] == records
    return err


def test_a_killed_container_is_a_failed_cell(client, root):
    process = start(root, "slow", examples=None)
    client.api.kill(wait_for_records(client, root)["Id"])
    code, summary, _ = finish(process)
    assert code == 2
    assert "killed by SIGKILL" in summary["cells"][0]["reason"]
    assert not list_mine(client, root)


@pytest.mark.parametrize(
    ("name", "words", "examples"),
    [
        ("wrong", "No module named 'torch'; add its framework", "few.jsonl"),
        ("tight", "ran out of memory (memory_megabytes = 64)", "few.jsonl"),
        ("late", "not done after 1 s (timeout_seconds)", None),
    ],
)
def test_a_cell_that_cannot_end_well_says_why_and_stops_no_other(client, root, name, words, examples):
    code, summary, err = finish(start(root, "a", "caffe", name, examples=examples))
    assert code == 2, err
    cells = {cell["environment"]: cell for cell in summary["cells"]}
    assert {one: cells[one]["status"] for one in ("a", "caffe", name)} == {
        "a": "done", "caffe": "done", name: "failed",
    }  # fmt: skip
    assert words in cells[name]["reason"]
    assert not list_mine(client, root)
