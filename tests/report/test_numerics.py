"""Last bits in reports: a tree of environments, orders of layers, how predictions did."""

import pytest
from summaries import HOSTILE, make_summary

from harness.report.html.page import open_templates
from harness.report.numerics import count_classes, grow_tree, join_layers, write_numerics
from harness.report.terminal import render_text
from harness.report.write import write_reports
from harness.summary.numerics import (
    LayerSummary,
    NumericsSummary,
    OrderSummary,
    PropertySummary,
    ReplaySummary,
    ScoreSummary,
    SplitSummary,
)

SCORE = ScoreSummary(total=40, equal=9, wrong_equal=1, wrong_different=2)
ORDERS = (
    OrderSummary(environments=("a", "b"), words="27 one after the other", is_plain=True),
    OrderSummary(environments=("c", "d"), words="no plain sum (tiles)", is_plain=False),
)


def make_layer(name, products=27):
    return LayerSummary(blob=name, layer=name, products=products, orders=ORDERS)


def make_part(**more):
    given = {
        "examples": 8,
        "environments": ("a", "b", "c", "d"),
        "blobs": ("data", "conv1", "fc6"),
        "splits": (
            SplitSummary(blob="conv1", parts=(("a", "b"), ("c", "d")), more=3,
                         properties=(PropertySummary(name="setting winograd", values=("True", None)),)),
            SplitSummary(blob="fc6", parts=(("c",), ("d",))),
        ),
        "layers": tuple(make_layer(one) for one in ("conv1", "conv2")),
        "passes": SCORE,
        "single": SCORE,
        "masks": SCORE,
        "unlike": {"b": 1},
        "missing": {"e": "no Docker engine"},
        "replays": {
            "a": tuple(ReplaySummary(blob=f"conv{one}", values=9, equal=10 - one) for one in (1, 2)),
            "b": (ReplaySummary(blob="conv1", values=0, equal=0, why="no plain sum"),),
        },
    }  # fmt: skip
    return NumericsSummary(**{**given, **more})


def make_told(**more):
    return make_summary().model_copy(update={"numerics": make_part(**more)})


def test_the_tree_holds_splits_within_splits():
    tree = grow_tree(make_part())
    assert [one.environments for one in tree.parts] == [("a", "b"), ("c", "d")]
    assert tree.parts[0].split is None
    assert [one.environments for one in tree.parts[1].parts] == [("c",), ("d",)]
    assert count_classes(make_part()) == "3 classes of equal bits among 4 environments, by 8 examples"


def test_layers_that_are_added_up_alike_are_one():
    assert [names for names, _ in join_layers(make_part())] == ["conv1, conv2"]


@pytest.mark.parametrize("name", ["report.txt", "report.md", "report.html"])
def test_every_form_tells_all_of_it(tmp_path, name):
    write_reports(tmp_path, make_told())
    text = " ".join((tmp_path / name).read_text(encoding="utf-8").replace("\\", "").split())
    for said in (
        "3 classes of equal bits among 4 environments",
        "setting winograd: True",
        "3 more",
        "37 of 40 right; 9 said to be equal, 1 of them wrongly; 2 wrongly said to differ",
        "1 example ends in other bits when nobody watches",
        "not read (no Docker engine)",
        "a: NumPy, adding in its order, has the bits of 1 of its 2 layers (conv2: 8 of 9 values)",
        "b: NumPy, adding in its order, has the bits of 0 of its 1 layers (conv1: no plain sum)",
    ):
        assert said in text


def test_nothing_is_said_where_nobody_asked(tmp_path):
    write_reports(tmp_path, make_summary())
    assert "equal bits" not in render_text(make_summary(), tmp_path)
    assert 'id="bits"' not in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert write_numerics(make_summary(), 1000) == ""


def test_markdown_keeps_to_its_bytes():
    part = make_part(layers=tuple(
        LayerSummary(blob=f"c{one}", layer=f"c{one}", products=one, orders=ORDERS) for one in range(1000)
    ))  # fmt: skip
    summary = make_summary().model_copy(update={"numerics": part})
    assert 3000 < len(write_numerics(summary, 4000).encode()) <= 4000


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(tmp_path, text):
    split = SplitSummary(
        blob=text, parts=((text,), ("b",)), properties=(PropertySummary(name=text, values=(text, text)),)
    )
    order = OrderSummary(environments=(text,), words=text, is_plain=True)
    layers = (LayerSummary(blob=text, layer=text, products=1, orders=(order,)),)
    summary = make_told(
        environments=(text, "b"), splits=(split,), layers=layers, missing={text: text}, unlike={text: 1}
    )
    write_reports(tmp_path, summary)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert "\x1b[31m" not in (tmp_path / "report.txt").read_text(encoding="utf-8")
    assert "\n# heading" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_the_template_knows_every_word():
    assert open_templates().get_template("bits.html.j2")
