"""Comparing witness sets: what changed, how near the median it was, and what else differs."""

import copy
import io
import json

import numpy as np
import pytest
import witness_sets
from rich.console import Console

from harness.core.activations import expose_activations
from harness.core.errors import InputError
from harness.core.network_files import network_to_json
from harness.witnesses.compare import compare_sets, find_farthest
from harness.witnesses.sets import read_set, write_set
from harness.witnesses.show import comparison_to_json, print_comparison


@pytest.fixture(name="make")
def make_set(tmp_path):
    def make(name, differences=None, cell=None):
        records = witness_sets.make_records(differences or witness_sets.draw_differences())
        write_set(tmp_path / name, records, cell or witness_sets.make_cell())
        return read_set(tmp_path / name)

    return make


@pytest.fixture(name="changed")
def change_differences():
    """Channel 1 of fc6 just below the median of one pair; channel 2 of conv1_1 a witness in every pair."""
    differences = witness_sets.draw_differences()
    values = differences["leye", "fc6", "substitution"]
    values[2, 1] = np.median(np.delete(values[2], 1)) - 0.001
    differences["leye", "conv1_1", "substitution"][:, 2] = 5
    return differences


def render(comparison, width=160):
    console = Console(file=io.StringIO(), width=width, color_system=None)
    print_comparison(comparison, console)
    return console.file.getvalue()


def test_a_set_is_the_same_as_its_copy(make):
    comparison = compare_sets(make("a"), make("b"))
    assert (comparison.exit_code, comparison.changes, comparison.notes) == (0, (), ())
    assert all(count.shift == 0 for count in comparison.counts)
    kept = sum(count.kept for count in comparison.counts)
    assert kept >= 12
    assert f"SAME: all {kept} entries are in both" in render(comparison)


def test_sets_of_one_execution_are_not_called_the_same(make, changed):
    one, other = ({**witness_sets.make_cell(), "execution": execution} for execution in ("1", "2"))
    assert compare_sets(make("a", cell=one), make("b", cell=other)).exit_code == 0
    with pytest.raises(InputError, match=r"c is a copy of .*a: both are of one execution, .* with --fresh"):
        compare_sets(make("a", cell=one), make("c", cell=one))
    assert compare_sets(make("a", cell=one), make("d", changed, cell=one)).exit_code == 1


def test_what_is_lost_and_added_comes_with_its_distance_in_both_sets(make, changed):
    comparison = compare_sets(make("a"), make("b", changed))
    assert comparison.exit_code == 1
    added, lost = comparison.changes
    assert (added.blob, added.channel, added.kind) == ("conv1_1", 2, "added")
    assert (lost.attribute, lost.blob, lost.channel, lost.kind, lost.pair) == (
        "leye",
        "fc6",
        1,
        "lost",
        "cas",
    )
    assert lost.before.distance > 0 > lost.after.distance > -0.01
    assert lost.before.mutation == lost.after.mutation == "substitution"
    assert added.before.distance < 0 < added.after.distance
    counts = {count.blob: count for count in comparison.counts if count.attribute == "leye"}
    assert counts["fc6"].first - counts["fc6"].kept == 1
    assert counts["conv1_1"].second - counts["conv1_1"].kept == 1
    assert find_farthest(comparison.changes) == max(
        abs(margin.distance) for change in (added, lost) for margin in (change.before, change.after)
    )


def test_the_other_way_round_lost_is_added(make, changed):
    comparison = compare_sets(make("a", changed), make("b"))
    assert [(one.blob, one.kind) for one in comparison.changes] == [("conv1_1", "lost"), ("fc6", "added")]
    assert comparison.changes[1].before.distance < 0 < comparison.changes[1].after.distance


def test_duplicates_count(make):
    first, second = make("a"), make("b")
    path = second.folder / "leye_witness.txt"
    path.write_text(path.read_text() + "fc7,1\n")
    comparison = compare_sets(first, read_set(second.folder))
    assert [(one.blob, one.channel, one.kind) for one in comparison.changes] == [("fc7", 1, "added")]


