"""From the command line to an attack that can start: everything read, checked and hashed."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.ami.detection import build_detector, choose_blobs
from harness.ami.port import DEFAULT_PORT, Port, fit_rules, port_to_json, read_port
from harness.ami.steering import Parameters, check_parameters
from harness.ami.witnesses import Entries, concatenate_witnesses, read_witnesses
from harness.attacks.recipes import AmiPgd, Attack, Glasses, find_attack
from harness.attacks.tasks import read_classes
from harness.backends import Settings, find_backend
from harness.core.arrays import Preprocess
from harness.core.errors import InputError
from harness.examples.subject import check_examples, find_examples
from harness.model.caffemodel import read_parameters
from harness.model.folder import Model, read_model
from harness.model.witness_files import choose_set
from harness.plan.rules import read_rules
from harness.system.cache import find_cache, read_hashes
from harness.system.invocation import write_command
from harness.system.project import find_root
from harness.witnesses.landmarks import Landmarks, read_landmarks

if TYPE_CHECKING:
    from harness.attacks.attempt import Checker
    from harness.attacks.generate import Models
    from harness.attacks.produce import Order, Show
    from harness.attacks.results import Produced
    from harness.attacks.sources import Sources

LANDMARKS = "landmarks.json"
"""Beside a list of examples, where --landmarks does not say otherwise."""
GRADIENTS = "pytorch"
MOST_THREADS = 1024
Weights = Mapping[str, Any]


@dataclass(frozen=True)
class AttackRequest:
    """What is asked for on the command line; paths replace those of `model.toml`."""

    attack: str
    output: Path
    model: str = "tiny-vgg-face"
    settings: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    landmarks: Path | None = None
    save: str | None = None
    keep: int | None = None
    limit: int | None = None
    classes: str | None = None
    seed: int = 0
    batch: int = 50
    threads: int = 1
    device: str = "cpu"
    backend: str = GRADIENTS
    check: str = GRADIENTS
    port: str | None = None
    alpha: float | None = None
    beta: float | None = None
    epsilon: float | None = None
    rules: tuple[str, ...] = ()
    prototxt: Path | None = None
    caffemodel: Path | None = None
    labels: Path | None = None
    witnesses: Path | None = None
    stages: tuple[str, ...] = ()
    level: int | None = None


def run_attack(request: AttackRequest, show: Show) -> Produced:
    """Carry out what is asked for; InputError where it cannot start."""
    attack = check_request(request)
    model = read_model(
        request.model,
        prototxt=request.prototxt,
        caffemodel=request.caffemodel,
        labels=request.labels,
        witnesses=request.witnesses,
        level=request.level,
        stages=request.stages,
        need_witnesses=attack.on_detector,
    )
    targets = read_classes(request.classes, attack.aim, len(model.labels))
    import torch

    from harness.attacks.produce import produce

    torch.set_num_threads(request.threads)
    sources, origin = find_sources(request, model, attack)
    weights = dict(read_parameters(model.caffemodel, model.network))
    models, checker = build_models(request, model, attack, weights)
    return produce(make_order(request, attack, targets, model, origin), models, checker, sources, show)


def check_request(request: AttackRequest) -> Attack:
    """The attack that is asked for; InputError for options out of range."""
    attack = find_attack(request.attack, request.settings, request.save)
    if request.backend != GRADIENTS:
        raise InputError(
            f"--backend {request.backend}: has no gradients, which attacks follow; attack on {GRADIENTS}, and"
            f" check the results on others (--check, or harness run --examples)"
        )
    for name in ("keep", "limit", "batch", "threads"):
        value = getattr(request, name)
        if value is not None and value < 1:
            raise InputError(f"--{name} {value}: must be at least 1")
    if request.threads > MOST_THREADS:
        raise InputError(f"--threads {request.threads}: must be at most {MOST_THREADS}")
    check_purpose(request, attack)
    if request.seed < 0:
        raise InputError(f"--seed {request.seed}: must be 0 or more")
    return attack


def check_purpose(request: AttackRequest, attack: Attack) -> None:
    """Refuse options that this attack does not look at: they would seem to do something."""
    idle = [] if isinstance(attack.recipe, Glasses) or request.landmarks is None else ["landmarks"]
    if not attack.on_detector:
        names = ("port", "alpha", "beta", "epsilon", "witnesses")
        idle += [name for name in names if getattr(request, name) is not None]
        idle += ["rule"] if request.rules else []
    if idle:
        raise InputError(f"--{idle[0]}: attack {attack.name} has no use for it; leave it out")


def find_sources(request: AttackRequest, model: Model, attack: Attack) -> tuple[Sources, dict[str, Any]]:
    """The images to attack, and the hashes of what lists and places them."""
    from harness.attacks.sources import Sources, read_sources

    cache = find_cache(find_root())
    hashes = read_hashes(cache)
    found = find_examples(model, request.examples, None, cache, hashes)
    examples = check_examples(found.path, len(model.labels), hashes)
    hashes.save()
    landmarks = find_landmarks(request.landmarks, found.path) if isinstance(attack.recipe, Glasses) else None
    sources = read_sources(examples, model.preprocess, landmarks, request.limit)
    origin = {
        "examples": hashes.hash_file(found.path),
        "landmarks": hashes.hash_file(landmarks.path) if landmarks else None,
    }
    return Sources(sources.sources, (*found.refused, *sources.refused)), origin


def find_landmarks(given: Path | None, examples: Path) -> Landmarks:
    """The landmarks that glasses are placed by; InputError where there are none."""
    path = given or examples.parent / LANDMARKS
    if given is None and not path.is_file():
        raise InputError(
            f"{path}: there are no landmarks, which glasses are placed by; locate them with"
            f" `{write_command('landmarks')}` and hand them in with --landmarks"
        )
    return read_landmarks(path)


def build_models(
    request: AttackRequest, model: Model, attack: Attack, weights: Weights
) -> tuple[Models, Checker]:
    """The networks that gradients come from, and what results are checked on."""
    from harness.attacks.attempt import Checker
    from harness.attacks.generate import Models
    from harness.attacks.torch_model import build_pixel_model, build_steered_model, check_device

    check_device(request.device)
    port, classes = (choose_port(request) if attack.on_detector else Port()), len(model.labels)
    fed = adapt_preprocess(model.preprocess, port)
    surrogate = choose_surrogate(attack, fed)
    plain = build_pixel_model(model.network, weights, surrogate, request.device)
    settings = Settings(
        threads=request.threads,
        device=request.device if request.check == GRADIENTS else "cpu",
        caffemodel=str(model.caffemodel),
        prototxt=str(model.prototxt),
        level=model.state.level,
        stages=model.state.stages,
    )
    backend = find_backend(request.check)
    if not attack.on_detector:
        executor = backend.load(model.network, weights, settings)
        return Models(plain, classes, request.device), Checker(executor, model.preprocess, port)
    parameters = read_detector_parameters(request)
    walked, entries = choose_blobs(model.network, read_entries(request, model, port), port)
    executor = backend.load(walked, weights, settings)
    detector = build_detector(executor, entries, port, parameters)
    whole = build_pixel_model(model.network, weights, fed, request.device)
    steered = build_steered_model(whole, walked, entries, port, parameters)
    return (
        Models(plain, classes, request.device, steered),
        Checker(executor, model.preprocess, port, detector),
    )


def choose_port(request: AttackRequest) -> Port:
    """The detector's port, as the backend that results are checked on can run it."""
    preset = request.port or DEFAULT_PORT
    return read_port(preset, fit_rules(preset, read_rules(request.rules), request.check))


