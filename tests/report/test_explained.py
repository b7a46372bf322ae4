"""A run's reports after explaining: every form has the causes, each divergence its own sentence."""

import csv
import json
import xml.etree.ElementTree as ET

import pytest
from html_samples import make_divergence, make_rich
from recorded_run import RECORD, make_run
from summaries import divergence, make_summary

from harness.core.errors import InputError
from harness.explain.causes import Explanation, Named, Stage
from harness.report.explained import add_causes, write_explained
from harness.report.export import write_records
from harness.report.html.write import write_html
from harness.report.write import FORMS, HTML, write_reports
from harness.summary.causes import CauseGroup, CausesSummary, NamedCause
from harness.summary.reading import read_summary

CAUSE = {"cause": "pool3-channels", "factor": "port.pool3_channels", "a": "weakened", "b": "all"}


def explain(example, cells=("a", "b"), verdict="proven", **more):
    """An explanation of the cause above, or of none."""
    causes = [Named(**CAUSE)] if verdict != "unknown" else []
    given = {"sentence": f"{example} is so; with the other rule it is not.", "command": f"explain {example}"}
    tuples = ((1, 1, 1), (1, 2, 2))
    return Explanation(example, cells, tuples, verdict, causes=causes, **{**given, **more})


def group(*ones):
    """The group of some explanations."""
    first = ones[0]
    return CauseGroup(
        cells=first.cells, causes=tuple(NamedCause(**CAUSE) for _ in first.causes), verdict=first.verdict,
        count=len(ones), examples=tuple(one.example for one in ones), sentence=first.sentence,
        command=first.command,
    )  # fmt: skip


def count(*groups, executions=3):
    """The part of a summary that has these groups."""
    sums = {verdict: sum(one.count for one in groups if one.verdict == verdict)
            for verdict in ("proven", "consistent", "unknown")}  # fmt: skip
    return CausesSummary(explained=sum(sums.values()), **sums, executions=executions, groups=groups)


PROVEN = explain("x", stage=Stage("steered pool3", 0.3, 1e-6, 3e5))
UNKNOWN = explain("y", verdict="unknown")
CAUSES = count(group(PROVEN), group(UNKNOWN))


def make_two():
    return make_summary(
        baseline="a", divergences=(divergence("x", b=(1, 2, 2)), divergence("y", b=(1, 2, 2)))
    )


@pytest.fixture(name="folder")
def write_run(tmp_path):
    write_reports(tmp_path / "run", make_two())
    return tmp_path / "run"


def test_every_divergence_gets_its_sentence_stage_and_group():
    first, second = add_causes(make_two(), CAUSES, [PROVEN, UNKNOWN]).divergences
    assert (first.causes, first.groups) == ({"b": PROVEN.sentence}, {"b": 0})
    assert (first.stages, first.ratios) == ({"b": "steered pool3"}, {"b": 3e5})
    assert (second.causes, second.groups, second.stages) == ({"b": UNKNOWN.sentence}, {"b": 1}, {})


def test_what_is_of_other_cells_or_examples_says_nothing_of_a_divergence():
    foreign = [explain("x", ("b", "c")), explain("x", ("a", "c")), explain("z")]
    for one in add_causes(make_two(), count(*map(group, foreign)), foreign).divergences:
        assert (one.causes, one.groups) == ({}, {})


def test_a_pair_that_is_named_the_other_way_round_is_the_same():
    one = explain("x", ("b", "a"))
    assert add_causes(make_two(), count(group(one)), [one]).divergences[0].causes == {"b": one.sentence}


def test_all_forms_say_the_causes(folder):
    summary = write_explained(folder, CAUSES, [PROVEN, UNKNOWN])
    assert read_summary(folder) == summary
    for name in ("report.txt", "report.md", "junit.xml", "summary.json", HTML):
        text = (folder / name).read_text(encoding="utf-8")
        assert "is so; with the other rule it is not." in text, name
        assert "pool3-channels" in text.replace("&#45;", "-"), name
    failure = ET.parse(folder / "junit.xml").find("testsuite[@name='b']/testcase[@name='x']/failure")
    assert "cause, proven, pool3-channels: x is so; with the other rule it is not." in failure.text
    assert "first stage: steered pool3 (300000 \N{MULTIPLICATION SIGN} noise)" in failure.text
    other = ET.parse(folder / "junit.xml").find("testsuite[@name='b']/testcase[@name='y']/failure")
    assert "cause, unknown: y is so" in other.text
    assert "first stage: not measured" not in failure.text
    assert json.loads((folder / "summary.json").read_text())["causes"]["proven"] == 1


