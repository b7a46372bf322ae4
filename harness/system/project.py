"""The project: the folder that has environments, models and reports."""

from __future__ import annotations

from pathlib import Path

import harness

ROOT = Path(harness.__file__).resolve().parents[1]


def find_root() -> Path:
    """The project's folder: the one people are in where it has environments, or this code's own."""
    here = Path.cwd()
    return here if (here / "environments" / "matrix.toml").is_file() else ROOT
