"""Witness sets in folders, and the margins that their evidence gives."""

import json

import numpy as np
import pytest
import witness_sets

from harness.ami.witnesses import read_witnesses
from harness.core.errors import InputError
from harness.witnesses import sets
from harness.witnesses.margins import find_margin, measure_distances, measure_shift, read_margin
from harness.witnesses.sets import read_evidence, read_set, read_sets, write_set

DEEP = "[" * 100_000

NETWORK = witness_sets.NETWORK


@pytest.fixture(name="differences")
def make_differences():
    return witness_sets.draw_differences()


@pytest.fixture(name="folder")
def make_folder(tmp_path, differences):
    write_set(tmp_path / "a", witness_sets.make_records(differences), witness_sets.make_cell())
    return tmp_path / "a"


def test_a_set_is_in_both_formats_and_comes_with_its_evidence(folder, differences):
    found = read_set(folder)
    assert set(found.witnesses) == {"leye", "mouth"}
    for attribute in ("leye", "mouth"):
        port = read_witnesses(folder / f"{attribute}_neurons.txt", NETWORK)
        assert found.witnesses[attribute] == port
        assert all(1 in channels and 2 not in channels for channels in port.values())
    assert found.network == NETWORK
    assert set(found.evidence) == {"/".join(key) for key in differences}
    for key, values in differences.items():
        assert found.evidence["/".join(key)].dtype == np.float32
        assert np.array_equal(found.evidence["/".join(key)], values)


def test_an_attribute_without_witnesses_has_empty_files(tmp_path, differences):
    records = [
        {**one, "witnesses": []} if one["attribute"] == "mouth" else one
        for one in witness_sets.make_records(differences)
    ]
    write_set(tmp_path / "b", records, witness_sets.make_cell())
    assert (tmp_path / "b" / "mouth_witness.txt").read_text() == ""
    assert read_set(tmp_path / "b").witnesses["mouth"] == {}


def test_files_of_an_earlier_extraction_do_not_stay(folder):
    differences = witness_sets.draw_differences(attributes=("nose",))
    cell = witness_sets.make_cell(attributes=("nose",))
    write_set(folder, witness_sets.make_records(differences), cell)
    assert set(read_set(folder).witnesses) == {"nose"}
    assert not list(folder.glob("leye*"))


def test_precision_is_kept(tmp_path, differences):
    cell = witness_sets.make_cell(settings={"precision": "float64"})
    exact = {key: values.astype(np.float64) + 1e-12 for key, values in differences.items()}
    write_set(tmp_path / "b", witness_sets.make_records(exact), cell)
    found = read_set(tmp_path / "b").evidence["leye/fc6/preservation"]
    assert np.array_equal(found, exact["leye", "fc6", "preservation"])


def test_a_published_folder_needs_a_network(folder):
    (folder / "cell.json").unlink()
    (folder / "evidence.npz").unlink()
    with pytest.raises(InputError, match=r"does not say what network .*--model"):
        read_set(folder)
    found = read_set(folder, NETWORK)
    assert (found.evidence, found.cell) == (None, None)


def test_one_set_speaks_for_another_that_says_nothing(folder, tmp_path):
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "leye_neurons.txt").write_text("relu1_1->1\n")
    bare, whole = read_sets([tmp_path / "bare", folder])
    assert bare.network == whole.network == NETWORK
    assert bare.witnesses == {"leye": {"conv1_1": (1,)}}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"job": {}}', '{"job": {"extraction": {}}, "hashes": {}}', DEEP]
)
def test_a_cell_that_is_no_extractions_is_refused(folder, text):
    (folder / "cell.json").write_text(text)
    with pytest.raises(InputError, match=r"cell\.json: is no extraction's"):
        read_set(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"hashes": 3},
        {"hashes": {"inputs": {"base": "1"}}},
        {"network": {"blobs": 5}},
        {"network": 7},
    ],
)
def test_a_damaged_cell_is_named(folder, change):
    cell = json.loads((folder / "cell.json").read_text())
    (folder / "cell.json").write_text(json.dumps({**cell, **change}))
    with pytest.raises(InputError, match=r"cell\.json: .*extract again"):
        read_set(folder)


def test_folders_without_sets_are_refused_with_a_hint(folder, tmp_path):
    with pytest.raises(InputError, match=r"none: is no folder"):
        read_set(tmp_path / "none", NETWORK)
    with pytest.raises(InputError, match=r"holds no witness files .*; there are sets in it: a"):
        read_set(tmp_path)
    (folder / "leye_witness.txt").write_text("conv1_1,99\n")
    with pytest.raises(InputError, match=r"leye_witness\.txt:1: .*channels 0 to 5, not 99"):
        read_set(folder)


def test_evidence_of_half_a_pair_is_refused(folder):
    path = folder / "evidence.npz"
    with np.load(path) as archive:
        found = {name: archive[name] for name in archive.files}
    del found[next(name for name in found if name.endswith("/preservation"))]
    np.savez(path, **found)
    with pytest.raises(InputError, match="holds no differences of its blob"):
        read_evidence(path, NETWORK)


