"""Every preset against the published program that it stands for, written out in `literal_ami`."""

import itertools

import literal_ami
import nets
import numpy as np
import pytest
from arrays import NumpyArrays, TorchArrays

from harness.ami.detection import build_detector, run_plain, run_steered
from harness.ami.port import ATTRIBUTES, CHOICES, fit_rules, read_port
from harness.ami.preprocess import prepare_array, prepare_image
from harness.ami.steering import Parameters, plan_steering, steer
from harness.ami.witnesses import concatenate_witnesses, read_witnesses
from harness.backends import Settings, find_backend
from harness.core.activations import expose_activations
from harness.core.arrays import NPY_CONVENTIONS, Preprocess

MEAN = (93.5940, 104.7624, 129.1863)
NETWORK = nets.face_like_network()
SIZE = NETWORK.input.shape[1]
MODEL = Preprocess(SIZE, SIZE, "bgr", MEAN)
WEIGHTS = nets.random_parameters(NETWORK, 11)
NUMBERS = (7.0, 5.0, 1.15)  # small alpha and beta: what is done wrongly shows
TOLERANCE = 3e-5  # of the logits' spread; both sides round in float32

SETS = {
    "across attributes": {
        "leye": {"conv1_1": [1, 4], "conv2_2": [3, 5]},
        "reye": {"conv1_1": [4], "conv4_1": [0, 2]},
        "nose": {"conv1_1": [4, 2], "conv4_1": [2]},
        "mouth": {"conv2_2": [5], "conv4_1": [2, 7]},
    },
    "within one file": {
        "leye": {"conv1_1": [1, 4, 1], "conv2_2": [3, 3, 3, 6]},
        "reye": {"conv2_2": [3], "conv4_1": [5, 1, 5]},
        "nose": {"conv1_1": [1, 2]},
        "mouth": {"conv4_1": [5]},
    },
    "single entries": {
        "leye": {"conv1_1": [4]},
        "reye": {"conv2_2": [6]},
        "nose": {"pool3": [2]},
        "mouth": {"conv4_1": [3], "fc6": [7]},
    },
    "pool3": {
        "leye": {"pool3": [1, 6]},
        "reye": {"pool3": [6, 6]},
        "nose": {"pool3": [4], "conv4_1": [1, 2]},
        "mouth": {"conv2_2": [0, 7]},
    },
    "fc": {
        "leye": {"fc7": [2, 9], "fc6": [1, 5]},
        "reye": {"conv4_1": [6, 1], "fc6": [5]},
        "nose": {"fc7": [9], "conv1_1": [0, 3]},
        "mouth": {"fc6": [8, 8, 3]},
    },
    "everything": {
        "leye": {"conv1_1": [1, 2, 2], "conv2_2": [3], "pool3": [3], "conv4_1": [0, 5], "fc7": [4, 6]},
        "reye": {"conv1_1": [2], "conv2_2": [1, 4], "fc6": [1], "conv4_1": [5]},
        "nose": {"fc6": [2], "pool3": [3, 1], "fc7": [4], "conv1_1": [2]},
        "mouth": {"conv2_2": [0], "pool3": [6, 3], "conv4_1": [7], "fc6": [2, 8, 9]},
    },
}
PUBLISHED = {
    "notebook": ("{}_witness.txt", ",", {blob: blob for blob in nets.BLOBS}),
    "pytorch-port": ("{}_neurons.txt", "->", {blob: hook for hook, blob in literal_ami.HOOKS.items()}),
}


def make_files():
    """An image, and an array of every kind: file, its kind (None: image)."""
    rng = np.random.default_rng(5)
    found = [(rng.integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8), None)]
    for kind in NPY_CONVENTIONS:
        levels = rng.uniform(0, 255, (3, SIZE, SIZE)).astype(np.float32)
        minus = np.array(MEAN, np.float32)[:, None, None] if kind == "bgr-minus-mean" else 0
        found.append((levels - minus, kind))
    return found


FILES = make_files()
KINDS = [kind or "image" for _, kind in FILES]


def write_set(folder, preset, witnesses):
    """The four files of a witness set, in the form that the preset's program reads."""
    name, mark, names = PUBLISHED[preset]
    for attribute, blobs in witnesses.items():
        listed = blobs if preset == "notebook" else {blob: blobs.get(blob, []) for blob in names}
        lines = [f"{names[blob]}{mark}{','.join(map(str, channels))}\n" for blob, channels in listed.items()]
        (folder / name.format(attribute)).write_text("".join(lines))


