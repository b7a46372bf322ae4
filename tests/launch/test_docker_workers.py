"""Workers in containers that do as they please: locked in, and nothing but their own files comes out."""

import contextlib
import json
import threading

import pytest
from fake_worker import make_environment, write_worker

from harness.core.errors import InputError
from harness.images.engine import connect_engine, find_image
from harness.images.lock import ImageContents
from harness.images.recipes import native_architecture, read_images
from harness.launch.docker.containers import ContainerJob, run_container
from harness.launch.docker.leftovers import RUN_LABEL
from harness.launch.docker.session import connect_session, remove_volume
from harness.launch.launcher import Opening
from harness.system.project import ROOT
from harness.system.tarstream import TarEntry

pytestmark = pytest.mark.docker

JOB = {
    "cell": "m/one",
    "model": {"network": "", "caffemodel": None, "prototxt": None, "witnesses": {}},
    "examples": {"path": "", "sha256": "", "npy": None},
}


@pytest.fixture(name="session")
def make_session(tmp_path):
    try:
        session = connect_session(Opening(tmp_path, tmp_path, threading.Event(), print), {})
    except InputError as error:
        pytest.skip(str(error))
    session.shared_files = (TarEntry("model.prototxt", content=b"name"),)
    yield session
    remove_volume(session)
    with session.connect() as client:
        filters = {"label": f"{RUN_LABEL}={session.token}"}
        assert client.api.containers(all=True, filters=filters) == []
        assert not client.api.volumes(filters=filters).get("Volumes")


@pytest.fixture(name="launch")
def make_launch(session, tmp_path):
    image = read_images(ROOT / "dockerfiles")["pypi-opencv"]
    with session.connect() as client:
        found = find_image(client, image.tag)
    if found is None:
        pytest.skip(f"image {image.tag} is not built")
    contents = ImageContents(image.tag, found.id, "", {"debian": {"libc6": "1"}})
    (tmp_path / "work").mkdir()

    def launch(body, **more):
        seen = []
        snapshot = write_worker(tmp_path / "snapshot", body)
        environment = make_environment(**more)
        job = ContainerJob(
            environment.name, environment, JOB, contents, native_architecture(), snapshot, tmp_path / "work"
        )
        reason = run_container(
            session, job, contextlib.nullcontext, lambda done, total: seen.append((done, total)), session.stop
        )
        cell = json.loads((tmp_path / "work" / "cell.json").read_text())
        return reason, cell, seen, (tmp_path / "work" / "log.txt").read_text()

    return launch


def test_a_worker_that_does_its_work(launch):
    body = "tell(0, 2); print('plain'); tell(2, 2); print('error', file=sys.stderr); finish()"
    reason, cell, seen, log = launch(body)
    assert (reason, cell["status"], seen) == (None, "done", [(0, 2), (2, 2)])
    assert sorted(log.split()) == ["error", "plain"]


@pytest.mark.parametrize(
    ("attempt", "words"),
    [
        ("open('/x', 'w')", "Read-only file system"),
        ("open('/data/x', 'w')", "Read-only file system"),
        ("open('/work/code/x', 'w')", "Permission denied"),
        ("open('/work/job.json', 'w')", "Permission denied"),
        ("os.setuid(0)", "Operation not permitted"),
        ("os.chown('/work/out', 0, 0)", "Operation not permitted"),
        ("__import__('socket').create_connection(('192.0.2.1', 80), 5)", "unreachable"),
    ],
)
def test_what_a_worker_must_not_do_is_refused(launch, attempt, words):
    reason, cell, _, log = launch(attempt)
    assert words in reason, log
    assert cell["status"] == "failed"


def test_a_worker_can_read_its_data_and_write_to_tmp(launch):
    body = "assert open('/data/model.prototxt').read() == 'name'; open('/tmp/x', 'w').write('x'); finish()"
    assert launch(body)[0] is None


def test_links_and_strangers_stay_in_the_container(launch, tmp_path):
    body = (
        "finish(); (output / 'records.jsonl').unlink(); (output / 'records.jsonl').symlink_to('/etc/passwd');"
        "(output / 'other').write_text('x'); (output / 'sub').mkdir()"
    )
    reason, cell, _, log = launch(body)
    assert "broke (exit 0)" in reason
    assert cell["status"] == "failed"
    assert "'out/records.jsonl': is no regular file" in log
    assert "'out/other': is not expected" in log
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["cell.json", "job.json", "log.txt"]


def test_a_result_larger_than_any_can_be_is_not_taken(launch):
    reason, cell, _, _ = launch("finish(); open(output / 'cell.json', 'r+b').truncate(1 << 40)")
    assert "cell.json is of 1099511627776 bytes" in reason
    assert cell["status"] == "failed"


def test_garbage_without_end_is_cut_into_the_log(launch):
    reason, _, _, log = launch("sys.stdout.write('x' * 300_000); tell(1, 1); finish()")
    assert reason is None
    assert len(log) > 300_000


def test_a_silent_worker_is_ended(launch):
    # Ten seconds are also what its Python has to start.
    reason, cell, seen, _ = launch("tell(1, 2); time.sleep(600)", silence_seconds=10)
    assert "no progress for 10 s" in reason
    assert (cell["status"], seen) == ("failed", [(1, 2)])


def test_records_of_an_earlier_attempt_are_there(launch, tmp_path):
    (tmp_path / "work" / "records.jsonl").write_text('{"example": "a"}\n')
    body = (
        "import hashlib; file = output / 'records.jsonl'; text = file.read_text() * 2\n"
        "finish(); file.write_text(text)\n"
        "told = {'bytes': len(text), 'sha256': hashlib.sha256(text.encode()).hexdigest(), 'job': 'x'}\n"
        "(output / 'batches.jsonl').write_text(json.dumps(told) + '\\n')"
    )
    assert launch(body)[0] is None
    assert (tmp_path / "work" / "records.jsonl").read_text() == '{"example": "a"}\n' * 2


def test_the_engine_that_runs_here_is_here(session):
    assert session.engine.is_here
    client = connect_engine()
    assert session.engine.id == client.info()["ID"]
    client.close()
