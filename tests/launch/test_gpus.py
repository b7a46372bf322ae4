"""GPUs: only a program that answers lists any."""

import pytest

from harness.launch.gpus import list_gpus


@pytest.mark.parametrize(
    ("body", "names"), [("echo H100; echo A100", ["H100", "A100"]), ("echo no driver; exit 9", [])]
)
def test_a_program_that_fails_lists_no_gpu(monkeypatch, tmp_path, body, names):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert list_gpus() == names
