"""Every reader reads a document or refuses it, whatever was done to it: a little here, more by hand."""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from fuzz.__main__ import fuzz_reader
from fuzz.drive import Reader, Tally, make_case, run_reader
from fuzz.mutate import mutate_json, walk_places
from fuzz.readers import READERS

from harness.core.errors import InputError

PATHS = [str(folder) for folder in (*Path(__file__).parents[1:3], Path(__file__).parents[1] / "support")]
NUMBER, SEED = 25, "suite"
SLOW = {"run": 8, "summary": 8, "environments": 15, "model": 15}


@pytest.mark.parametrize("name", READERS)
def test_a_damaged_document_is_read_or_refused(name, tmp_path):
    tally = Tally()
    if name == "attack":
        pytest.importorskip("torch", reason="attacks need PyTorch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy's and Pillow's, of what they repair
        run_reader(READERS[name], tmp_path / "folder", range(SLOW.get(name, NUMBER)), SEED, tally)
    assert tally.findings == []
    assert tally.number == SLOW.get(name, NUMBER)


SOUND = b'{"a": [1, {"b": "c"}], "d": null}'


def seed_plain(folder):
    (folder / "a.json").write_bytes(SOUND)


def make_reader(read):
    return Reader("planted", seed_plain, read)


def plant(error):
    def read(folder):
        if (folder / "a.json").read_bytes() != SOUND:
            raise error

    return make_reader(read)


@pytest.mark.parametrize(
    "error", [KeyError("a"), RecursionError(), MemoryError(), SystemExit(1), OSError(2, "x")]
)
def test_whatever_else_is_raised_is_found(tmp_path, error):
    tally = Tally()
    run_reader(plant(error), tmp_path / "folder", range(20), SEED, tally)
    names = {reason.partition(":")[0] for _, _, reason in tally.findings}
    assert type(error).__name__ in names


def test_a_refusal_is_no_finding(tmp_path):
    def read(folder):
        try:
            json.loads((folder / "a.json").read_bytes())
        except (ValueError, RecursionError) as error:
            raise InputError("is no JSON") from error

    tally = Tally()
    run_reader(make_reader(read), tmp_path / "folder", range(50), SEED, tally)
    assert (tally.findings, tally.number) == ([], 50)
    assert 0 < tally.accepted < 50


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timer of processor time")
def test_what_does_not_end_is_found(tmp_path, monkeypatch):
    def read(folder):
        damaged = (folder / "a.json").read_bytes() != SOUND
        while damaged:
            pass

    monkeypatch.setattr("fuzz.drive.SECONDS", 0.05)
    tally = Tally()
    run_reader(make_reader(read), tmp_path / "folder", range(10), SEED, tally)
    assert "took more than 0.05 s" in {reason for _, _, reason in tally.findings}


def test_a_case_is_the_same_for_the_same_numbers(tmp_path):
    reader = READERS["witnesses"]
    reader.seed(tmp_path)
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    cases = [make_case(reader, whole, SEED, number) for number in range(50)]
    assert cases == [make_case(reader, whole, SEED, number) for number in range(50)]
    assert len(set(cases)) > 40
    assert cases != [make_case(reader, whole, "other", number) for number in range(50)]


def test_every_place_of_a_document_is_reached():
    tree = {"a": [1, {"b": "c"}], "d": None}
    assert len(list(walk_places(tree))) == 5
    rng = random.Random(0)
    found = {mutate_json(json.dumps(tree).encode(), rng)[:200] for _ in range(500)}
    assert len(found) > 100


def test_the_command_says_what_it_did(tmp_path):
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(PATHS)}
    words = f"-m fuzz --reader witnesses --reader batches --number 30 --seed x --output {tmp_path}"
    command = [sys.executable, *words.split()]
    done = subprocess.run(command, capture_output=True, text=True, env=variables, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows[1:3]] == [["witnesses", "30"], ["batches", "30"]]
    assert rows[-1] == ["0", "findings,", "of", "seed", "x"]


DYING = """
import os, sys
from fuzz import readers
from fuzz.drive import Reader
from fuzz.__main__ import main

one = readers.READERS["batches"]

def read(folder):
    if (folder / "batches.jsonl").stat().st_size > 1000:
        os.abort()
    return one.read(folder)

readers.READERS["batches"] = Reader("batches", one.seed, read, (), True)
sys.exit(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="processes die with other numbers there")
def test_a_process_that_dies_is_a_finding_and_the_rest_goes_on(tmp_path, monkeypatch, capsys):
    (tmp_path / "dying.py").write_text(DYING)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *PATHS]))
    monkeypatch.setattr("fuzz.__main__.PROGRAM", "dying")
    options = argparse.Namespace(seed="x", first=0, number=60, output=tmp_path / "found")
    found = fuzz_reader(READERS["batches"], options)
    shown = capsys.readouterr().out
    assert found > 0
    assert shown.splitlines()[-1].split()[:2] == ["batches", "60"]
    assert shown.count("ended its process with -6") == found == len(list((tmp_path / "found").iterdir()))
