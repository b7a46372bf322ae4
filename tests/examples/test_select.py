"""Examples chosen by id: run alone they come out as among all, and the report's command does just that."""

import dataclasses
import json
import re
import shlex
from pathlib import Path

import pytest
from command_line import COUNT, list_runs, make_harness, make_root
from plans import SUBJECT

from harness.core.errors import InputError
from harness.examples.select import choose_examples
from harness.examples.subject import PreparedSubject
from harness.system.invocation import name_program

FIXTURES = (make_root, make_harness)
IDS = ("fgsm-1", "fgsm-2", "benign/a[1]", "benign/a1", "x*")
PREPARED = PreparedSubject(dataclasses.replace(SUBJECT, example_ids=IDS), (), ("a note",))


def choose(*patterns):
    return choose_examples(PREPARED, patterns).subject


@pytest.mark.parametrize(
    ("patterns", "found"),
    [
        (["fgsm-2"], ["fgsm-2"]),
        (["fgsm-2", "fgsm-1", "fgsm-2"], ["fgsm-1", "fgsm-2"]),
        (["fgsm-*"], ["fgsm-1", "fgsm-2"]),
        (["*a?", "fgsm-1"], ["fgsm-1", "benign/a1"]),
        (["benign/a[1]"], ["benign/a[1]"]),
        (["x*"], ["x*"]),
    ],
)
def test_an_id_names_itself_and_a_glob_what_it_matches_in_the_lists_order(patterns, found):
    subject = choose(*patterns)
    assert (subject.only, subject.example_ids) == (tuple(found),) * 2
    assert subject.examples == SUBJECT.examples


def test_all_examples_are_no_choice():
    assert choose_examples(PREPARED, ["*"]) == choose_examples(PREPARED, []) == PREPARED


def test_how_many_were_chosen_is_noted():
    assert choose_examples(PREPARED, ["x*"]).notes == ("a note", "1 of 5 examples, chosen with --example")


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("fgsm-3", "--example fgsm-3: names none of 5 examples; close to it are fgsm-2, fgsm-1"),
        ("FGSM-1", "--example FGSM-1: names none"),
        ("zzz", "the first of them is fgsm-1"),
        ("", "--example : names none"),
    ],
)
def test_what_names_nothing_is_bad_input_with_what_is_close(pattern, words):
    with pytest.raises(InputError) as caught:
        choose("fgsm-1", pattern)
    assert words in str(caught.value)


def read_records(run, name):
    lines = (run / "cells" / name / "records.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return {one["example"]: {key: one[key] for key in one if key != "seconds"} for one in records}


def test_chosen_examples_have_the_records_that_they_have_among_all(harness, root):
    harness("matrix", "--model", "small")
    full = {name: read_records(list_runs(root)[0], name) for name in "ab"}
    first, *_, last = full["a"]
    code, out, err = harness("matrix", "--model", "small", "--example", last, "--example", first)
    assert code == 0, out + err
    assert f"note: 2 of {COUNT} examples, chosen with --example" in out
    assert "reused" not in out
    for name in "ab":
        found = read_records(list_runs(root)[-1], name)
        assert found == {one: full[name][one] for one in (first, last)}
    _, out, _ = harness("matrix", "--model", "small", "--example", first, "--example", last)
    assert "reused 2 of 2" in out


def test_one_example_runs_in_one_environment(harness, root):
    assert harness("run", "--model", "small", "--environment", "a", "--example", "*1")[0] == 0
    assert len(read_records(list_runs(root)[-1], "a")) == 1


@pytest.mark.usefixtures("root")
def test_an_unknown_example_is_one_line_and_nothing_runs(harness):
    code, out, err = harness("matrix", "--model", "small", "--example", "nobody\n")
    assert (code, out) == (2, "")
    assert err.splitlines()[-1].startswith("harness: --example nobody\\n: names none of 6 examples")


def read_commands(run):
    """The command of every divergent example, put together as the page does, and its tuples."""
    text = (run / "report.html").read_text(encoding="utf-8")
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.DOTALL)[1])
    tuples = {
        one["example"]: one["tuples"] for one in json.loads((run / "summary.json").read_text())["divergences"]
    }
    for row in data["divergences"]:
        pieces = [data["options"][place] for one in row[4] for place in one[4]]
        (start,) = {place for place, _ in pieces}
        command = [data["starts"][start], "--example", shlex.quote(row[0]), *(piece for _, piece in pieces)]
        yield " ".join(command), row[0], tuples[row[0]]


def test_the_reports_command_runs_one_example_with_everything_that_its_run_had(harness, root):
    Path("my list.jsonl").write_text(
        (root / "small/examples/examples.jsonl").read_text().replace('"file": "', '"file": "small/examples/')
    )
    options = ("--examples", "my list.jsonl", "--beta", "7.5")
    code, out, err = harness(
        "matrix",
        "--model",
        "small",
        "--environment",
        "a",
        "--environment",
        "other",
        "--port",
        "pytorch-port",
        *options,
    )
    assert code == 1, out + err
    (full,) = list_runs(root)
    for command, example, tuples in list(read_commands(full))[:2]:
        start = name_program()
        words = shlex.split(command)[len(start) :]
        assert shlex.split(command) == [*start, *words]
        code, out, err = harness(*words)
        assert code == 1, command + out + err
        alone = list_runs(root)[-1]
        ((again, _, found),) = [(one, name, values) for one, name, values in read_commands(alone)]
        assert (again, found) == (command, tuples)
        for name in ("a", "other"):
            assert read_records(alone, name) == {example: read_records(full, name)[example]}
