"""Carlini and Wagner's attacks, on a small random network."""

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="attacks follow gradients of PyTorch")

from attack_parts import make_batch, make_parts, run_plain

from harness.attacks.carlini import (
    Aimed,
    Sparse,
    find_fewest,
    find_flattest,
    find_nearest,
    fold,
    give_up,
    measure_excess,
    unfold,
)
from harness.attacks.recipes import CarliniL0, CarliniL2, CarliniLinf

SURE = 0.05  # logits; noise lies far from every other class
CASES = [
    (find_nearest, CarliniL2(SURE, constant=10.0, iterations=60, rate=0.1)),
    (find_flattest, CarliniLinf(SURE, constant=50.0, limit=20.0, rate=0.05)),
    (find_fewest, CarliniL0(SURE, constant=100.0, rounds=14, rate=0.5)),
]


@pytest.fixture(scope="module")
def models():
    return make_parts()[0]


@pytest.fixture(scope="module")
def batch(models):
    return make_batch(models, 12, "runner-up")


def aim(models, batch, confidence=SURE):
    pixels = torch.from_numpy(batch.pixels / np.float32(255))
    return Aimed(models.plain, pixels, torch.from_numpy(batch.targets), confidence)


@pytest.fixture(scope="module")
def found(models, batch):
    return {
        search.__name__: search(aim(models, batch, recipe.confidence), recipe) for search, recipe in CASES
    }


@pytest.mark.parametrize("name", ["find_nearest", "find_flattest", "find_fewest"])
def test_the_target_is_reached_with_confidence(models, batch, found, name):
    logits = torch.from_numpy(run_plain(models, found[name].numpy() * 255))
    excess = measure_excess(logits, torch.from_numpy(batch.targets))
    assert (excess <= -0.99 * SURE).all()
    clean = measure_excess(torch.from_numpy(run_plain(models, batch.pixels)), torch.from_numpy(batch.targets))
    assert (clean > 0).all()


def test_each_attack_is_best_in_its_own_measure(batch, found):
    clean = torch.from_numpy(batch.pixels / np.float32(255))
    change = {name: (moved - clean).abs() for name, moved in found.items()}
    measures = {
        "find_nearest": {name: one.square().sum() for name, one in change.items()},
        "find_flattest": {name: one.amax((1, 2, 3)).mean() for name, one in change.items()},
        "find_fewest": {name: (one.amax(1) > 1e-4).float().mean() for name, one in change.items()},
    }
    for name, values in measures.items():
        assert min(values, key=values.get) == name
    assert measures["find_fewest"]["find_fewest"] < 0.2


def test_pixels_stay_in_range(found):
    assert all((moved >= 0).all() and (moved <= 1).all() for moved in found.values())


@pytest.mark.parametrize(("search", "recipe"), CASES)
def test_an_image_does_not_depend_on_its_neighbours(models, batch, found, search, recipe):
    whole = aim(models, batch, recipe.confidence)
    alone = search(Aimed(whole.model, whole.pixels[3:5], whole.targets[3:5], whole.confidence), recipe)
    assert (alone - found[search.__name__][3:5]).abs().mean() < 1e-3
    assert (alone - found[search.__name__][4:6]).abs().mean() > 0.1


def test_what_cannot_be_reached_stays_as_it_was(models, batch):
    aimed = aim(models, batch, confidence=1e6)
    for search, recipe in CASES:
        assert torch.equal(search(aimed, dataclasses.replace(recipe, iterations=2)), aimed.pixels)


def test_excess_is_to_the_largest_other():
    logits = torch.tensor([[1.0, 5.0, 3.0], [4.0, 0.0, 2.0]])
    assert measure_excess(logits, torch.tensor([1, 2])).tolist() == [-2.0, 2.0]


def test_folding_undoes_unfolding():
    values = torch.linspace(0, 1, 256)
    assert torch.allclose(fold(unfold(values)), values, atol=1e-6)


def test_the_least_important_pixels_are_given_up():
    allowed = torch.tensor([[[[True, True], [True, False]]]])
    weight = torch.tensor([[3.0, 1.0, 2.0, 9.0]])
    left = give_up(Sparse(allowed, torch.zeros(1, 3, 2, 2), weight), torch.tensor([0.4]))
    assert left.flatten().tolist() == [True, False, False, False]
    one = give_up(Sparse(left, torch.zeros(1, 3, 2, 2), weight), torch.tensor([0.9]))
    assert one.sum() == 1
