"""Witness files in both formats."""

import itertools
import sys
from pathlib import Path

import nets
import pytest

from harness.ami.detection import order_visits
from harness.ami.port import ATTRIBUTES, Port, read_port
from harness.ami.steering import plan_steering
from harness.ami.witnesses import (
    concatenate_witnesses,
    read_witnesses,
    write_port_witnesses,
    write_witnesses,
)
from harness.core.errors import InputError
from harness.core.walk import list_visits

NETWORK = nets.face_like_network()
PUBLISHED = Path(__file__).parents[3] / "shared" / "ami"


def write(tmp_path, text):
    path = tmp_path / "leye_witness.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_both_formats_say_the_same(tmp_path):
    notebook = read_witnesses(write(tmp_path, "conv1_1,4,2,4\nfc6,7\n"), NETWORK)
    port = read_witnesses(write(tmp_path, "relu1_1->4,2,4\npool3->\nrelu6->7\n\n"), NETWORK)
    assert notebook == port == {"conv1_1": (4, 2, 4), "fc6": (7,)}


def test_a_channel_may_be_listed_a_hundred_times(tmp_path):
    text = "conv1_1,1,2,3,4,5\n" * 100
    assert len(read_witnesses(write(tmp_path, text), NETWORK)["conv1_1"]) == 500


def test_windows_files_say_the_same(tmp_path):
    path = write(tmp_path, "\ufeffconv1_1,4,\r\n\r\nrelu6->7\r\n\n\n")
    assert read_witnesses(path, NETWORK) == {"conv1_1": (4,), "fc6": (7,)}


def test_written_witnesses_read_back(tmp_path):
    path = tmp_path / "nose_witness.txt"
    write_witnesses(path, {"conv1_1": [3, 1], "pool3": [], "fc7": [0]})
    assert read_witnesses(path, NETWORK) == {"conv1_1": (3, 1), "fc7": (0,)}


def test_witnesses_written_as_the_port_does_list_every_blob_and_read_back(tmp_path):
    path = tmp_path / "nose_neurons.txt"
    write_port_witnesses(path, {"conv1_1": [3, 1], "fc7": [0]}, NETWORK)
    assert path.read_text() == "relu1_1->3,1\nrelu2_2->\npool3->\nrelu4_1->\nrelu6->\nrelu7->0\n"
    assert read_witnesses(path, NETWORK) == {"conv1_1": (3, 1), "fc7": (0,)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("conv1_1,1\nconv9_9,2\n", r"leye_witness.txt:2.*'conv9_9'"),
        ("conv1_1,6\n", r":1.*channels 0 to 5, not 6"),
        ("conv1_1,-1\n", r"not -1"),
        ("fc8,1\n", r"'fc8' cannot be steered"),
        ("data,1\n", r"'data' cannot be steered"),
        ("conv1_1,one\n", r":1: 'conv1_1,one'"),
        ("conv1_1;1;2\n", r"'conv1_1;1;2'"),
        ("conv1_1,0_2\n", r":1: 'conv1_1,0_2' is not"),
        ("conv1_1,٣\n", r":1: 'conv1_1,٣' is not"),
        ("conv1_1, 1\n", r":1: 'conv1_1, 1' is not"),
        ("relu1_1->+1\n", r":1: 'relu1_1->\+1' is not"),
        (f"conv1_1,{'9' * 5_000}\n", r":1: 'conv1_1,999.*…' is not"),
        ("conv1_1,1\u2028conv1_1,2\n", r":1: 'conv1_1,1.*conv1_1,2' is not"),
        ("conv1_1,1\n" * 110_000, "is too large; at most 1 MiB"),
        ("conv1_1,2\n" + "conv1_1,1\n" * 101, "blob 'conv1_1': lists channel 1 101 times; at most 100"),
    ],
)
def test_wrong_lines_are_named(tmp_path, text, words):
    with pytest.raises(InputError, match=words):
        read_witnesses(write(tmp_path, text), NETWORK)


