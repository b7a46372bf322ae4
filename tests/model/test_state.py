"""Which layers run: rules of phase, level and stage, as Caffe's FilterNet and StateMeetsRule have them."""

import dataclasses
import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from caffe_states import STATED
from google.protobuf import text_format
from small_model import make_png, write_model
from small_prototxt import NEWER, SMALL

from harness.core.errors import InputError
from harness.core.network_files import read_network, read_notes
from harness.examples.subject import prepare_subject
from harness.model.convert import convert_model
from harness.model.folder import read_model
from harness.model.prototxt import read_description, read_prototxt
from harness.model.schema import message_class
from harness.model.state import Situation, State, make_state, meets_rule
from harness.plan.plan import CellRequest, plan_cells
from harness.system.cache import HashCache
from harness.witnesses.cells import describe_here
from harness.worker.job import read_job
from harness.worker.tasks.extract import MUTATIONS

# With these a stage or level that a rule does not ask for is no mistake; the layer runs in training alone.
EVERY_RULE = 'layer { name: "x" type: "Data" include { phase: TRAIN stage: "a" min_level: 1 } }'
ROOT = Path(__file__).resolve().parents[2]


def write(tmp_path, *rules, state=""):
    """The small network, its ReLU and its Dropout with rules, and a state."""
    text = NEWER
    for name, rule in zip(("relu1", "drop2"), rules, strict=False):
        text = text.replace(f'name: "{name}"', f'{rule} name: "{name}"')
    path = tmp_path / "deploy.prototxt"
    path.write_text(f"{state}\n{text}", encoding="utf-8")
    return path


def read_names(path, level=None, stages=None):
    return [layer.name for layer in read_prototxt(path, make_state(level, stages)).layers]


def meets_literally(phase, level, stages, rule):
    """`StateMeetsRule`, check by check."""
    if rule.HasField("phase") and rule.phase != phase:
        return False
    if rule.HasField("min_level") and level < rule.min_level:
        return False
    if rule.HasField("max_level") and level > rule.max_level:
        return False
    for stage in rule.stage:
        if stage not in stages:
            return False
    return all(stage not in stages for stage in rule.not_stage)


PARTS = (
    ("", "phase: TRAIN", "phase: TEST"),
    ("", "min_level: 0", "min_level: 1", "min_level: -2"),
    ("", "max_level: 0", "max_level: 2", "max_level: -1"),
    ("", "stage: 'a'", "stage: 'a' stage: 'b'"),
    ("", "not_stage: 'b'", "not_stage: 'c'"),
)


def test_rules_hold_as_in_caffe():
    seen = set()
    for parts in itertools.product(*PARTS):
        rule = text_format.Parse(" ".join(parts), message_class("NetStateRule")())
        for phase, level, stages in itertools.product(
            (0, 1), (-1, 0, 1), ((), ("a",), ("a", "b"), ("c", "b"))
        ):
            found = meets_rule(Situation(phase, level, frozenset(stages)), rule)
            assert found == meets_literally(phase, level, stages, rule), (parts, phase, level, stages)
            seen.add(found)
    assert seen == {True, False}


@pytest.mark.parametrize(("state", "rule"), STATED)
def test_layers_are_there_as_caffe_has_them(tmp_path, state, rule):
    """The same table as in `test_caffe`, which Caffe itself passes."""
    path = write(tmp_path, rule, state=state)
    path.write_text(f"{path.read_text()}{EVERY_RULE}")
    found = ["relu1" in read_names(path, level, stages) for level, stages in ((0, ()), (0, ("a",)), (1, ()))]
    assert found == STATED[state, rule]


def test_a_files_own_stages_count(tmp_path):
    path = write(tmp_path, 'include { stage: "deploy" }', 'exclude { stage: "deploy" }')
    assert read_names(path) == ["conv1", "pool1", "fc2", "drop2", "prob"]
    path = write(
        tmp_path,
        'include { stage: "deploy" }',
        'exclude { stage: "deploy" }',
        state='state { phase: TEST stage: "deploy" }',
    )
    assert read_names(path) == ["conv1", "relu1", "pool1", "fc2", "prob"]