def run_published(folder, preset, listing=None):
    """Logits (2, N, classes) as the published program has them; None: blobs in network order."""
    passes = []
    for file, _ in FILES:
        if preset == "notebook":
            found = literal_ami.read_notebook_files(folder, listing or ATTRIBUTES)
            found = found if listing else dict(sorted(found.items()))
            data = literal_ami.notebook_input(file, MEAN)
            passes.append(literal_ami.run_notebook(WEIGHTS, data, found, NUMBERS))
        else:
            found, data = literal_ami.read_port_files(folder), literal_ami.port_input(file, MEAN)
            passes.append(literal_ami.run_port(literal_ami.turn_to_rgb(WEIGHTS), data, found, NUMBERS))
    return np.array(passes).transpose(1, 0, 2)


def run_preset(folder, preset, rules=None, backend="reference", **settings):
    """The same by the harness."""
    port = read_port(preset, fit_rules(preset, rules or {}, backend))
    name = PUBLISHED[preset][0]
    witnesses = {one: read_witnesses(folder / name.format(one), NETWORK) for one in ATTRIBUTES}
    walked = expose_activations(NETWORK) if port.blob_value == "before-relu" else NETWORK
    executor = find_backend(backend).load(walked, WEIGHTS, Settings(**settings))
    entries = concatenate_witnesses(witnesses, port)
    detector = build_detector(executor, entries, port, Parameters(*NUMBERS))
    inputs = [
        prepare_image(file, MODEL, port) if kind is None else prepare_array(file, kind, MODEL, port)
        for file, kind in FILES
    ]
    value = executor.to_native(np.stack(inputs))
    return np.stack([executor.to_numpy(run(value)) for run in (
        lambda one: run_plain(executor, one), lambda one: run_steered(detector, one)
    )])  # fmt: skip


def find_differing(ours, theirs):
    """Kinds of input for which two programs differ in more than rounding."""
    far = np.abs(ours - theirs).max(axis=(0, 2)) > TOLERANCE * theirs.std()
    return [kind for kind, differs in zip(KINDS, far) if differs]


@pytest.mark.parametrize("backend", ["reference", "pytorch", "onnxruntime"])
@pytest.mark.parametrize("witnesses", SETS)
@pytest.mark.parametrize("preset", PUBLISHED)
def test_a_preset_is_its_published_program(tmp_path, preset, witnesses, backend):
    if backend != "reference":
        pytest.importorskip({"pytorch": "torch"}.get(backend, backend))
    write_set(tmp_path, preset, SETS[witnesses])
    ours, theirs = run_preset(tmp_path, preset, backend=backend), run_published(tmp_path, preset)
    assert find_differing(ours, theirs) == []
    np.testing.assert_array_equal(ours.argmax(-1), theirs.argmax(-1))
    assert not np.allclose(theirs[0], theirs[1], rtol=1e-3), "steering did nothing"


@pytest.mark.parametrize("witnesses", ["fc", "everything"])
@pytest.mark.parametrize("listing", list(itertools.permutations(ATTRIBUTES)), ids="-".join)
def test_the_notebook_is_its_published_program_in_every_listing(tmp_path, listing, witnesses):
    write_set(tmp_path, "notebook", SETS[witnesses])
    ours = run_preset(tmp_path, "notebook", {"order": "listing", "listing": list(listing)})
    assert find_differing(ours, run_published(tmp_path, "notebook", listing)) == []


def test_listings_are_told_apart(tmp_path):
    write_set(tmp_path, "notebook", SETS["fc"])
    listings = list(itertools.permutations(ATTRIBUTES))
    found = {run_published(tmp_path, "notebook", one).tobytes() for one in listings}
    assert len(found) >= 3


BITS = {
    "maps": ((3, 8, 12, 12), "conv2_2", [(3, 5, 3), (5,), (5, 1), (3,)]),
    "one channel thrice": ((40, 8, 6, 5), "conv2_2", [(6,), (6,), (6,)]),
    "one entry": ((3, 8, 6, 5), "conv2_2", [(6,)]),
    "fc": ((40, 12), "fc6", [(1, 4, 1), (4, 9), (1,)]),
}


def make_blob(shape):
    """A blob after its ReLU, and how it is steered in a network that has it."""
    value = np.random.default_rng(8).normal(0.3, 1.0, shape) * 300
    return np.maximum(value, 0).astype(np.float32)


def steer_blob(arrays, value, blob, lists, port):
    """A steered blob, by the harness."""
    steering = plan_steering(NETWORK, {blob: lists}, port)[blob]
    return arrays.to_numpy(steer(arrays, arrays.to_native(value), steering, port, Parameters(*NUMBERS)))


