"""Conventions of stored arrays: named or found, and held against values and clean images."""

import re

import numpy as np
import picture_files as files
import pytest

from harness.core.arrays import NPY_CONVENTIONS, Preprocess, store_levels
from harness.core.errors import InputError
from harness.examples.conventions import settle_conventions

MEAN = (93.5940, 104.7624, 129.1863)
MODEL = Preprocess(files.SIDE, files.SIDE, mean=MEAN)
OTHER = Preprocess(files.SIDE, files.SIDE, "rgb", MEAN[::-1], scale=0.5)
FACE = files.draw_face().transpose(2, 0, 1).astype(np.float32)
MUTED = FACE / 2 + 30
FOLDS = [one.removesuffix("-rgb") for one in NPY_CONVENTIONS if one.endswith("-rgb") and one != "raw-rgb"]


def store(pixels, convention, model=MODEL):
    """What an array holds that shows RGB pixels (3, H, W) under a convention."""
    return store_levels(np.asarray(pixels, dtype=np.float32), convention, model)


def attack(pixels, seed=0, bound=8.0):
    """Pixels with noise of a bound, clipped; whole levels only where the bound is whole."""
    noise = np.random.default_rng(seed).choice([-bound, bound], pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.float32)


@pytest.fixture(name="entries")
def make_entries(tmp_path):
    """Writes entries of arrays, by attack and name, and of one clean image named `face`."""
    (tmp_path / "face.png").write_bytes(files.plain_png())

    def make(*arrays, clean=True, **more):
        entries = [
            {"id": "benign/face", "source": "face", "attack": "benign", "file": str(tmp_path / "face.png")}
        ]
        for kind, name, array in arrays:
            path = tmp_path / f"{kind}-{name}.npy"
            np.save(path, array)
            entry = {"id": f"{kind}/{name}", "source": name, "attack": kind, "file": str(path)}
            entries.append({**entry, **more})
        return entries if clean else entries[1:]

    return make


def conventions(settled):
    return {one["id"]: one["npy"] for one in settled.entries if "npy" in one}


def kept(settled):
    return [one["id"] for one in settled.entries]


@pytest.mark.parametrize("model", [MODEL, OTHER])
@pytest.mark.parametrize("convention", NPY_CONVENTIONS)
def test_a_clean_source_tells_a_convention_for_its_attack(entries, convention, model):
    other = attack(np.flip(FACE, 2), 1, bound=7.3)
    found = settle_conventions(
        entries(
            ("bim", "face", store(attack(FACE, bound=7.3), convention, model)),
            ("bim", "other", store(other, convention, model)[None]),
        ),
        model,
        "auto",
    )
    assert conventions(found) == {"bim/face": convention, "bim/other": convention}
    assert found.refused == ()
    assert f"npy auto: bim: 2 {convention} (" in found.notes[0]
    assert "by their sources" in found.notes[0]


@pytest.mark.parametrize("model", [MODEL, OTHER])
@pytest.mark.parametrize("claim", NPY_CONVENTIONS)
def test_a_clean_source_contradicts_every_other_claim_with_numbers(entries, claim, model):
    for convention in NPY_CONVENTIONS:
        array = store(attack(FACE, bound=7.3), convention, model)
        found = settle_conventions(entries(("bim", "face", array)), model, claim)
        if claim == convention:
            assert kept(found) == ["benign/face", "bim/face"]
            assert found.notes == (f"npy {claim}: bim: 1 {claim} (1 by their sources)",)
            assert conventions(found) == {}
        else:
            assert kept(found) == ["benign/face"]
            (reason,) = found.refused
            assert f"bim-face.npy: is said to hold {claim}, but its values, {array.min():.5g} to" in reason
            assert f"what fits is {convention}: name it" in reason
            assert re.search(rf"face\.png: {convention} 7\.\d, ", reason)
            for name in NPY_CONVENTIONS:
                assert re.search(rf"[ ,]{name} \d+\.\d", reason)