def test_stages_that_are_asked_for_are_added_to_a_files_own(tmp_path):
    path = write(tmp_path, 'include { stage: "deploy" stage: "fast" }', state='state { stage: "deploy" }')
    assert "relu1" not in read_names(path)
    assert "relu1" in read_names(path, stages=["fast"])
    assert "relu1" not in read_names(write(tmp_path, 'include { not_stage: "fast" }'), stages=["fast"])


def test_levels(tmp_path):
    path = write(tmp_path, "include { min_level: 1 }", "include { max_level: 1 }")
    assert read_names(path) == ["conv1", "pool1", "fc2", "drop2", "prob"]
    assert read_names(path, level=1) == ["conv1", "relu1", "pool1", "fc2", "drop2", "prob"]
    assert read_names(path, level=2) == ["conv1", "relu1", "pool1", "fc2", "prob"]
    assert read_names(write(tmp_path, "exclude { min_level: -1 }")) == ["conv1", *list_names()[2:]]


def list_names():
    return [layer.name for layer in SMALL.layers]


def test_any_include_and_no_exclude(tmp_path):
    assert read_names(write(tmp_path, "include { phase: TRAIN } include { phase: TEST }")) == list_names()
    both = "exclude { phase: TRAIN } exclude { phase: TEST }"
    assert read_names(write(tmp_path, both)) == ["conv1", *list_names()[2:]]


def test_a_files_own_level_and_phase_are_replaced_and_that_is_said(tmp_path):
    """Caffe sets both when it reads a file, to what it is called with."""
    path = write(tmp_path, "include { min_level: 1 }", state="state { level: 1 }")
    described = read_description(path, State())
    assert "relu1" not in [layer.name for layer in described.network.layers]
    (note,) = described.notes
    assert "state says phase TEST, level 1, but phase TEST, level 0 is run" in note
    assert "1 of its layers depend" in note
    assert read_description(path, State(level=1)).notes == ()
    path = write(tmp_path, "include { phase: TRAIN }", state="state { phase: TRAIN level: 3 }")
    assert "phase TRAIN, level 3" in read_description(path, State()).notes[0]
    assert read_description(write(tmp_path, state="state { phase: TRAIN level: 3 }"), State()).notes == ()


def test_stages_that_would_give_other_layers_are_named(tmp_path):
    path = write(tmp_path, "include { stage: 'deploy' }", "exclude { stage: 'deploy' stage: 'fast' }")
    (note,) = read_description(path, State()).notes
    assert note.endswith("stages that were not given would give other layers: deploy (1) (--stage)")
    (note,) = read_description(path, State(0, ("deploy",))).notes
    assert "fast (1)" in note
    assert read_description(path, State(0, ("deploy", "fast"))).notes == ()
    training = write(tmp_path, "include { phase: TRAIN stage: 'deploy' } include { phase: TEST }")
    assert read_description(training, State()).notes == ()


@pytest.mark.parametrize(
    ("level", "stages", "words"),
    [
        (0, ["depoly"], r"no rule of its layers asks for stage 'depoly'; they ask for deploy"),
        (2, [], "no rule of its layers asks for a level; leave level 2 out"),
    ],
)
def test_a_stage_or_level_that_nothing_asks_for_is_refused(tmp_path, level, stages, words):
    path = write(tmp_path, 'include { stage: "deploy" }')
    with pytest.raises(InputError, match=rf"deploy\.prototxt: {words}"):
        read_names(path, level, stages)


def test_stages_are_suggested_where_a_network_is_none_without_them(tmp_path):
    path = write(tmp_path)
    text = path.read_text().replace('name: "pool1"', 'name: "pool1" include { stage: "deploy" }')
    path.write_text(text)
    with pytest.raises(
        InputError, match=r"line 23: layer fc2: reads 'pool1'.*ask for stages: deploy \(--stage\)"
    ):
        read_prototxt(path)
    assert read_prototxt(path, make_state(None, ["deploy"])) == SMALL


def test_a_state_is_the_same_in_any_order():
    assert make_state(None, ["b", "a", "b"]) == make_state(0, ["a", "b"]) == State(0, ("a", "b"))


