"""Cells of a few records, and what is judged of them."""

import datetime as dt

from harness.diff.cells import CellResult
from harness.diff.columns import take_columns
from harness.plan.register import Expected
from harness.summary.document import CellSummary
from harness.verdict.judge import RunDescription, make_summary

LATER = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=9)


def record(example, gold=1, original=1, attribute=1):
    return {
        "example": example, "attack": "fgsm", "gold": gold, "original": original,
        "attribute": attribute, "hashes": {"file": "f"},
    }  # fmt: skip


def result(name, *records, status="done", **more):
    cell = CellSummary(
        environment=name, cell=f"m/{name}", status=status, backend="reference",
        **{"port": "notebook", "parameters": {"alpha": 100.0}, **more},
    )  # fmt: skip
    if status != "done":
        return CellResult(cell)
    columns = take_columns(records)
    return CellResult(cell, columns)


def judge(*results, expected=(), known=None, must_compare=True, labels=None):
    lists = dict.fromkeys((one.summary.environment for one in results), known) if known else {}
    header = RunDescription("run", "0", "m", "a", lists, 1.0, must_compare, labels=labels or {})
    return make_summary(header, results, expected)


def entry(example="x", environment="b", until=LATER):
    return Expected(example=example, environment=environment, reason="r", owner="o", until=until)


SAME = (result("a", record("x"), record("y")), result("b", record("x"), record("y")))
OTHER = (result("a", record("x"), record("y")), result("b", record("x", 1, 1, 2), record("y")))
