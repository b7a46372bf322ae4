"""What names a cell: every part is read back as it was written, and other names stay as they are."""

import pytest

from harness.plan.identity import Identity, name_environment, read_identity, write_identity


@pytest.mark.parametrize(
    ("one", "label"),
    [
        (Identity("a"), "a"),
        (Identity("a", replicate=2), "a#2"),
        (Identity("a", "alpha-5"), "a+alpha-5"),
        (Identity("a", "alpha-5", 12), "a+alpha-5#12"),
        (Identity("a", replicate=2, run="here/20260102T030405Z-1a2b"), "a#2@here/20260102T030405Z-1a2b"),
        (Identity("a", run="odd+name#3"), "a@odd+name#3"),
    ],
)
def test_what_is_written_is_read_again(one, label):
    assert write_identity(one) == label
    assert read_identity(label) == one
    assert name_environment(label) == "a"


@pytest.mark.parametrize(
    "name", ["a#", "a#0", "a#x", "a#2#3", "#2", "+x", "a+", "a#1234567890", "", "a#٣", "a#1٣"]
)
def test_what_is_no_identity_is_a_name_as_it_stands(name):
    assert read_identity(name) == Identity(name)
    assert read_identity(f"{name}@run") == Identity(name, run="run")