def test_the_table_of_records_has_verdict_and_causes(tmp_path):
    summary = add_causes(make_two(), CAUSES, [PROVEN, UNKNOWN])
    ones = [json.dumps({**RECORD, "example": name}) for name in "xyz"]
    run = make_run(tmp_path, {"a": ones, "b": ones})
    write_records(tmp_path / "records.csv", run, lambda *_: None, summary)
    with (tmp_path / "records.csv").open(newline="", encoding="utf-8") as file:
        found = {(row["environment"], row["example"]): row for row in csv.DictReader(file)}
    assert [found["b", name]["verdict"] for name in "xyz"] == ["proven", "unknown", ""]
    assert [found["b", name]["causes"] for name in "xyz"] == ["pool3-channels", "unknown", ""]
    assert {found["a", name]["verdict"] for name in "xyz"} == {""}


def test_whoever_explains_again_gets_the_same_forms(folder):
    write_explained(folder, CAUSES, [PROVEN, UNKNOWN])
    names = [*FORMS, HTML]
    first = [(folder / name).read_bytes() for name in names]
    again = CAUSES.model_copy(update={"executions": 0})
    write_explained(folder, again, [PROVEN, UNKNOWN])
    assert [(folder / name).read_bytes() for name in names] == first


def test_a_new_explanation_replaces_the_old_one(folder):
    write_explained(folder, CAUSES, [PROVEN, UNKNOWN])
    better = explain("y")
    summary = write_explained(folder, count(group(PROVEN, better)), [PROVEN, better])
    assert summary.divergences[1].groups == {"b": 0}
    assert summary.causes.executions == 6


def test_a_folder_without_a_summary_gets_no_reports(tmp_path):
    assert write_explained(tmp_path, CAUSES, [PROVEN]) is None
    assert list(tmp_path.iterdir()) == []


def test_a_killed_writing_leaves_whole_files(folder, monkeypatch):
    before = {name: (folder / name).read_bytes() for name in (*FORMS, HTML)}

    def fail(_summary, _folder):
        yield "<half"
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(FORMS, "report.md", fail)
    with pytest.raises(InputError, match="what was explained is kept"):
        write_explained(folder, CAUSES, [PROVEN, UNKNOWN])
    assert (folder / "report.md").read_bytes() == before["report.md"]
    assert (folder / "report.html").read_bytes() == before["report.html"]
    assert read_summary(folder).causes == CAUSES
    assert {path.name for path in folder.iterdir()} == set(before)


def test_a_group_that_is_not_there_is_a_contradiction(folder):
    write_explained(folder, CAUSES, [PROVEN, UNKNOWN])
    path = folder / "summary.json"
    data = json.loads(path.read_text())
    data["divergences"][1]["groups"] = {"b": 2}
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=r"divergences\.1: groups: there is no group 2"):
        read_summary(folder)


def test_a_summary_that_nobody_explained_is_drawn_without(tmp_path):
    (path,) = write_html(tmp_path / "report.html", make_rich(divergences=(make_divergence(0),)))
    assert 'id="why"' not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("under", "fault"),
    [(5, "no other group leads at 5"), (1, "no other group leads"), (0, "another verdict")],
)
def test_a_group_under_none_that_leads_is_a_contradiction(folder, under, fault):
    write_explained(folder, CAUSES, [PROVEN, UNKNOWN])
    path = folder / "summary.json"
    data = json.loads(path.read_text())
    data["causes"]["groups"][1]["under"] = under
    path.write_text(json.dumps(data))
    with pytest.raises(InputError, match=fault):
        read_summary(folder)
