"""Fingerprint: everything about an environment that is known to change numbers."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional

import numpy as np

ROOMS = ("ami", "backends", "core", "detectors", "worker")  # of the inside half
VARIABLE_PREFIXES = (
    "ATEN_", "CUBLAS_", "CUDA_", "DNNL_", "KMP_", "MKL_", "NVIDIA_", "OMP_", "ONEDNN_",
    "OPENBLAS_", "OPENCV_", "ORT_", "PYTORCH_", "TORCH_", "VECLIB_",
)  # fmt: skip


def take_fingerprint(versions: Mapping[str, str], threads: int) -> Dict[str, Any]:
    """Operating system, processor, Python, libraries, threads and variables, as plain data."""
    return {
        "os": read_os_name(),
        "libc": " ".join(platform.libc_ver()).strip(),
        "kernel": f"{platform.system()} {platform.release()}",
        "machine": platform.machine(),
        "cpu": read_cpu(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "versions": dict(versions),
        "threads": threads,
        "variables": {
            key: os.environ[key] for key in sorted(os.environ) if key.startswith(VARIABLE_PREFIXES)
        },
        "packages": list_packages(),
    }


def read_os_name() -> str:
    """`Debian GNU/Linux 12 (bookworm)`, or what the platform module says."""
    try:
        lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.platform()
    names = [line.split("=", 1)[1].strip('"') for line in lines if line.startswith("PRETTY_NAME=")]
    return names[0] if names else platform.platform()


def read_cpu() -> Dict[str, Any]:
    """Processor model and its instruction-set flags (Linux; elsewhere what the platform module says)."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {"model": platform.processor(), "flags": []}
    fields = dict(line.split(":", 1) for line in text.split("\n\n", 1)[0].splitlines() if ":" in line)
    found = {key.strip(): value.strip() for key, value in fields.items()}
    model = found.get("model name") or found.get("CPU part") or platform.processor()
    return {"model": model, "flags": sorted((found.get("flags") or found.get("Features") or "").split())}


def list_packages() -> Dict[str, str]:
    """Installed Python distributions and their versions."""
    from importlib import metadata

    packages = {}
    for distribution in metadata.distributions():
        name = distribution.metadata["Name"]
        if name:
            packages[name.lower()] = distribution.version
    return dict(sorted(packages.items()))


def hash_code() -> str:
    """Hash of the inside half's sources that are running now."""
    return hash_sources(read_code(Path(__file__).resolve().parents[1]))


def read_code(root: Path) -> Dict[str, bytes]:
    """The inside half's sources in the package's folder, by their paths there, in a fixed order."""
    files: List[Path] = [root / "__init__.py"]
    for room in ROOMS:
        files.extend(sorted((root / room).rglob("*.py")))
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def hash_sources(code: Mapping[str, bytes]) -> str:
    """Hash of sources, their paths and their order."""
    digest = hashlib.sha256()
    for name, data in code.items():
        digest.update(name.encode() + b"\0")
        digest.update(data + b"\0")
    return digest.hexdigest()


def read_peak_memory() -> Optional[int]:
    """Peak resident memory of this process in bytes; None where the system does not tell."""
    try:  # Linux lets a program inherit the ru_maxrss of the one that started it, but not this
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) * 1024
    except (OSError, IndexError, ValueError):
        pass
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
