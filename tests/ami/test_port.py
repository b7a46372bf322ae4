"""Port presets, rules and their checks."""

import pytest

from harness.ami.port import CHOICES, Port, listed_attributes, port_to_json, read_port
from harness.core.errors import InputError


def test_the_notebook_is_the_default():
    assert read_port("notebook", {}) == Port()


def test_the_pytorch_port_differs_where_its_code_does():
    notebook, port = port_to_json(Port()), port_to_json(read_port("pytorch-port", {}))
    assert {rule for rule in port if port[rule] != notebook[rule]} == {
        "duplicates", "arithmetic", "pool3_channels", "pool3_kernel", "pool3_when", "listing",
    }  # fmt: skip


def test_every_default_is_a_choice():
    for rule, choices in CHOICES.items():
        assert getattr(Port(), rule) in choices


@pytest.mark.parametrize(
    ("preset", "rules", "words"),
    [
        ("matlab", {}, "'matlab'.*notebook"),
        ("notebook", {"pool4": "none"}, "unknown rule 'pool4'"),
        ("notebook", {"duplicates": "twice"}, "duplicates = 'twice'.*sequential"),
        ("notebook", {"ddof": True}, "ddof = True"),
        ("notebook", {"fed_on": 1}, "fed_on = 1"),
        ("notebook", {"pool3_when": "before-statistics"}, "pool3_when"),
        ("notebook", {"order": "listing"}, "listing"),
        ("notebook", {"order": "listing", "listing": ["nose", "nose", "leye", "reye"]}, "listing"),
        ("notebook", {"listing": ["nose", "mouth", "leye"]}, "listing"),
    ],
)
def test_wrong_rules_are_named(preset, rules, words):
    with pytest.raises(InputError, match=words):
        read_port(preset, rules)


def test_listing_takes_the_file_names_of_either_format():
    names = ("nose_witness.txt", "mouth_neurons.txt", "leye", "reye.txt")
    assert listed_attributes(names) == ("nose", "mouth", "leye", "reye")
