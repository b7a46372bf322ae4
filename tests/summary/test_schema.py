"""The published schema is that of the code, and tells summaries from other things."""

import json
from pathlib import Path

import jsonschema
import pytest
from past_runs import make_records, write_run

from harness.plan.register import Register
from harness.summary.schema import PLACE, render_schema
from harness.verdict.compare import CellSelection, compare_runs

ROOT = Path(__file__).parents[2]


@pytest.fixture(name="summary")
def make_summary(tmp_path):
    """What `harness diff --json` prints of cells that diverge, lack an example, or are not there."""
    ones = make_records(1, 1, 1)
    cells = [{"environment": "box", "status": "unavailable", "reason": "no engine"}]
    run = write_run(tmp_path / "run", {"a": ones, "b": [*make_records(1, 2)]}, ids="xyz", cells=cells)
    (run / "labels.txt").write_text("Ann\nBob\nCy\n")
    register = Register(reference="a", default="d", groups={})
    return json.loads(compare_runs([str(run)], tmp_path, register, CellSelection()).model_dump_json())


def check(data):
    jsonschema.Draft202012Validator(json.loads((ROOT / PLACE).read_text(encoding="utf-8"))).validate(data)


def test_the_published_schema_is_current():
    assert (ROOT / PLACE).read_text(encoding="utf-8") == render_schema()


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(json.loads(render_schema()))


def test_a_summary_is_what_the_schema_says(summary):
    assert summary["divergences"]
    assert summary["incomparable"]
    check(summary)


@pytest.mark.parametrize(
    "change",
    [
        lambda summary: summary.pop("verdict"),
        lambda summary: summary.update(schema_version=1),
        lambda summary: summary.update(more=1),
        lambda summary: summary["divergences"][0]["baseline"].append(1),
        lambda summary: summary["divergences"][0]["changes"].update(b=["score"]),
        lambda summary: summary["cells"][0].update(status="reused"),
        lambda summary: summary.update(exit_code=3),
    ],
)
def test_anything_else_is_not(summary, change):
    change(summary)
    with pytest.raises(jsonschema.ValidationError):
        check(summary)
