"""An environment run twice: executions of their own, told from copies, and noise that shows."""

import json

from noisy_project import COUNT, list_runs, make_harness, read_cells, write_project

__all__ = ["make_harness"]  # a fixture


def read_executions(folder):
    return {name: cell["execution"] for name, cell in read_cells(folder).items()}


def test_environments_of_one_content_are_two_executions(harness, tmp_path):
    write_project(tmp_path, "noisy-a", "noisy-b")
    (tmp_path / "environments" / "matrix.toml").write_text(
        'reference = "noisy-a"\ndefault = "default"\n[groups]\ndefault = "all"\n'
    )
    code, out, _ = harness("matrix", "--model", "small")
    assert "reused" not in out
    assert f"DIVERGED: 2 of {COUNT} examples diverge" in out
    assert code == 1


def test_a_repeated_environment_shows_its_noise(harness, tmp_path):
    write_project(tmp_path, "a", "noisy")
    code, out, err = harness("matrix", "--model", "small", "--repeat", 3)
    assert code == 1, out + err
    (folder,) = list_runs(tmp_path)
    cells = json.loads((folder / "run.json").read_text())["cells"]
    names = ["a", "a#2", "a#3", "noisy", "noisy#2", "noisy#3"]
    assert [cell["id"] for cell in cells] == names
    assert [path.name for path in sorted((folder / "cells").iterdir())] == names
    assert all(f"\n  {name} " in err for name in names)
    assert len(set(read_executions(folder).values())) == 6
    summary = json.loads((folder / "summary.json").read_text())
    assert {name for one in summary["divergences"] for name in one["departing"]} == set(names[3:])


def test_a_repetition_is_in_the_store_the_next_time(harness, tmp_path):
    write_project(tmp_path, "a")
    assert harness("matrix", "--model", "small", "--repeat", 2)[0] == 0
    code, out, _ = harness("matrix", "--model", "small", "--repeat", 3)
    assert code == 0
    assert "reused 2 of 3 cells" in out
    first, second = map(read_executions, list_runs(tmp_path))
    assert first.items() < second.items()


def test_a_fresh_run_takes_nothing_from_the_store_and_is_kept(harness, tmp_path):
    write_project(tmp_path, "a", "noisy")
    harness("matrix", "--model", "small")
    _, out, err = harness("matrix", "--model", "small", "--fresh")
    assert "reused" not in out
    assert "in the store" not in err
    _, out, err = harness("matrix", "--model", "small")
    assert "reused 2 of 2 cells" in out
    assert "in the store" in err
    first, fresh, last = map(read_executions, list_runs(tmp_path))
    assert not set(first.values()) & set(fresh.values())
    assert last == fresh


def test_a_run_of_ones_own_files_is_repeated_too(harness, tmp_path):
    write_project(tmp_path, "a", "noisy")
    options = ("run", "--model", "small", "--environment", "noisy")
    assert harness(*options)[0] == 0
    assert harness(*options, "--repeat", 2)[0] == 1
    assert harness(*options, "--repeat", 0)[0] == 2
    _, out, _ = harness(*options, "--fresh")
    assert "reused" not in out