def test_without_evidence_there_are_changes_but_no_distances(make, changed):
    first, second = make("a"), make("b", changed)
    (second.folder / "evidence.npz").unlink()
    comparison = compare_sets(first, read_set(second.folder))
    assert [one.before for one in comparison.changes] == [None, None]
    text = render(comparison)
    assert "distance in A" not in text
    assert "1 lost, 1 added\n" in text


def test_sets_of_other_pairs_have_no_distances_in_common(make, changed):
    cell = witness_sets.make_cell()
    cell["job"]["extraction"]["pairs"]["leye"]["substitution"][0] = "leye/substitution/zoe"
    comparison = compare_sets(make("a"), make("b", changed, cell))
    assert all(one.before is None for one in comparison.changes)
    assert {count.shift for count in comparison.counts if count.attribute == "leye"} == {None}
    assert {count.shift for count in comparison.counts if count.attribute == "mouth"} == {0.0}


@pytest.mark.parametrize(
    ("path_and_value", "note"),
    [
        (("job", "backend", "caffe"), "backend: reference against caffe"),
        (("job", "decoder", "opencv"), "decoder: pillow against opencv"),
        (("job", "settings", "threads", 2), "threads: 1 against 2"),
        (("hashes", "parameters", {"fc6.bias": "9"}), "the weights differ"),
        (("hashes", "inputs", "base", "file", "9"), "1 of 1 images are other files"),
        (("hashes", "inputs", "base", "pixels", "9"), "1 of 1 images were decoded to other pixels"),
        (("hashes", "inputs", "base", "input", "9"), "1 of 1 images were prepared differently"),
        (("hashes", "inputs", {}), "the sets follow from other images (1 against 0)"),
    ],
)
def test_what_else_differs_is_named(make, path_and_value, note):
    cell = copy.deepcopy(witness_sets.make_cell())
    *path, last, value = path_and_value
    place = cell
    for key in path:
        place = place[key]
    place[last] = value
    assert compare_sets(make("a"), make("b", cell=cell)).notes == (note,)


def test_an_attribute_in_one_set_alone_cannot_be_compared(make):
    one = witness_sets.make_records(witness_sets.draw_differences(attributes=("leye",)))
    first, second = make("a"), make("b")
    write_set(second.folder, one, witness_sets.make_cell(attributes=("leye",)))
    second = read_set(second.folder)
    comparison = compare_sets(first, second)
    assert comparison.exit_code == 2
    assert comparison.unpaired == (f"mouth in {first.name} alone",)
    assert "COULD NOT RUN: mouth in" in render(comparison)
    assert compare_sets(first, second, ["leye"]).exit_code == 0
    with pytest.raises(InputError, match="have no attribute in common"):
        compare_sets(first, second, ["mouth"])


def test_what_cannot_be_compared_is_refused(make):
    first = make("a")
    with pytest.raises(InputError, match="is given twice"):
        compare_sets(first, read_set(first.folder))
    with pytest.raises(InputError, match="--attribute chin: unknown; there are leye"):
        compare_sets(first, make("b"), ["chin"])
    cell = witness_sets.make_cell()
    cell["network"] = network_to_json(expose_activations(witness_sets.NETWORK))
    with pytest.raises(InputError, match="with other blobs"):
        compare_sets(first, make("c", cell=cell))


def test_every_number_on_the_terminal_is_in_the_json(make, changed):
    comparison = compare_sets(make("a"), make("b", changed))
    data = json.loads(json.dumps(comparison_to_json(comparison), allow_nan=False))
    text = " ".join(render(comparison).split())
    assert data["exit_code"] == 1
    for change in data["changes"]:
        for margin in (change["before"], change["after"]):
            assert f"{margin['distance'] * 100:+.3g} %" in text
    kept = sum(count["kept"] for count in data["counts"])
    assert f"DIFFERENT: {kept} entries kept, 1 lost, 1 added" in text
    assert f"farther than {data['farthest'] * 100:.3g} % from its median" in text


def test_many_changes_are_cut_short_and_that_is_said(make):
    first, second = make("a"), make("b")
    lines = [f"fc7,{','.join(map(str, [3] * 60))}\n"]
    (second.folder / "mouth_witness.txt").write_text("".join(lines))
    text = render(compare_sets(first, read_set(second.folder)))
    assert "more (--json has all)" in text