def test_a_missing_or_binary_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.txt"):
        read_witnesses(tmp_path / "nowhere.txt", NETWORK)
    path = tmp_path / "binary.txt"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"binary\.txt"):
        read_witnesses(path, NETWORK)


def test_concatenation_keeps_duplicates_and_follows_the_listing():
    witnesses = {
        "leye": {"conv1_1": (1,), "fc7": (2,)},
        "reye": {"conv1_1": (1, 3)},
        "nose": {"fc6": (5,)},
        "mouth": {"fc7": (2,)},
    }
    assert concatenate_witnesses(witnesses, Port()) == {
        "conv1_1": ((1,), (1, 3)),
        "fc7": ((2,), (2,)),
        "fc6": ((5,),),
    }
    port = read_port("notebook", {"order": "listing", "listing": ("nose", "mouth", "reye", "leye")})
    assert list(concatenate_witnesses(witnesses, port)) == ["fc6", "fc7", "conv1_1"]


@pytest.fixture(name="published")
def published_witnesses():
    if not PUBLISHED.is_dir():
        pytest.skip("the published AmI data is not beside the project")
    if sys.version_info < (3, 11):
        pytest.skip("the outside half, which builds VGG-Face's network, needs Python 3.11")
    from harness.model.random_weights import vgg_face_network

    network = vgg_face_network()
    return network, {
        attribute: read_witnesses(PUBLISHED / "witnesses" / f"{attribute}_witness.txt", network)
        for attribute in ATTRIBUTES
    }


def test_published_sets_have_the_published_sizes(published):
    _, witnesses = published
    counts = {attribute: sum(map(len, by_blob.values())) for attribute, by_blob in witnesses.items()}
    assert counts == {"leye": 72, "reye": 58, "nose": 72, "mouth": 104}
    entries = concatenate_witnesses(witnesses, Port())
    assert len(entries) == 17
    assert sum(len(set(itertools.chain(*lists))) for lists in entries.values()) == 237
    assert entries["conv1_1"] == ((42,), (42,), (42,), (42,))


def test_the_published_port_has_the_same_sets_but_for_fc(published):
    network, witnesses = published
    for attribute, by_blob in witnesses.items():
        port = read_witnesses(PUBLISHED / "witnesses_port" / f"{attribute}_neurons.txt", network)
        convolutional = {blob: channels for blob, channels in by_blob.items() if not blob.startswith("fc")}
        assert {blob: sorted(channels) for blob, channels in port.items()} == {
            blob: sorted(channels) for blob, channels in convolutional.items()
        }


@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_published_files_are_written_again_as_they_are(published, tmp_path, attribute):
    network, witnesses = published
    again = tmp_path / "again.txt"
    write_witnesses(again, witnesses[attribute])
    assert again.read_bytes() == (PUBLISHED / "witnesses" / f"{attribute}_witness.txt").read_bytes()
    path = PUBLISHED / "witnesses_port" / f"{attribute}_neurons.txt"
    write_port_witnesses(again, read_witnesses(path, network), network)
    assert again.read_text() == path.read_text() + "\n"


def test_which_listings_of_the_published_files_lose_steering(published):
    network, witnesses = published
    revisited = {}
    for listing in itertools.permutations(ATTRIBUTES):
        port = read_port("notebook", {"order": "listing", "listing": listing})
        plan = plan_steering(network, concatenate_witnesses(witnesses, port), port)
        edits = [(steering.blob, id) for steering in order_visits(network, plan, port)]
        visits = list_visits(network, edits, (), ("data", "fc8"))
        revisited[listing] = tuple(visit.blob for visit in visits if visit.kept)
    assert sorted(revisited.values()) == 8 * [()] + 6 * [("conv3_2", "fc6")] + 10 * [("fc6",)]
    assert all(revisited[listing] for listing in revisited if listing[0] == "nose")
