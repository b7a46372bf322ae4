"""Damage in the cache, end to end: whatever was changed there, records are those of an undisturbed run."""

import json

import pytest
from command_line import list_runs, make_harness, make_root

FIXTURES = (make_harness, make_root)


def read_answers(root):
    """Records of the newest run by cell, without what they took."""
    answers = {}
    for path in list_runs(root)[-1].glob("cells/*/records.jsonl"):
        records = [json.loads(line) for line in path.read_text().splitlines()]
        answers[path.parent.name] = [{**one, "seconds": 0} for one in records]
    return answers


@pytest.fixture(name="undisturbed")
def run_undisturbed(harness, root):
    """Answers of a run with nothing disturbed."""
    code, _, err = harness("matrix", "--model", root / "small")
    assert code == 0, err
    assert "anew" not in err
    answers = read_answers(root)
    assert sorted(answers) == ["a", "b"]
    return answers


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def flip_parameter(home):
    path = max(home.glob("models/*/parameters/*.npy"), key=lambda path: path.stat().st_size)
    data = bytearray(path.read_bytes())
    data[-1] ^= 0x40
    path.write_bytes(data)


def steer_stronger(home):
    (path,) = home.glob("worker/*/harness/ami/steering.py")
    path.write_text(path.read_text() + "\nParameters.__post_init__ = lambda self: None\n")


DAMAGES = {
    "another steering": (steer_stronger, "steering.py was not what had been copied there"),
    "no work": (
        lambda home: next(home.glob("worker/*/harness/worker/work.py")).write_text(""),
        "work.py was not what had been copied there",
    ),
    "another network": (
        lambda home: change(next(home.glob("models/*/network.json")), '"max"', '"average"'),
        "network.json was changed; the model is converted anew",
    ),
    "another parameter": (flip_parameter, ".npy was changed; the model is converted anew"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_is_damaged_is_made_anew_and_changes_nothing(harness, root, undisturbed, name):
    damage, words = DAMAGES[name]
    damage(root / "home")
    code, _, err = harness("matrix", "--model", root / "small", "--fresh")
    assert code == 0, err
    assert read_answers(root) == undisturbed
    assert len([line for line in err.splitlines() if words in line]) == 1
    code, _, err = harness("matrix", "--model", root / "small")
    assert (code, read_answers(root)) == (0, undisturbed)
    assert "anew" not in err


def test_a_stored_result_that_is_a_file_is_run_again(harness, root, undisturbed):
    for folder in (root / "home" / "store").iterdir():
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        folder.write_text("a file")
    code, _, err = harness("matrix", "--model", root / "small")
    assert code == 0, err
    assert read_answers(root) == undisturbed
    assert len([line for line in err.splitlines() if line.endswith("it is run again")]) == 2


def test_reports_that_cannot_be_written_are_noticed_before_anything_runs(harness, root):
    (root / "reports").write_text("a file")
    code, _, err = harness("matrix", "--model", root / "small")
    assert code == 2
    assert err.splitlines()[-1].startswith(f"harness: {root / 'reports'}: cannot be written (")
    assert "choose another with --reports" in err
    assert "running" not in err
    assert not (root / "home" / "store").exists()
