"""Every attack moves pixels within its bounds, and further from Gold than chance does."""

import dataclasses

import numpy as np
import pytest
from attack_parts import CLASSES, make_batch, make_parts, run_plain

from harness.attacks.generate import AimedPgd, list_ways, move_pixels, rank_classes, run_passes
from harness.attacks.recipes import (
    Adaptive,
    AmiPgd,
    Bim,
    CarliniL2,
    DeepFool,
    Fgsm,
    Glasses,
    PatchRecipe,
    Pgd,
)

BOUNDED = [Fgsm(6), Bim(3, 1.0, 4), Pgd(6, 1.0, 20, 2)]
AIMED = [AimedPgd(16, 1.0, 40, "cross-entropy"), AimedPgd(16, 1.0, 40, "margin")]


@pytest.fixture(scope="module")
def models():
    return make_parts()[0]


@pytest.fixture(scope="module")
def batch(models):
    return make_batch(models)


def measure_change(moved, batch):
    return np.abs(moved - batch.pixels).max((1, 2, 3))


@pytest.mark.parametrize("way", BOUNDED)
def test_untargeted_attacks_beat_noise_within_eps(models, batch, way):
    moved = move_pixels(models, batch, way)
    assert moved.dtype == np.float32
    assert 0 < measure_change(moved, batch).max() <= way.eps + 1e-4
    assert moved.min() >= 0
    assert moved.max() <= 255
    signs = np.random.default_rng(0).choice([-1, 1], batch.pixels.shape)
    noisy = np.clip(batch.pixels + way.eps * signs, 0, 255)
    fooled, chance = (run_plain(models, one).argmax(1) != batch.gold for one in (moved, noisy))
    assert fooled.mean() > chance.mean()


def test_deepfool_stops_right_behind_the_boundary(models, batch):
    moved = move_pixels(models, batch, DeepFool(overshoot=0.05))
    assert (run_plain(models, moved).argmax(1) != batch.gold).mean() > 0.9
    nearer = batch.pixels + 0.9 * (moved - batch.pixels)
    assert (run_plain(models, nearer).argmax(1) == batch.gold).mean() > 0.9


@pytest.mark.parametrize("way", AIMED)
def test_targeted_steps_reach_the_target(models, way):
    batch = make_batch(models, aim="runner-up")
    moved = move_pixels(models, batch, way)
    assert measure_change(moved, batch).max() <= way.eps + 1e-4
    reached = run_plain(models, moved).argmax(1) == batch.targets
    assert reached.mean() > 0.2
    away = move_pixels(models, batch, dataclasses.replace(way, iterations=1, step=1e-3))
    assert not (run_plain(models, away).argmax(1) == batch.targets).any()


def test_carlini_s_attack_walks_both_losses_with_both_steps():
    ways = list_ways(AmiPgd())
    assert [(way.loss, way.step) for way in ways] == [
        ("cross-entropy", 0.25),
        ("cross-entropy", 0.05),
        ("margin", 0.25),
        ("margin", 0.05),
    ]
    assert {(way.eps, way.iterations) for way in ways} == {(2.5, 100)}


@pytest.mark.parametrize("way", [PatchRecipe(step=16.0, iterations=30), Glasses(step=16.0, iterations=30)])
def test_paint_stays_under_its_mask(models, way):
    masks = np.zeros((24, 16, 16), np.bool_)
    masks[:12, 3:14, 4:12] = True
    masks[12:, 5:15, 2:12] = True
    batch = make_batch(models, aim="runner-up", masks=masks)
    moved = move_pixels(models, batch, way)
    outside = np.broadcast_to(~masks[:, None], moved.shape)
    assert np.array_equal(moved[outside], batch.pixels[outside])
    assert np.abs(moved - batch.pixels)[~outside].mean() > 20
    assert (run_plain(models, moved).argmax(1) == batch.targets).mean() > 0.5


@pytest.mark.parametrize("solver", ["adam", "toolbox"])
def test_both_solvers_of_l2_reach_targets(models, solver):
    batch = make_batch(models, 6, "runner-up")
    way = CarliniL2(0.0, 10.0, 2, 30, 0.1, solver)
    reached = run_plain(models, move_pixels(models, batch, way)).argmax(1) == batch.targets
    assert reached.any()


@pytest.mark.parametrize("way", [*BOUNDED[:2], DeepFool(), AIMED[0], CarliniL2()])
def test_the_same_attack_gives_the_same_pixels(models, way):
    batch = make_batch(models, 4, "runner-up")
    first, again = (move_pixels(models, batch, way) for _ in range(2))
    assert np.array_equal(first, again)


def test_other_classes_are_ranked_over_both_passes():
    models, _ = make_parts(steered=True)
    batch = make_batch(models, 5)
    ranks = rank_classes(models, batch.pixels, batch.gold)
    assert ranks.shape == (5, CLASSES - 1)
    assert all(gold not in row for gold, row in zip(batch.gold, ranks, strict=True))
    original, attribute = run_passes(models, batch.pixels)
    assert original.shape == attribute.shape == (5, CLASSES)


def test_the_adaptive_attack_goes_on_to_other_classes():
    models, _ = make_parts(steered=True)
    batch = make_batch(models, 12)

    def count(restarts):
        moved = move_pixels(models, batch, Adaptive(12, 2.0, 10, restarts))
        assert measure_change(moved, batch).max() <= 12 + 1e-4
        original, attribute = (one.argmax(1) for one in run_passes(models, moved))
        return int(((original == attribute) & (original != batch.gold)).sum())

    assert count(4) > count(1)
