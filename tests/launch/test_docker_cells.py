"""Cells in containers: the same tuples as here, and nothing is left behind however a run ends."""

import json
import shutil
import signal

import pytest
from docker_runs import (
    COUNT,
    END_SECONDS,
    ROOT,
    finish,
    is_clean,
    list_mine,
    make_client,
    make_root,
    read_cells,
    start,
    wait_for_records,
)

from harness.images.recipes import read_images
from harness.launch.docker.leftovers import RUN_LABEL

pytestmark = pytest.mark.docker
FIXTURES = (make_client, make_root)


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
