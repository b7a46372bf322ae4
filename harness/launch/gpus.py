"""Whether this machine has a GPU that environments can use."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

NVIDIA = Path("/proc/driver/nvidia/version")


def has_gpu() -> bool:
    """Whether this machine has an NVIDIA GPU and its driver."""
    return NVIDIA.exists() or bool(list_gpus())


def list_gpus() -> list[str]:
    """Names of the GPUs that NVIDIA's own program lists; none where it is missing or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    question = [program, "--query-gpu=name", "--format=csv,noheader"]
    try:
        answer = subprocess.run(question, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return answer.stdout.split("\n")[:-1] if answer.returncode == 0 else []
