"""Patches: what two jobs declare otherwise, and the catalogue of what may be otherwise undeclared."""

import copy
import json

import pytest

from harness.ami.port import CHOICES, PRESETS, read_port
from harness.explain.causes import PREPROCESS, RULES, Cause
from harness.explain.known import list_known, list_presets
from harness.explain.patches import Patch, list_declared, merge_patches, read_rules
from harness.plan.rules import NAMES

JOB = {
    "backend": "pytorch",
    "settings": {"threads": 1, "precision": "float32"},
    "batch_size": 8,
    "decoder": "pillow",
    "model": {
        "network": "models/one",
        "prototxt": "net.prototxt",
        "caffemodel": None,
        "preprocess": {
            "height": 64,
            "width": 64,
            "channel_order": "bgr",
            "mean": [93.594, 104.7624, 129.1863],
            "scale": 1.0,
            "resize": "bicubic",
        },
        "witnesses": {
            name: {"path": f"{name}.txt", "sha256": name * 16} for name in ("leye", "reye", "nose", "mouth")
        },
    },
    "examples": {"npy": None},
    "port": {"preset": "notebook", "rules": {}},
    "parameters": {"alpha": 100.0, "beta": 60.0, "epsilon": 1.15},
}


def change(**keys):
    job = copy.deepcopy(JOB)
    for path, value in keys.items():
        place = job
        *way, last = path.split("__")
        for key in way:
            place = place[key]
        place[last] = value
    return job


def name_all(patches):
    return {patch.factor: (patch.cause, patch.was, patch.sets) for patch in patches}


def test_equal_jobs_have_no_patch():
    assert list_declared(JOB, copy.deepcopy(JOB)) == []


@pytest.mark.parametrize(
    ("keys", "factor", "cause", "data"),
    [
        ({"port__rules": {"ddof": 1}}, "port.ddof", Cause.DDOF, {"port": {"ddof": 0}}),
        ({"port__rules": {"mean": "swapped"}}, "port.mean", Cause.MEAN, {"port": {"mean": "model"}}),
        ({"parameters__beta": 5.0}, "parameters.beta", Cause.BETA, {"parameters": {"beta": 60.0}}),
        ({"decoder": "opencv"}, "decoder", Cause.DECODER, {"decoder": "pillow"}),
        ({"batch_size": 1}, "batch_size", Cause.NUMERICS, {"batch_size": 8}),
        (
            {"settings__precision": "float64"},
            "settings.precision",
            Cause.PRECISION,
            {"settings": {"precision": "float32"}},
        ),
        (
            {"model__network": "other"},
            "network",
            Cause.WEIGHTS,
            {"network": {"path": "models/one", "prototxt": "net.prototxt"}},
        ),
        (
            {"model__preprocess__scale": 0.5},
            "preprocess.scale",
            Cause.SCALE,
            {"preprocess": {"scale": 1.0}},
        ),
    ],
)
def test_a_difference_of_two_jobs_is_a_patch_that_sets_the_first_ones_value(keys, factor, cause, data):
    patches = list_declared(JOB, change(**keys))
    assert [(patch.factor, patch.cause, patch.data) for patch in patches] == [(factor, cause, data)]


def test_a_setting_that_a_process_starts_with_is_no_patch():
    assert list_declared(JOB, change(settings__threads=2)) == []


def test_arrays_whose_convention_a_job_does_not_say_are_no_patch():
    assert list_declared(JOB, change(examples__npy="raw-rgb")) == []
    (patch,) = list_declared(change(examples__npy="raw-rgb"), change(examples__npy="raw-bgr"))
    assert patch.data == {"npy": "raw-rgb"}


def test_a_sorted_list_of_labels_is_in_the_catalogue_where_it_is_another():
    def find(labels):
        return [one.data["labels"] for one in list_known(JOB, labels=labels) if one.sets == "sorted"]

    assert find(["b", "c", "a"]) == [{"order": [1, 2, 0]}]
    assert find(["a", "b", "c"]) == find([]) == []


def test_a_port_is_its_rules_one_by_one_wherever_they_come_from():
    port = change(port__preset="pytorch-port")
    assert set(name_all(list_declared(JOB, port))) == {
        "port.duplicates",
        "port.arithmetic",
        "port.pool3_channels",
        "port.pool3_kernel",
        "port.pool3_when",
        "port.listing",
    }
    data = merge_patches(list_declared(JOB, port))
    assert read_rules({"port": {"preset": "pytorch-port", "rules": data["port"]}}) == read_rules(JOB)