def test_damaged_evidence_is_refused(folder):
    path = folder / "evidence.npz"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"evidence\.npz: cannot be read"):
        read_evidence(path, NETWORK)
    np.savez(path, odd=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="cannot be read"):
        read_evidence(path, NETWORK)


@pytest.mark.parametrize(
    "odd",
    [
        {"leye/fc6/substitution": np.zeros(12)},
        {"leye/fc6/substitution": np.zeros((3, 12), int)},
        {"leye/fc6/substitution": np.full((3, 12), np.nan)},
        {"leye/fc6/substitution": np.zeros((3, 11)), "leye/fc6/preservation": np.zeros((3, 11))},
        {"leye/fc6/substitution": np.zeros((2, 12))},
        {"leye/fc9/substitution": np.zeros((3, 12)), "leye/fc9/preservation": np.zeros((3, 12))},
        {"odd": np.zeros((3, 12))},
    ],
)
def test_evidence_that_is_none_is_refused(folder, odd):
    path = folder / "evidence.npz"
    with np.load(path) as archive:
        whole = {name: archive[name] for name in archive.files}
    np.savez(path, **{**whole, **odd})
    with pytest.raises(InputError, match=rf"evidence\.npz: ({'|'.join(odd)}|leye/fc6/preservation) holds no"):
        read_evidence(path, NETWORK)


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path, differences):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_set(tmp_path / "file" / "a", witness_sets.make_records(differences), witness_sets.make_cell())


def test_distances_by_hand():
    """Medians 2 and 0; means 2 and 1."""
    values = np.array([[0.0, 1, 3, 4], [0, 0, 0, 4]], np.float32)
    expected = np.array([[-1, -0.5, 0.5, 1], [0, 0, 0, 4]])
    assert np.array_equal(measure_distances(values, "substitution"), expected)
    assert np.array_equal(measure_distances(values, "preservation"), -expected)
    assert np.array_equal(measure_distances(np.zeros((1, 4), np.float32), "preservation"), np.zeros((1, 4)))


def test_a_witness_is_what_is_at_or_above_zero_everywhere(differences, folder):
    """Strictly above under substitution."""
    evidence, found = read_set(folder).evidence, read_set(folder).witnesses
    for attribute, blob, _ in differences:
        above, not_above = (
            measure_distances(evidence[f"{attribute}/{blob}/{kind}"], kind)
            for kind in ("substitution", "preservation")
        )
        passing = np.flatnonzero((above > 0).all(0) & (not_above >= 0).all(0))
        assert tuple(passing) == found[attribute].get(blob, ())


def test_the_deciding_pair_is_the_nearest_or_the_worst():
    substitution = np.array([[1.0, 2, 9], [1, 4, 3]], np.float32)
    preservation = np.array([[3.0, 1, 2], [3, 4, 5]], np.float32)
    evidence = {"leye/fc6/substitution": substitution, "leye/fc6/preservation": preservation}
    worst = find_margin(evidence, "leye/fc6", 2)
    assert (worst.mutation, worst.pair, worst.difference, worst.median) == ("preservation", 1, 5.0, 4.0)
    assert worst.distance == -0.25
    nearest = find_margin(evidence, "leye/fc6", 1)
    assert (nearest.mutation, nearest.pair, nearest.distance) == ("substitution", 0, 0.0)
    assert read_margin(evidence, "leye/fc6", 1, "substitution", 1).distance == 1 / (8 / 3)


def test_the_shift_is_the_largest_change_of_a_distance():
    first = {f"leye/fc6/{kind}": np.array([[1.0, 2, 3]]) for kind in ("substitution", "preservation")}
    second = {**first, "leye/fc6/preservation": np.array([[1.0, 2, 6]])}
    assert measure_shift(first, first, "leye/fc6") == 0
    assert measure_shift(first, second, "leye/fc6") == pytest.approx(4 / 3 - 1 / 2)
    second["leye/fc6/preservation"] = np.array([[1.0, 2, 6], [1, 2, 3]])
    assert measure_shift(first, second, "leye/fc6") is None


@pytest.mark.parametrize("name", ["cell.json", "evidence.npz", "leye_witness.txt", "mouth_neurons.txt"])
def test_nothing_in_a_set_is_a_link(folder, tmp_path, name):
    if name == "mouth_neurons.txt":  # read where the notebook's is not there
        (folder / "mouth_witness.txt").unlink()
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=rf"{name}: .*is a link"):
        read_set(folder)


def test_evidence_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(folder, monkeypatch):
    monkeypatch.setattr(sets, "MAX_EVIDENCE_BYTES", 1000)
    monkeypatch.setattr(np, "load", None)
    with pytest.raises(InputError, match=r"evidence\.npz: unpacks to \d+ bytes; 1000 are read at most"):
        read_set(folder)