def adapt_preprocess(preprocess: Preprocess, port: Port) -> Preprocess:
    """What a port really feeds the network, as preprocessing without a port."""
    order = preprocess.channel_order
    if port.channel_order == "reversed":
        order = "rgb" if order == "bgr" else "bgr"
    mean, scale = preprocess.mean, preprocess.scale
    if port.mean != "model":
        mean = (0.0, 0.0, 0.0) if port.mean == "none" else (mean[2], mean[1], mean[0])
    if port.value_range == "0-1":
        mean, scale = (mean[0] * 255, mean[1] * 255, mean[2] * 255), scale / 255
    return dataclasses.replace(preprocess, channel_order=order, mean=mean, scale=scale)


def choose_surrogate(attack: Attack, fed: Preprocess) -> Preprocess:
    """What the surrogate is fed: the published attack's got RGB without the mean."""
    if isinstance(attack.recipe, AmiPgd) and attack.recipe.input == "rgb-without-mean":
        return dataclasses.replace(fed, channel_order="rgb", mean=(0.0, 0.0, 0.0))
    return fed


def read_detector_parameters(request: AttackRequest) -> Parameters:
    """The detector's parameters."""
    given = {
        name: getattr(request, name)
        for name in ("alpha", "beta", "epsilon")
        if getattr(request, name) is not None
    }
    parameters = Parameters(**given)
    check_parameters(parameters)
    return parameters


def find_files(request: AttackRequest, model: Model) -> Mapping[str, Path]:
    """The witness files that the detector's port runs with, by attribute."""
    return choose_set(model.witness_sets, request.port or DEFAULT_PORT).files


def read_entries(request: AttackRequest, model: Model, port: Port) -> Entries:
    """Witness entries by blob."""
    files = find_files(request, model)
    witnesses = {name: read_witnesses(path, model.network) for name, path in files.items()}
    return concatenate_witnesses(witnesses, port)


def make_order(
    request: AttackRequest, attack: Attack, targets: tuple[int, ...], model: Model, origin: Mapping[str, Any]
) -> Order:
    """The order with everything that its results depend on."""
    from harness.attacks.produce import Order

    hashes = read_hashes(find_cache(find_root()))
    detector = attack.on_detector and {
        "port": port_to_json(choose_port(request)),
        "parameters": dataclasses.asdict(read_detector_parameters(request)),
        "witnesses": {
            name: hashes.hash_file(path) for name, path in sorted(find_files(request, model).items())
        },
    }
    facts = {
        "model": model.name,
        "files": {
            "prototxt": hashes.hash_file(model.prototxt),
            "caffemodel": hashes.hash_file(model.caffemodel),
            **origin,
        },
        "state": model.state.describe(),
        "limit": request.limit,
        "device": request.device,
        "threads": request.threads,
        "check": request.check,
        "detector": detector or None,
    }
    return Order(
        attack=attack,
        output=request.output,
        facts=facts,
        targets=targets,
        keep=request.keep,
        batch=request.batch,
        seed=request.seed,
    )
