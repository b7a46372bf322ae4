"""Libraries that some verbs need and an installation may lack: which they are, and how to get them."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from harness.core.errors import InputError

# Modules and what brings them, as in the extras of pyproject.toml.
PYTORCH = {"torch": "torch>=2.6", "PIL": "pillow"}
OPENCV = {"cv2": "opencv-python-headless>=4.5,<5"}
EXTRAS = {
    "attacks": {"art": "adversarial-robustness-toolbox==1.20.1", **OPENCV, **PYTORCH},
    "jpeg": {"jpeglib": "jpeglib>=1.0.2"},
    "landmarks": {"dlib": "dlib>=19.24,<21", **OPENCV},
    "onnxruntime": {"onnxruntime": "onnxruntime>=1.20", "onnx": "onnx>=1.17", "PIL": "pillow"},
    "opencv": OPENCV,
    "openvino": {"openvino": "openvino>=2026.4", "onnx": "onnx>=1.17", "PIL": "pillow"},
    "parquet": {"pyarrow": "pyarrow>=18"},
}
KNOWN = {module: text for modules in EXTRAS.values() for module, text in modules.items()}


def require_extra(name: str, what: str, instead: str = "") -> None:
    """InputError, with the command that installs them, where `what` lacks modules that it needs."""
    missing = [module for module in EXTRAS[name] if not is_there(module)]
    if missing:
        packages = [EXTRAS[name][module] for module in missing]
        raise InputError(
            f"{what} needs {' and '.join(missing)}, not installed here; {write_install(packages)}{instead}"
        )


def is_there(module: str) -> bool:
    """Whether a module can be found; it is not loaded, which takes seconds for some."""
    try:
        return find_spec(module) is not None
    except ValueError:  # somebody has put something else in its place
        return False


def write_install(packages: Sequence[str]) -> str:
    """`install with: …`: the command that installs packages for the interpreter that runs."""
    found = shutil.which("python")
    python = "python" if found and Path(found).samefile(sys.executable) else sys.executable
    return f"install with: {shlex.join([python, '-m', 'pip', 'install', *packages])}"


def explain_import(error: ImportError) -> str | None:
    """What to do where a library cannot be imported; None where that is no fault of the installation."""
    module = (error.name or "harness").partition(".")[0]
    if module == "harness" or module in sys.stdlib_module_names:
        return None
    install = write_install([KNOWN[module]]) if module in KNOWN else "install the harness again"
    if isinstance(error, ModuleNotFoundError):
        return f"{module} is not installed here; {install}"
    return f"{module} is installed, but cannot be loaded ({error}); mend it, or {install}"
