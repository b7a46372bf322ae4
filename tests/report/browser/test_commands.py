"""The command on a card: one example in its environments, every word as a shell takes it."""

import json
import shlex

import pytest
from cards import put_run
from html_samples import NAMES, make_divergence, make_rich
from waiting import settle

from harness.report.html.write import write_html
from harness.system.invocation import name_program

PROGRAM = shlex.join(name_program())
START = [*name_program(), "matrix", "--model", "my model", "--alpha", "50.5"]
PAIR = ["--environment", "plain", "--environment", "torch"]


def read_command(page):
    settle(page)
    return page.locator(".card.target code").inner_text()


@pytest.mark.parametrize(
    "example",
    [
        "fgsm-0046",
        "benign/A b_1_0.5",
        "it's",
        "$(reboot) `x` ;&|<>",
        '"',
        "-x",
        "--",
        "~",
        "a*[1]?",
        "Bj\u00f6rk \u6f22",
        "=1",
    ],
)
def test_it_is_the_words_that_were_meant_whatever_the_example_is_called(tmp_path, open_tab, example):
    summary = make_rich(divergences=(make_divergence(0, departing=("torch",), example=example),))
    run = put_run(tmp_path / "run", NAMES, model="my model", override={"alpha": 50.5})
    (path,) = write_html(tmp_path / "report.html", summary, [run])
    page = open_tab().open(path)
    page.locator(".card h3 a").click()
    assert shlex.split(read_command(page)) == [*START, "--example", example, *PAIR]


@pytest.mark.parametrize("example", ["a\nreboot", "a\x1b[2J", "a\u202eb", "a\u00a0b"])
def test_what_a_terminal_would_obey_is_only_compared_again(tmp_path, open_tab, example):
    assert not example.isprintable()
    summary = make_rich(divergences=(make_divergence(0, departing=("torch",), example=example),))
    run = put_run(tmp_path / "run", NAMES, model="m")
    (path,) = write_html(tmp_path / "report.html", summary, [run])
    page = open_tab().open(path)
    page.locator(".card h3 a").click()
    assert read_command(page) == f"{PROGRAM} diff {run}"


def test_executions_of_one_environment_are_asked_for_together(tmp_path, open_tab):
    one = make_divergence(0, departing=("torch", "torch#2"))
    classes = (tuple(name for name in NAMES if name != "torch"), one.departing)
    one = one.model_copy(
        update={"classes": classes, "tuples": {**one.tuples, "torch#2": one.tuples["torch"]}}
    )
    summary = make_rich(divergences=(one,))
    run = put_run(tmp_path / "run", NAMES, model="m", repeat=2)
    cells = json.loads((run / "run.json").read_text())
    cells["cells"].append({"job": {"environment": "torch", "replicate": 2}})
    (run / "run.json").write_text(json.dumps(cells))
    (path,) = write_html(tmp_path / "report.html", summary, [run])
    assert shlex.split(read_command(open_tab().open(path, "#example=example-0"))) == [
        *name_program(), "matrix", "--model", "m", "--repeat", "2", "--example", "example-0", *PAIR,
    ]  # fmt: skip


def test_environments_of_runs_that_were_asked_for_other_things_are_only_compared_again(tmp_path, open_tab):
    summary = make_rich(
        divergences=(
            make_divergence(0, departing=("opencv",)),
            make_divergence(1, departing=("torch", "onnx")),
        )
    )
    runs = [
        put_run(tmp_path / "one", NAMES[:4], model="m"),
        put_run(tmp_path / "two", NAMES[4:], model="m", npy="raw-rgb"),
    ]
    (path,) = write_html(tmp_path / "report.html", summary, runs)
    tab = open_tab()
    assert read_command(tab.open(path, "#example=example-0")) == f"{PROGRAM} diff {runs[0]} {runs[1]}"
    assert read_command(tab.open(path, "#example=example-1")) == (
        f"{PROGRAM} matrix --model m --example example-1 --environment plain --environment torch"
        " --environment onnx"
    )
