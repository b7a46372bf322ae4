"""Results are judged as they are stored."""

import dataclasses

import numpy as np
import pytest
from attack_parts import PREPROCESS, keep_rows, make_batch, make_parts, run_plain

from harness.attacks.attempt import (
    attempt_batch,
    classify_pixels,
    encode_array,
    encode_image,
    name_outcome,
    store_pixels,
)
from harness.attacks.recipes import Attack, Bim, DeepFool, Fgsm
from harness.core.decode import decode_array, decode_image
from harness.core.errors import InputError


@pytest.fixture(scope="module")
def parts():
    return make_parts()


def attack(parts, batch, recipe, save="png"):
    models, checker = parts
    ids = [f"e{number}" for number in range(len(batch.gold))]
    return attempt_batch(models, checker, Attack("test", recipe, save=save), recipe, batch, ids)


@pytest.mark.parametrize("save", ["png", "jpeg", "npy"])
def test_outcomes_are_what_the_network_says_of_the_stored_file(parts, save):
    models, checker = parts
    batch = make_batch(models)
    attempts = attack(parts, batch, Fgsm(6), save)
    for attempt, gold in zip(attempts, batch.gold, strict=True):
        data = attempt.stored.data
        if save == "npy":
            pixels = decode_array(data)[0] + np.array(PREPROCESS.mean, np.float32).reshape(3, 1, 1)
            answer = run_plain(models, pixels[None, ::-1]).argmax()
        else:
            answer = classify_pixels(checker, [decode_image(data, "pillow")])[0]
        assert (attempt.outcome == "kept") == (answer != gold)
    assert 0 < sum(attempt.outcome == "kept" for attempt in attempts) < len(attempts)


def test_images_hold_whole_levels_within_eps(parts):
    batch = make_batch(parts[0])
    for attempt, pixels in zip(attack(parts, batch, Bim(3, 1.0, 4)), batch.pixels, strict=True):
        change = attempt.stored.pixels.transpose(2, 0, 1).astype(float) - pixels
        assert attempt.stored.pixels.dtype == np.uint8
        assert 0 < np.abs(change).max() <= 3


def test_what_rounding_undoes_is_counted_apart(parts):
    batch, barely = make_batch(parts[0]), DeepFool(iterations=5, overshoot=0.0001)
    outcomes = [attempt.outcome for attempt in attack(parts, batch, barely)]
    assert outcomes.count("lost") > 0
    assert outcomes.count("kept") > 0
    assert "lost" not in [attempt.outcome for attempt in attack(parts, batch, barely, "npy")]


def test_names_of_outcomes():
    assert [name_outcome(*one) for one in ((True, True), (False, True), (True, False), (False, False))] == [
        "kept", "kept", "lost", "failed",
    ]  # fmt: skip


def test_targeted_attacks_have_to_reach_their_target(parts):
    models, _ = parts
    batch = make_batch(models, aim="runner-up")
    away = attack(parts, dataclasses.replace(batch, targets=None), Fgsm(40))
    aimed = attack(parts, dataclasses.replace(batch, targets=(batch.targets + 1) % 7), Fgsm(40))
    assert sum(one.outcome == "kept" for one in aimed) < sum(one.outcome == "kept" for one in away)


def test_attacks_on_the_detector_have_its_record():
    parts = make_parts(steered=True)
    batch = keep_rows(make_batch(parts[0]), slice(0, 6))
    for number, attempt in enumerate(attack(parts, batch, Fgsm(6))):
        record = attempt.record
        assert record["example"] == f"e{number}"
        assert record["gold"] == batch.gold[number]
        deceived = record["original"] == record["attribute"] != record["gold"]
        assert (attempt.outcome == "kept") == deceived
        assert set(record["hashes"]) >= {"file", "pixels", "input", "logits_original"}


def test_pixels_are_rounded_and_cut_to_the_range():
    moved = np.full((3, 16, 16), 254.6, np.float32)
    moved[0], moved[1] = -3, 0.4
    pixels = decode_image(encode_image(moved, "png"), "pillow")
    assert pixels[0, 0].tolist() == [0, 0, 255]


def test_arrays_are_the_network_s_input(parts):
    stored = store_pixels(np.full((3, 16, 16), 100, np.float32), "npy", parts[1])
    assert decode_array(stored.data).shape == (1, 3, 16, 16)
    assert np.allclose(stored.value[:, 0, 0], 100 - np.array(PREPROCESS.mean))


def test_models_whose_input_no_convention_names_store_no_arrays():
    with pytest.raises(InputError, match="choose png or jpeg"):
        encode_array(np.zeros((3, 16, 16), np.float32), dataclasses.replace(PREPROCESS, channel_order="rgb"))
