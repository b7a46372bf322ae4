"""The published JSON schema of the summary, made from its classes."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from harness.summary.document import Summary

PLACE = Path("docs") / "summary.schema.json"


def render_schema() -> str:
    """JSON schema (2020-12) of what `--json` prints and `summary.json` holds."""
    schema = Summary.model_json_schema(mode="serialization")
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=1) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1] if sys.argv[1:] else PLACE).write_text(render_schema(), encoding="utf-8")