@pytest.mark.parametrize("arrays", [NumpyArrays, TorchArrays])
@pytest.mark.parametrize("case", BITS)
def test_the_notebook_steers_to_the_last_bit_on_every_array(arrays, case):
    shape, blob, lists = BITS[case]
    value, port = make_blob(shape), read_port("notebook", {})
    steered = steer_blob(arrays(), value, blob, lists, port)
    entries = [channel for one in lists for channel in one]
    for image in value:
        literal_ami.steer_as_notebook(image, blob, entries, *NUMBERS)
    np.testing.assert_array_equal(steered, value)


@pytest.mark.parametrize("rule", ["arithmetic", "duplicates"])
def test_other_arithmetics_have_other_bits(rule):
    shape, blob, lists = BITS["maps"]
    found = [
        steer_blob(NumpyArrays(), make_blob(shape), blob, lists, read_port("notebook", {rule: choice}))
        for choice in CHOICES[rule]
        if choice != "torch"
    ]
    assert len({one.tobytes() for one in found}) == len(found)


@pytest.mark.parametrize("case", [*BITS, "pool3"])
def test_the_port_steers_to_the_last_bit_over_torch(case):
    torch = pytest.importorskip("torch")
    shape, blob, lists = {**BITS, "pool3": ((3, 8, 8, 8), "pool3", [(3, 5, 3), (5,), (1,)])}[case]
    value, port = make_blob(shape), read_port("pytorch-port", {})
    steered = steer_blob(TorchArrays(), value, blob, lists, port)
    for image, ours in zip(torch.from_numpy(value), steered):
        np.testing.assert_array_equal(ours, steer_in_torch(torch, image[None], blob, lists)[0].numpy())


def steer_in_torch(torch, value, blob, lists):
    """The port's hook, with the calls that it makes; a batch of one image in and out."""
    alpha, beta, epsilon = NUMBERS
    if blob == "pool3":
        size = value.shape[2:]
        value = torch.nn.functional.interpolate(
            value[..., 2:-2, 2:-2], size=size, mode="bilinear", align_corners=False
        )
    data = value[0] if value.ndim == 2 else torch.sum(value[0], (1, 2))
    listed = data[[channel for one in lists for channel in one]]
    mean, deviation, least = listed.mean(), listed.std(unbiased=False), listed.min()
    above, distance = torch.zeros(len(data)), torch.zeros(len(data))
    if deviation != 0:
        above = torch.max(above, (data - mean) / deviation)
        distance = torch.abs(data - least) / deviation
    factors, others = torch.ones(len(data)), torch.ones(len(data))
    for channels in lists:
        mask = torch.zeros(len(data))
        mask[list(channels)] = 1
        factors *= (epsilon + 1 - torch.exp(-distance / beta)) * mask + (1 - mask)
        others *= 1 - mask
    factors = factors * (1 - others) + torch.exp(-above / alpha) * others
    return value * (factors if value.ndim == 2 else factors[:, None, None])


# What a rule needs beside it, and the rules that nothing here can show.
WITH = {
    ("pool3_when", "before-statistics"): {"pool3_channels": "all"},
    ("pool3_channels", "weakened"): {"pool3_when": "after-statistics"},
    ("order", "listing"): {"listing": ["nose", "leye", "mouth", "reye"]},
}
IDLE = {
    "fit": "images have the network's size",
    "resize": "images have the network's size",
    "resize_when": "images have the network's size",
    "zero_sigma": "no deviation is near 0",
    "arithmetic": "no deviation is near 0",
}
MUTATIONS = [
    (preset, rule, choice)
    for preset in PUBLISHED
    for rule, choices in CHOICES.items()
    for choice in choices
    if rule not in IDLE and choice != getattr(read_port(preset, {}), rule)
]


@pytest.mark.parametrize(("preset", "rule", "choice"), MUTATIONS)
def test_a_preset_with_another_rule_is_not_its_published_program(tmp_path, preset, rule, choice):
    rules, differing = {rule: choice, **WITH.get((rule, choice), {})}, []
    for witnesses in ("everything", "within one file", "pool3"):
        write_set(tmp_path, preset, SETS[witnesses])
        differing += find_differing(run_preset(tmp_path, preset, rules), run_published(tmp_path, preset))
    assert differing


def test_the_comparison_sees_one_wrong_weight(tmp_path, monkeypatch):
    write_set(tmp_path, "notebook", SETS["fc"])
    published, changed = run_published(tmp_path, "notebook"), dict(WEIGHTS)
    changed["conv4_1.weight"] = changed["conv4_1.weight"].copy()
    changed["conv4_1.weight"][3, 2, 1, 1] += 0.05
    monkeypatch.setitem(globals(), "WEIGHTS", changed)
    assert find_differing(run_preset(tmp_path, "notebook"), published) == KINDS