@pytest.mark.parametrize("bound", [8.0, 7.3])
@pytest.mark.parametrize("fold", FOLDS)
@pytest.mark.parametrize("order", ["rgb", "bgr"])
def test_values_alone_contradict_raw_levels(entries, fold, order, bound):
    name = {"rgb-minus-mean": f"{order}-minus-mean"}.get(fold, f"{fold}-{order}")
    array = store(attack(FACE, bound=bound), name)
    found = settle_conventions(entries(("bim", "a", array), clean=False), MODEL, "raw-rgb")
    assert kept(found) == []
    assert "is said to hold raw-rgb, but its values, " in found.refused[0]
    assert "hand in the clean images" in found.refused[0]


@pytest.mark.parametrize("claim", [one for one in NPY_CONVENTIONS if "raw" not in one])
def test_values_alone_contradict_whoever_takes_raw_levels_for_others(entries, claim):
    arrays = entries(("bim", "a", attack(FACE, bound=7.3)), clean=False)
    found = settle_conventions(arrays, MODEL, claim)
    assert f"is said to hold {claim}, but its values, 0 to 255, would be levels" in found.refused[0]
    assert "what fits is raw-rgb or raw-bgr: name it" in found.refused[0]


@pytest.mark.parametrize(("claim", "other"), [("raw-rgb", "raw-bgr"), ("raw-bgr", "raw-rgb")])
def test_what_nothing_tells_apart_is_said_and_never_called_shown(entries, claim, other):
    arrays = entries(("bim", "a", attack(FACE)), clean=False)
    found = settle_conventions(arrays, MODEL, claim)
    assert found.notes == (f"npy {claim}: bim: 1 {claim} (1 as named, not told from {other})",)
    with pytest.raises(
        InputError, match=r"nothing tells .*bim-a\.npy, 0 to 255, allow raw-rgb or raw-bgr, and"
    ):
        settle_conventions(arrays, MODEL, "auto")


def test_values_far_below_zero_leave_conventions_without_the_mean_alone(entries):
    arrays = entries(("bim", "a", store(attack(MUTED, bound=7.3), "bgr-minus-mean")), clean=False)
    with pytest.raises(InputError, match="allow rgb-minus-mean or bgr-minus-mean, and"):
        settle_conventions(arrays, MODEL, "auto")


@pytest.mark.parametrize("convention", ["rgb-minus-mean", "bgr-minus-mean"])
def test_whole_levels_tell_whose_mean_was_subtracted(entries, convention):
    arrays = entries(("bim", "a", store(attack(FACE), convention)), clean=False)
    found = settle_conventions(arrays, MODEL, "auto")
    assert found.notes == (f"npy auto: bim: 1 {convention} (1 by their values)",)
    other = ({"rgb-minus-mean", "bgr-minus-mean"} - {convention}).pop()
    refused = settle_conventions(arrays, MODEL, other).refused
    assert f"and are whole levels under {convention} alone" in refused[0]


def test_a_dark_raw_array_is_not_taken_for_one_without_the_mean(entries):
    unclipped = FACE / 3 - 8
    allowed = "allow raw-rgb, raw-bgr, rgb-minus-mean or bgr-minus-mean"
    with pytest.raises(InputError, match=allowed):
        settle_conventions(entries(("bim", "a", unclipped), clean=False), MODEL, "auto")


@pytest.mark.parametrize("level", [0, 1, 128, -1e-9])
def test_one_colour_contradicts_nothing_that_its_level_allows(entries, level):
    arrays = entries(("bim", "a", np.full((3, 32, 32), level, dtype=np.float32)), clean=False)
    found = settle_conventions(arrays, MODEL, "raw-rgb")
    assert kept(found) == ["bim/a"]
    assert "(1 as named, not told from raw-bgr" in found.notes[0]


def test_an_image_of_hardly_any_level_needs_its_clean_image(entries, tmp_path):
    dark = files.draw_face() // 200
    arrays = entries(("bim", "face", dark.transpose(2, 0, 1).astype(np.float32)))
    without = settle_conventions(arrays[1:], MODEL, "raw-rgb")
    assert "its values, 0 to 1, would be levels 0 to 1; what fits is " in without.refused[0]
    (tmp_path / "face.png").write_bytes(files.plain_png(dark))
    assert kept(settle_conventions(arrays, MODEL, "raw-rgb")) == ["benign/face", "bim/face"]


