"""An engine that ends while its cell runs: one clear failure, nothing else lost, and the next run goes on."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from docker_runs import finish, is_clean, make_client, make_root, start, wait_for_records

from harness.images.engine import connect_engine
from harness.images.recipes import read_images
from harness.launch.docker.leftovers import RUN_LABEL

pytestmark = pytest.mark.docker

ROOT = Path(__file__).parents[2]
FIXTURES = (make_client, make_root)
OPTIONS = ("--bridge", "none", "--iptables=false", "--ip6tables=false")
START_SECONDS = 300


class OwnEngine:
    """An engine beside the machine's, which a test may end and start."""

    def __init__(self, folder):
        self.folder, self.host = folder, f"unix://{folder}/engine.sock"
        self.process = None

    def start(self):
        places = ("--data-root", "data", "--exec-root", "exec", "--pidfile", "pid")
        paths = [word if word.startswith("--") else f"{self.folder}/{word}" for word in places]
        with (self.folder / "log").open("ab") as log:
            command = ["dockerd", *paths, "--host", self.host, *OPTIONS]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_SECONDS
        while not (self.folder / "engine.sock").exists() or not self.answers():
            assert time.monotonic() < deadline, (self.folder / "log").read_text()[-2000:]
            time.sleep(0.2)

    def answers(self):
        command = ["docker", "--host", self.host, "version"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(300)


@pytest.fixture(name="engine")
def make_engine(client, monkeypatch):
    if os.geteuid() != 0 or not shutil.which("dockerd") or not shutil.which("docker"):
        pytest.skip("only root with dockerd can start an engine of its own")
    folder = Path(tempfile.mkdtemp(prefix="engine-"))  # a socket's path must be short
    engine = OwnEngine(folder)
    engine.start()
    image = read_images(ROOT / "dockerfiles")["caffe-reference"]
    with subprocess.Popen(["docker", "--host", engine.host, "load"], stdin=subprocess.PIPE) as load:
        for piece in client.images.get(image.tag).save(named=image.tag):
            load.stdin.write(piece)
    assert load.returncode == 0
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    yield engine
    engine.end()
    shutil.rmtree(folder, ignore_errors=True)


def test_an_engine_that_ends_costs_one_cell_and_the_next_run_makes_only_that(engine, root):
    process = start(root, "a", "slow", examples=None)
    own = connect_engine()
    token = wait_for_records(own, root)["Labels"][RUN_LABEL]
    own.close()
    engine.end()
    code, summary, err = finish(process)
    assert code == 2, err
    cells = {cell["environment"]: cell for cell in summary["cells"]}
    assert (cells["a"]["status"], cells["slow"]["status"]) == ("done", "failed")
    assert "engine" in cells["slow"]["reason"] or "SIGKILL" in cells["slow"]["reason"]
    engine.start()
    code, summary, err = finish(start(root, "a", "slow", examples=None))
    assert code == 0, err
    assert {cell["environment"]: cell["reused"] for cell in summary["cells"]} == {"a": True, "slow": False}
    path = root / "reports" / summary["run"] / "cells" / "slow" / "cell.json"
    assert json.loads(path.read_text())["timings"]["examples"] == 400
    own = connect_engine()
    assert is_clean(own, root, token)
    own.close()
