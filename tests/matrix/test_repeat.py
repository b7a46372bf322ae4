"""An environment run twice: executions of their own, told from copies, and noise that shows."""

import json

from command_line import list_runs
from noisy_project import COUNT, make_harness, read_cells, write_project
from past_runs import write_sums

from harness.verbs import composition as run

FIXTURES = (make_harness,)


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


def test_a_result_that_is_replaced_meanwhile_is_not_mixed_with_another(harness, tmp_path, monkeypatch):
    """As a fresh run elsewhere does: what is judged is what is kept, from the old result or the new."""
    write_project(tmp_path, "a", "noisy")
    harness("matrix", "--model", "small")
    read, replaced = run.read_result, []

    def replace():
        for path in [] if replaced else (tmp_path / "home" / "store").glob("*/records.jsonl"):
            replaced.append(path)
            path.write_text(path.read_text().replace('"attribute": ', '"attribute": 1'))
            write_sums(path.parent)

    def read_then_replace(outcome, named):
        found = read(outcome, named)
        replace()
        return found

    monkeypatch.setattr(run, "read_result", read_then_replace)
    _, out, _ = harness("matrix", "--model", "small")
    assert "reused 2 of 2 cells" in out
    assert replaced
    judged = json.loads((list_runs(tmp_path)[-1] / "summary.json").read_text())
    compared = json.loads(harness("diff", list_runs(tmp_path)[-1], "--json")[1])
    assert (judged["agreeing"], judged["divergences"]) == (compared["agreeing"], compared["divergences"])


def test_a_run_of_ones_own_files_is_repeated_too(harness, tmp_path):
    write_project(tmp_path, "a", "noisy")
    options = ("run", "--model", "small", "--environment", "noisy")
    assert harness(*options)[0] == 0
    assert harness(*options, "--repeat", 2)[0] == 1
    assert harness(*options, "--repeat", 0)[0] == 2
    _, out, _ = harness(*options, "--fresh")
    assert "reused" not in out


def test_noise_is_named_in_every_form(harness, tmp_path):
    write_project(tmp_path, "a", "noisy")
    _, out, _ = harness("matrix", "--model", "small", "--repeat", 2)
    assert f"note: noisy disagrees with itself in 2 of {COUNT} examples (noisy, noisy#2)" in out
    assert f"note: a agrees with itself in all {COUNT} examples (a, a#2)" in out
    assert f"; noisy disagrees with itself in 2 of {COUNT}" in " ".join(out.split())
    (folder,) = list_runs(tmp_path)
    for name in ("report.txt", "report.md", "report.html", "junit.xml"):
        assert f"noisy disagrees with itself in 2 of {COUNT}" in (folder / name).read_text(), name
    causes = [one["causes"] for one in json.loads((folder / "summary.json").read_text())["divergences"]]
    assert {text for one in causes for text in one.values()} == {"noisy disagrees with itself"}
    assert "cause: noisy disagrees with itself" in (folder / "junit.xml").read_text()


def test_a_rerun_is_compared_and_a_copy_is_not(harness, tmp_path):
    write_project(tmp_path, "a", "noisy")
    harness("matrix", "--model", "small")
    harness("matrix", "--model", "small", "--fresh")
    harness("matrix", "--model", "small")
    first, fresh, copy = list_runs(tmp_path)
    code, out, _ = harness("diff", first, fresh)
    assert code == 1
    assert f"note: noisy@{first.name} and noisy@{fresh.name} differ on 2 of {COUNT} examples" in out
    assert "the same in every run: a\n" in out
    code, out, _ = harness("diff", fresh, copy)
    assert code == 2
    words = " ".join(out.split())
    assert f"COULD NOT RUN: {copy.name} holds nothing but copies of other cells" in words
    assert "the same in every run" not in words
    summary = json.loads(harness("diff", fresh, copy, "--json")[1])
    assert [cell["copy_of"] for cell in summary["cells"]] == [
        None, None, f"a@{fresh.name}", f"noisy@{fresh.name}",
    ]  # fmt: skip
    assert len(summary["agreement"]["pairs"]) == 1
    code, out, _ = harness("diff", first, copy, "--environment", "noisy")
    assert code == 1