def test_whole_numbers_of_an_integer_type_are_levels_however_dark(entries):
    dark = (files.draw_face() // 200).transpose(2, 0, 1)
    arrays = entries(("bim", "a", dark), clean=False)
    assert kept(settle_conventions(arrays, MODEL, "raw-rgb")) == ["bim/a"]
    (reason,) = settle_conventions(arrays, MODEL, "unit-rgb").refused
    assert "is said to hold unit-rgb" in reason
    assert "what fits is raw-rgb, raw-bgr, " in reason


@pytest.mark.parametrize(("far", "code"), [(15, 1), (60, 0)])
def test_attacks_may_leave_the_levels_by_a_little(entries, far, code):
    arrays = entries(("bim", "a", FACE * (255 + 2 * far) / 255 - far), clean=False)
    found = settle_conventions(arrays, MODEL, "raw-rgb")
    assert len(kept(found)) == code
    assert len(found.refused) == 1 - code


def test_a_clean_image_says_more_than_values_out_of_range(entries):
    array = attack(FACE, bound=7.3)
    array[0, 0, :5] = -90
    found = settle_conventions(entries(("bim", "face", array)), MODEL, "raw-rgb")
    assert kept(found) == ["benign/face", "bim/face"]


def test_what_no_convention_allows_is_said(entries):
    arrays = entries(("bim", "a", FACE * 300), clean=False)
    (reason,) = settle_conventions(arrays, MODEL, "raw-rgb").refused
    assert "would be levels 0 to 76500; nothing known fits; more may with clean images: hand in" in reason


def test_arrays_beside_a_contradiction_are_refused_where_they_may_hold_the_same(entries):
    wrong = store(attack(FACE, bound=7.3), "rgb-minus-mean")
    doubtful = store(attack(np.flip(MUTED, 2), bound=7.3), "rgb-minus-mean")
    arrays = entries(("bim", "face", wrong), ("bim", "b", doubtful), ("fgsm", "c", doubtful))
    found = settle_conventions(arrays, MODEL, "bgr-minus-mean")
    assert kept(found) == ["benign/face", "fgsm/c"]
    assert (
        "bim-b.npy: is said to hold bgr-minus-mean; rgb-minus-mean or bgr-minus-mean fits, but"
        in (found.refused[1])
    )
    assert "bim-face.npy beside it, said to hold the same, cannot" in found.refused[1]


def test_an_odd_one_among_arrays_is_refused_alone(entries):
    odd = store(attack(np.flip(FACE, 1)), "unit-rgb")
    arrays = entries(("bim", "a", attack(FACE)), ("bim", "b", odd), ("bim", "c", attack(np.flip(FACE, 2))))
    found = settle_conventions(arrays, MODEL, "raw-rgb")
    assert kept(found) == ["benign/face", "bim/a", "bim/c"]
    assert len(found.refused) == 1


def test_conventions_that_a_model_makes_equal_are_one(entries):
    plain = Preprocess(files.SIDE, files.SIDE)
    arrays = entries(("bim", "face", attack(FACE)))
    assert conventions(settle_conventions(arrays, plain, "auto")) == {"bim/face": "raw-rgb"}
    assert kept(settle_conventions(arrays, plain, "rgb-minus-mean")) == ["benign/face", "bim/face"]
    assert settle_conventions(arrays, plain, "bgr-minus-mean").refused


def test_a_grey_source_does_not_tell_the_orders_apart(entries, tmp_path):
    arrays = entries(("bim", "face", attack(FACE)))
    grey = np.repeat(files.draw_face()[:, :, :1], 3, axis=2)
    (tmp_path / "face.png").write_bytes(files.plain_png(grey))
    np.save(tmp_path / "bim-face.npy", attack(grey.transpose(2, 0, 1).astype(np.float32)))
    with pytest.raises(InputError, match="allow raw-rgb or raw-bgr, and no clean image tells them apart"):
        settle_conventions(arrays, MODEL, "auto")
    found = settle_conventions(arrays, MODEL, "raw-bgr")
    assert found.notes == ("npy raw-bgr: bim: 1 raw-bgr (1 as named, not told from raw-rgb)",)


def test_a_source_of_another_size_is_resized_as_inputs_are(entries, tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(64))[:, :, None] + np.array([0, 40, 100])
    (tmp_path / "face.png").write_bytes(files.plain_png(smooth.astype(np.uint8)))
    array = smooth[::2, ::2].transpose(2, 0, 1).astype(np.float32)
    found = settle_conventions(entries_with(entries, tmp_path, array), MODEL, "auto")
    assert conventions(found) == {"bim/face": "raw-rgb"}


def entries_with(entries, folder, array):
    """Entries of an array and of the clean image as it is now."""
    data = (folder / "face.png").read_bytes()
    listed = entries(("bim", "face", array))
    (folder / "face.png").write_bytes(data)
    return listed


def test_a_source_that_is_another_picture_or_none_tells_nothing(entries, tmp_path):
    arrays = entries(("bim", "face", attack(FACE)))
    for data in (files.plain_png(np.ascontiguousarray(255 - files.draw_face())), b"garbage"):
        (tmp_path / "face.png").write_bytes(data)
        with pytest.raises(InputError, match="nothing tells"):
            settle_conventions(arrays, MODEL, "auto")


def test_an_array_that_contradicts_those_beside_it_is_refused(entries):
    minus_mean = store(attack(np.flip(FACE, 2)), "bgr-minus-mean")
    arrays = entries(("bim", "face", attack(FACE)), ("bim", "b", minus_mean - 300))
    found = settle_conventions(arrays, MODEL, "auto")
    assert conventions(found) == {"bim/face": "raw-rgb"}
    assert "allow no convention, and the arrays beside it hold raw-rgb" in found.refused[0]


def test_an_attack_of_two_conventions_is_taken_array_by_array(entries):
    arrays = entries(
        ("bim", "face", attack(FACE)),
        ("bim", "b", store(attack(np.flip(FACE, 2)), "bgr-minus-mean")),
        ("bim", "c", attack(np.flip(FACE, 1))),
    )
    found = settle_conventions(arrays, MODEL, "auto")
    assert conventions(found) == {"bim/face": "raw-rgb", "bim/b": "bgr-minus-mean"}
    assert "allow raw-rgb or raw-bgr, and the arrays beside it hold different things" in found.refused[0]
    assert kept(found) == ["benign/face", "bim/face", "bim/b"]


def test_what_entries_say_comes_first_and_is_checked_too(entries):
    right = entries(("bim", "face", attack(FACE)), npy="raw-rgb")
    wrong = entries(("fgsm", "face", store(attack(FACE), "unit-bgr")), npy="raw-bgr", clean=False)
    for npy in (None, "auto"):
        found = settle_conventions([*right, *wrong], MODEL, npy)
        assert conventions(found) == {"bim/face": "raw-rgb"}
        assert "fgsm-face.npy: is said to hold raw-bgr, but" in found.refused[0]


def test_arrays_of_which_nothing_is_said_are_left(entries):
    found = settle_conventions(entries(("bim", "face", attack(FACE))), MODEL, None)
    assert (kept(found), found.refused, found.notes) == (["benign/face", "bim/face"], (), ())


def test_what_is_no_array_is_refused_where_it_is_asked_and_else_left_to_the_workers(entries):
    arrays = entries(("bim", "face", attack(FACE)), ("bim", "b", np.full((3, 32, 32), np.nan)))
    found = settle_conventions(arrays, MODEL, "auto")
    assert conventions(found) == {"bim/face": "raw-rgb"}
    assert "no finite numbers" in found.refused[0]
    assert kept(settle_conventions(arrays, MODEL, "raw-rgb")) == ["benign/face", "bim/face", "bim/b"]


def test_without_a_decoder_the_reason_is_told(entries, monkeypatch):
    def fail(_):
        raise ImportError("no module")

    monkeypatch.setattr("harness.core.decode.DECODERS", {"pillow": fail})
    monkeypatch.setattr("harness.examples.evidence.DECODERS", {"pillow": fail})
    with pytest.raises(InputError, match=r"face\.png: is to be held against its arrays, but decoder pillow"):
        settle_conventions(entries(("bim", "face", attack(FACE))), MODEL, "auto")
