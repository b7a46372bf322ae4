"""BLAS libraries: all that threadpoolctl finds are found without it."""

import ctypes.util
import sys
from pathlib import Path

import numpy as np
import pytest

from harness.backends import blas

LINUX = pytest.mark.skipif(not Path("/proc/self/maps").is_file(), reason="only Linux lists what is loaded")


@LINUX
def test_what_threadpoolctl_finds_is_found():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    assert np.ones((2, 2)) @ np.ones(2) is not None  # has its BLAS loaded
    wanted = {one["filepath"] for one in threadpoolctl.threadpool_info() if one["user_api"] == "blas"}
    assert wanted
    assert {str(Path(one).resolve()) for one in wanted} <= set(blas.find_blas())


@LINUX
def test_what_is_not_loaded_is_not_found(tmp_path, monkeypatch):
    before = blas.find_blas()
    (tmp_path / "libblas.so.3").touch()
    assert blas.find_blas() == before
    monkeypatch.setattr(blas, "BLAS_NAMES", ("no such",))
    assert blas.find_blas() == []


def test_a_library_that_is_no_openblas_is_not_taken_for_one():
    if sys.platform == "win32":
        pytest.skip("its libraries have other names")
    name = ctypes.util.find_library("m") or pytest.skip("there is no libm")
    assert blas.open_openblas([name]) is None
