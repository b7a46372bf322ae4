"""What a cell says of its process, also on systems that tell it in another way."""

from pathlib import Path

import pytest

from harness.worker.fingerprint import read_peak_memory


@pytest.mark.parametrize("status", ["", "VmHWM:", "VmHWM: none kB", None])
def test_peak_memory_is_known_where_no_status_tells_it(monkeypatch, status):
    pytest.importorskip("resource")

    def read(*_, **__):
        if status is None:
            raise FileNotFoundError
        return status

    monkeypatch.setattr(Path, "read_text", read)
    assert read_peak_memory() > 1e6
