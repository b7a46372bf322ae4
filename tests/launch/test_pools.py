"""Pools: what is lent is never lent twice, and who waits can be stopped."""

import threading
import time

import pytest
from fake_worker import stop_after

from harness.launch.pools import ResourcePool
from harness.system.stopping import Stopped


def use_cores(cores, wanted, log):
    with cores.lend(wanted, threading.Event()):
        log.append(cores.total - cores.free)
        time.sleep(0.05)


@pytest.mark.parametrize("wishes", [[1, 1, 1, 1], [2, 1, 2], [8, 1, 8, 3]])
def test_cores_are_never_lent_twice(wishes):
    cores, log = ResourcePool(2), []
    threads = [threading.Thread(target=use_cores, args=(cores, wanted, log)) for wanted in wishes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(log) == len(wishes)
    assert max(log) <= 2
    assert cores.free == 2


def test_waiting_for_cores_can_be_stopped():
    cores = ResourcePool(1)
    with cores.lend(1, threading.Event()), pytest.raises(Stopped), cores.lend(1, stop_after(0.2)):
        pass
