"""The BLAS libraries in this process, by the names of their files.

threadpoolctl would find OpenBLAS and MKL, but neither ATLAS nor the reference BLAS, which are what Caffe's
environments compare; and no environment of Debian's brings it. A test holds this against it.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any, List, Optional

BLAS_NAMES = (
    "libblas", "libatlas", "libopenblas", "libscipy_openblas", "libmkl", "libf77blas", "libcblas", "libblis",
    "libflexiblas",
)  # fmt: skip


def find_blas() -> List[str]:
    """Files of the BLAS libraries in this process, links followed."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    paths = {fields[5] for fields in (line.split(maxsplit=5) for line in lines) if len(fields) == 6}
    return sorted(path for path in paths if Path(path).name.startswith(BLAS_NAMES))


def open_openblas(paths: List[str]) -> Optional[Any]:
    """OpenBLAS, where that is the BLAS in use."""
    for path in paths:
        library = ctypes.CDLL(path)
        if hasattr(library, "openblas_set_num_threads"):
            return library
    return None