def write_staged_model(folder):
    """A small model whose last ReLU runs in stage `deploy` alone."""
    write_model(folder, count=4)
    path = folder / "deploy.prototxt"
    path.write_text(path.read_text().replace('name: "relu7"', 'name: "relu7" include { stage: "deploy" }'))
    return folder


def add_keys(folder, text):
    path = folder / "model.toml"
    path.write_text(path.read_text().replace("labels = ", f"{text}\nlabels = ", 1))


def test_a_models_state_is_what_is_given_or_else_what_its_table_says(tmp_path):
    folder = write_staged_model(tmp_path / "staged")
    assert "relu7" not in [layer.name for layer in read_model(folder).network.layers]
    model = read_model(folder, stages=["deploy"])
    assert "relu7" in [layer.name for layer in model.network.layers]
    assert model.state == State(0, ("deploy",))
    add_keys(folder, 'stages = ["deploy"]\nlevel = 0')
    assert read_model(folder).state == State(0, ("deploy",))
    with pytest.raises(InputError, match="no rule of its layers asks for stage 'other'; they ask for deploy"):
        read_model(folder, stages=["other"])
    with pytest.raises(InputError, match="level 4294967296: must be from"):
        read_model(folder, level=1 << 32)


def test_states_have_neutral_folders_of_their_own(tmp_path):
    folder = write_staged_model(tmp_path / "staged")
    files = folder / "deploy.prototxt", folder / "net.caffemodel", tmp_path / "cache"
    plain, staged = convert_model(*files), convert_model(*files, state=State(0, ("deploy",)))
    assert plain != staged
    assert convert_model(*files) == plain
    assert convert_model(*files, state=State(0, ("deploy",))) == staged
    counts = [len(read_network(one).layers) for one in (plain, staged)]
    assert counts[1] == counts[0] + 1
    assert read_notes(staged)["sources"]["state"] == {"level": 0, "stages": ["deploy"]}


def test_the_state_reaches_the_worker_and_the_cells_key(tmp_path):
    folder = write_staged_model(tmp_path / "staged")
    cells = []
    for stages in ((), ("deploy",)):
        model = read_model(folder, stages=stages)
        hashes = HashCache(tmp_path / "hashes.json")
        subject = prepare_subject(model, (), None, tmp_path / "cache", hashes, lambda _text: None).subject
        same_network = dataclasses.replace(subject, network_key="same")
        request = CellRequest(describe_here("reference", "pillow"))
        cells += plan_cells([request], same_network, "worker", {}, {})
    assert cells[0].key != cells[1].key
    assert cells[1].job["model"]["state"] == {"level": 0, "stages": ["deploy"]}
    job = read_job(json.loads(json.dumps({**cells[1].job, "output": str(tmp_path)})))
    assert (job.settings.level, job.settings.stages) == (0, ("deploy",))


def test_a_run_in_a_stage(tmp_path, monkeypatch):
    """From the command line to the worker and what it keeps."""
    monkeypatch.setenv("HARNESS_HOME", str(tmp_path / "home"))
    folder = write_staged_model(tmp_path / "staged")
    found = []
    for options in ([], ["--stage", "deploy"]):
        output = tmp_path / f"out{len(found)}"
        command = [sys.executable, "-m", "harness", "witnesses", "extract", "--model", str(folder)]
        command += ["--base", str(write_mutants(tmp_path)), "--mutated", str(tmp_path / "mutated")]
        subprocess.run([*command, "--output", str(output), *options], check=True, timeout=300, cwd=ROOT)
        cell = json.loads((output / "here-reference" / "cell.json").read_text())
        found.append([layer["name"] for layer in cell["network"]["layers"]])
    assert ["relu7" in names for names in found] == [False, True]


def write_mutants(folder):
    """A base image, and a mutated pair for one attribute."""
    rng = np.random.default_rng(0)
    paths = [folder / "base.png", *(folder / "mutated" / f"nose_{kind}" / "0.png" for kind in MUTATIONS)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(make_png(rng))
    return paths[0]