def test_an_order_comes_with_its_listing_as_one_patch():
    listing = ["nose", "leye", "mouth", "reye"]
    sorted_one = ["leye", "mouth", "nose", "reye"]
    first = change(port__rules={"order": "listing", "listing": listing})
    (patch,) = list_declared(first, JOB)
    assert patch.data == {"port": {"order": "listing", "listing": listing}}
    (patch,) = list_declared(first, change(port__rules={"order": "listing", "listing": sorted_one}))
    assert (patch.factor, patch.sets) == ("port.listing", listing)


def test_witness_files_are_one_patch_with_those_that_differ():
    other = change(model__witnesses__nose={"path": "other.txt", "sha256": "f" * 64})
    (patch,) = list_declared(JOB, other)
    assert patch.cause is Cause.WITNESS_SET
    assert patch.data == {"witnesses": {"nose": JOB["model"]["witnesses"]["nose"]}}


def test_patches_merge_table_by_table():
    first = Patch(Cause.DDOF, "port.ddof", 0, 1, {"port": {"ddof": 1}})
    second = Patch(Cause.FC, "port.fc", 0, 1, {"port": {"fc": "skipped"}, "npy": "raw-rgb"})
    assert merge_patches([first, second]) == {"port": {"ddof": 1, "fc": "skipped"}, "npy": "raw-rgb"}
    assert first.data == {"port": {"ddof": 1}}


def test_a_patch_is_named_by_both_sides_values():
    patch = Patch(Cause.BETA, "parameters.beta", 60.0, 5.0, {})
    assert (patch.name_undone().a, patch.name_undone().b) == (5.0, 60.0)
    assert (patch.name_done().a, patch.name_done().b) == (60.0, 5.0)


def test_every_rule_and_every_choice_is_in_the_catalogue():
    known = list_known(JOB, has_arrays=True)
    for rule, choices in CHOICES.items():
        sets = [
            patch.sets for patch in known if patch.factor == f"port.{rule}" and rule in patch.data["port"]
        ]
        for choice in choices:
            if choice != read_rules(JOB)[rule] and rule != "order":
                assert choice in sets, (rule, choice)
    orders = [patch for patch in known if patch.factor == "port.order"]
    assert len({tuple(patch.data["port"]["listing"]) for patch in orders}) == 24


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_no_rule_of_the_catalogue_is_refused(preset):
    job = change(port__preset=preset)
    for patch in list_known(job, has_arrays=True):
        if "port" in patch.data:
            read_port(preset, {**job["port"]["rules"], **patch.data["port"]})


def test_the_catalogue_has_nothing_that_the_job_has_already():
    for patch in list_known(JOB, has_arrays=True):
        assert patch.sets != patch.was, patch


def test_arrays_bring_their_conventions_into_the_catalogue():
    factors = {patch.factor for patch in list_known(JOB)}
    assert not factors & {"npy", "port.npy", "port.quantise"}
    assert {"npy", "port.npy", "port.quantise"} <= {
        patch.factor for patch in list_known(JOB, has_arrays=True)
    }


def test_the_catalogue_has_the_published_rows_beyond_rules():
    factors = {patch.factor for patch in list_known(JOB)}
    assert {"weights", "pooling", "flatten", "labels", "decoder", "preprocess.mean"} <= factors


def test_every_patch_is_plain_data_and_no_two_are_the_same():
    data = [json.dumps(patch.data, sort_keys=True) for patch in list_known(JOB, has_arrays=True)]
    assert len(data) == len(set(data))


def test_another_published_port_is_a_group_of_patches():
    ((*patches,),) = list_presets(JOB)
    assert merge_patches(patches)["port"]["pool3_channels"] == "all"


def test_every_rule_and_every_preprocessing_key_has_its_cause():
    assert set(RULES) == set(NAMES)
    assert set(PREPROCESS) == set(JOB["model"]["preprocess"])


def test_a_network_that_lies_elsewhere_is_no_difference():
    ours = {**JOB, "hashes": {"network": "5"}}
    inside = {**ours, "model": {**JOB["model"], "network": "/data/network"}}
    assert list_declared(ours, inside) == []
    assert [one.factor for one in list_declared({**ours, "hashes": {"network": "6"}}, inside)] == ["network"]
