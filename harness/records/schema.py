"""The published JSON schemas of a record and of `cell.json`, made from their classes."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

import msgspec

from harness.records.cell import CellFile
from harness.records.record import Record

DOCS = Path("docs")
SHAPES: dict[str, type[msgspec.Struct]] = {"record.schema.json": Record, "cell.schema.json": CellFile}
DRAFT = "https://json-schema.org/draft/2020-12/schema"


def render_schema(shape: type[msgspec.Struct]) -> str:
    """JSON schema (2020-12) of a shape; keys that it does not have are allowed, as readers allow them."""
    schema: dict[str, Any] = msgspec.json.schema(shape)
    for part in schema["$defs"].values():
        part["description"] = inspect.cleandoc(part["description"])
    return json.dumps({"$schema": DRAFT, **schema}, indent=1) + "\n"


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if sys.argv[1:] else DOCS
    for name, shape in SHAPES.items():
        (folder / name).write_text(render_schema(shape), encoding="utf-8")
