"""Run folders that earlier versions wrote are read as what they were.

`data/run-before-replicates` was written before cells had an execution, a replicate or an id of their own.
"""

import json
import shutil
from pathlib import Path

import pytest

from harness.cli import main

RUN = Path(__file__).parent / "data" / "run-before-replicates"


@pytest.fixture(name="run")
def copy_run(tmp_path, monkeypatch):
    monkeypatch.chdir(Path(__file__).parents[2])
    return shutil.copytree(RUN, tmp_path / RUN.name)


def call(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["harness", *map(str, words)])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code or 0, capsys.readouterr().out


def test_its_comparison_comes_to_what_it_came_to(run, monkeypatch, capsys):
    code, out = call(monkeypatch, capsys, "diff", run, "--json")
    now, then = json.loads(out), json.loads((run / "summary.json").read_text(encoding="utf-8"))
    assert code == then["exit_code"] == 1
    assert [one["example"] for one in now["divergences"]] == [one["example"] for one in then["divergences"]]
    for key in ("baseline", "reference", "examples", "model"):
        assert now[key] == then[key]
    tuples = [[one["tuples"] for one in summary["divergences"]] for summary in (now, then)]
    assert tuples[0] == tuples[1]


def test_its_report_is_drawn_again(run, tmp_path, monkeypatch, capsys):
    forms = ("markdown", "junit", "html")
    options = [word for form in forms for word in (f"--{form}", tmp_path / form)]
    code, out = call(monkeypatch, capsys, "report", run, *options)
    assert code in {0, 1}
    assert "5 of 6 examples diverge among 4 environments" in out
    assert all((tmp_path / form).stat().st_size > 1000 for form in forms)


def test_its_rates_are_counted(run, monkeypatch, capsys):
    code, out = call(monkeypatch, capsys, "evaluate", run, "--json")
    assert code == 0
    assert "local-pytorch-port" in out
