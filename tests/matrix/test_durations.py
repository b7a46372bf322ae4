"""What cells took last time, and that the longest is served first."""

import json
import threading
import time

from harness.launch.pools import ResourcePool
from harness.matrix.durations import read_durations, remember_durations


def write_cell(folder, **timings):
    folder.mkdir()
    (folder / "cell.json").write_text(json.dumps({"schema": 1, "status": "done", "timings": timings}))
    return folder


def test_durations_are_remembered_and_merged(tmp_path):
    assert read_durations(tmp_path) == {}
    remember_durations(tmp_path, {"a": write_cell(tmp_path / "a", worker_seconds=3.5, resumed=0)})
    remember_durations(tmp_path, {"b": write_cell(tmp_path / "b", worker_seconds=1.0, resumed=0)})
    assert read_durations(tmp_path) == {"a": 3.5, "b": 1.0}


def test_resumed_and_broken_cells_tell_nothing(tmp_path):
    resumed = write_cell(tmp_path / "a", worker_seconds=3.5, resumed=8)
    broken = write_cell(tmp_path / "b")
    remember_durations(tmp_path, {"a": resumed, "b": broken, "c": tmp_path / "missing"})
    assert read_durations(tmp_path) == {}


def test_a_damaged_file_is_as_good_as_none(tmp_path):
    for damage in ("", "[]", '{"a": "x"}', '{"a": null}', '{"a": "1_0"}', '{"a": NaN}', "[" * 100_000):
        (tmp_path / "durations.json").write_text(damage)
        assert read_durations(tmp_path) == {}


def test_who_weighs_most_is_served_first():
    pool, order, stop = ResourcePool(2), [], threading.Event()

    def take(name, wanted, weight):
        with pool.lend(wanted, stop, weight):
            order.append(name)

    with pool.lend(2, stop):
        threads = []
        for name, wanted, weight in (("light", 1, 1.0), ("heavy", 2, 9.0), ("middle", 1, 5.0)):
            threads.append(threading.Thread(target=take, args=(name, wanted, weight)))
            threads[-1].start()
            while len(pool.waiting) < len(threads):
                time.sleep(0.01)
    for thread in threads:
        thread.join()
    assert order[0] == "heavy"
    assert sorted(order) == ["heavy", "light", "middle"]
    assert (pool.free, pool.waiting) == (2, [])
