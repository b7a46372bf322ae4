"""A summary read back: whole, of this version, and without contradictions."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import (
    ValidationError,
)

from harness.core.documents import call_document, read_json, shorten
from harness.core.errors import InputError
from harness.core.limits import MAX_SUMMARY_BYTES
from harness.summary.contradictions import find_contradiction
from harness.summary.document import VERSION, Summary
from harness.system.invocation import name_place, write_command


def read_summary(folder: Path) -> Summary:
    """Summary of a run's folder; InputError where there is none of this version, with what to do."""
    path = folder / "summary.json"
    if not os.path.lexists(path):
        raise InputError(f"{path}: cannot be read, for there is none; name the folder of a run")
    anew = f"`{write_command('diff', name_place(folder))}` compares the run's records anew"
    try:
        data = read_json(path, MAX_SUMMARY_BYTES, within=folder)
    except InputError as error:
        raise call_document(error, str(path), "is no summary", anew) from error
    try:
        summary = Summary.model_validate(data)
    except ValidationError as error:
        raise InputError(f"{path}: {explain_summary(data, error)}; {anew}") from error
    fault = find_contradiction(summary)
    if fault:
        raise InputError(f"{path}: is damaged ({fault}); {anew}")
    return summary


def explain_summary(data: Any, error: ValidationError) -> str:
    """Why data is no summary of this version."""
    if not isinstance(data, dict) or "schema_version" not in data:
        return "is no summary"
    if data["schema_version"] != VERSION:
        version = shorten(str(data["schema_version"]))
        return f"is of version {version}, this harness reads {VERSION}"
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    return f"is damaged ({shorten(key)}: {shorten(first['msg'])})"
