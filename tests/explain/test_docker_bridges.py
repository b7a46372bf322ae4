"""A divergence between two containers, bridged in a third one."""

import json
import shutil
import subprocess
import sys

import pytest
from docker_runs import BOX, MODEL, make_client, make_root

FIXTURES = (make_client, make_root)
WITNESSES = {
    "leye": "conv3_3,49\nconv4_3,92\n",
    "reye": "conv3_3,49\nconv4_3,92\n",
    "nose": "conv3_3,49\nconv4_3,92\n",
    "mouth": "conv5_1,43,103\n",
}
"""One channel thrice: the deviation of equal sums is 0, but for last bits."""
THREADS = 'backend = "caffe"\nimage = "caffe-openblas"\nbatch_size = 1\n[settings]\nthreads = '


def call(root, *arguments):
    """Standard output of the command line in a project; exit code 2 fails."""
    command = [sys.executable, "-m", "harness", *map(str, arguments)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode != 2, done.stderr[-2000:]
    return done.stdout


@pytest.mark.docker
@pytest.mark.usefixtures("client")
def test_the_threads_of_a_container_are_tried_in_a_copy_of_it(root):
    for name, threads in (("one", 1), ("two", 2)):
        variables = f'[variables]\nOPENBLAS_NUM_THREADS = "{threads}"\n'
        (root / "environments" / f"{name}.toml").write_text(f"{BOX}{THREADS}{threads}\n{variables}")
    (root / "witnesses").mkdir()
    for attribute, text in WITNESSES.items():
        (root / "witnesses" / f"{attribute}_witness.txt").write_text(text)
    shutil.copytree(MODEL, root / "models" / "faces")
    options = ("--environment", "one", "--environment", "two", "--example", "fgsm-000*")
    call(root, "run", "--model", "models/faces", "--witnesses", "witnesses", *options)
    told = json.loads(call(root, "explain", "latest", "--no-waterfall", "--json"))
    (group,) = told["groups"]
    assert group["verdict"] == "proven"
    assert [cause["factor"] for cause in group["causes"]] in (
        ["settings.threads"],
        ["variables.OPENBLAS_NUM_THREADS"],
    )
    (folder,) = (root / "reports").iterdir()
    lines = [json.loads(line) for line in (folder / "causes.jsonl").read_text().splitlines()]
    assert {one["proof"]["kind"] for one in lines} == {"bridge"}
    assert {one["proof"]["in"].split("~")[0] for one in lines} == {"two"}
