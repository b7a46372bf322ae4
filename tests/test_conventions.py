"""Conventions of stored arrays: named only where values or clean images leave no other."""

import numpy as np
import picture_files as files
import pytest

from harness.ami.errors import InputError
from harness.ami.preprocess import NPY_CONVENTIONS, Preprocess
from harness.matrix.conventions import is_in_range, pick_nearest, settle_conventions, show_array

MEAN = (93.5940, 104.7624, 129.1863)
MODEL = Preprocess(files.SIDE, files.SIDE, mean=MEAN)
FACE = files.draw_face().transpose(2, 0, 1).astype(np.float32)


def store(pixels, convention, model=MODEL):
    """What an array holds that shows RGB pixels (3, H, W) under a convention."""
    if convention == "raw-rgb":
        return pixels
    mean = model.mean if model.channel_order == "bgr" else model.mean[::-1]
    bgr = pixels[::-1]
    return bgr if convention == "raw-bgr" else (bgr - np.array(mean)[:, None, None]) * model.scale


def attack(pixels, seed=0, bound=8):
    """Pixels with noise of a bound, clipped."""
    noise = np.random.default_rng(seed).choice([-bound, bound], pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.float32)


@pytest.fixture(name="entries")
def make_entries(tmp_path):
    """Writes entries of arrays, by attack and name, and of one clean image named `face`."""
    (tmp_path / "face.png").write_bytes(files.plain_png())

    def make(*arrays, clean=True):
        entries = [
            {"id": "benign/face", "source": "face", "attack": "benign", "file": str(tmp_path / "face.png")}
        ]
        for kind, name, array in arrays:
            path = tmp_path / f"{kind}-{name}.npy"
            np.save(path, array)
            entries.append({"id": f"{kind}/{name}", "source": name, "attack": kind, "file": str(path)})
        return entries if clean else entries[1:]

    return make


def conventions(settled):
    return {one["id"]: one["npy"] for one in settled.entries if "npy" in one}


@pytest.mark.parametrize("model", [MODEL, Preprocess(32, 32, "rgb", MEAN[::-1], scale=0.5)])
@pytest.mark.parametrize("convention", NPY_CONVENTIONS)
def test_a_clean_source_proves_a_convention_for_its_attack(entries, convention, model):
    other = attack(np.flip(FACE, 2), 1)
    found = settle_conventions(
        entries(
            ("bim", "face", store(attack(FACE), convention, model)),
            ("bim", "other", store(other, convention, model)[None]),
        ),
        model,
    )
    assert conventions(found) == {"bim/face": convention, "bim/other": convention}
    assert found.refused == ()
    assert f"2 {convention}" in found.notes[0]


def test_values_far_below_zero_prove_that_a_mean_was_subtracted(entries):
    dark = store(attack(FACE), "bgr-minus-mean")
    found = settle_conventions(entries(("bim", "a", dark), ("bim", "b", dark + 60), clean=False), MODEL)
    assert conventions(found)["bim/a"] == "bgr-minus-mean"
    assert "1 by their values" in settle_conventions(entries(("bim", "a", dark), clean=False), MODEL).notes[0]


@pytest.mark.parametrize("convention", ["raw-rgb", "raw-bgr"])
def test_values_alone_never_tell_rgb_from_bgr(entries, convention):
    arrays = entries(("bim", "a", store(attack(FACE), convention)), clean=False)
    with pytest.raises(InputError, match=r"nothing proves .*bim-a\.npy allow raw-rgb and raw-bgr, and there"):
        settle_conventions(arrays, MODEL)


def test_a_dark_raw_array_is_not_taken_for_one_without_the_mean(entries):
    unclipped = FACE / 3 - 8
    with pytest.raises(InputError, match="allow raw-rgb and raw-bgr and bgr-minus-mean"):
        settle_conventions(entries(("bim", "a", unclipped), clean=False), MODEL)


def test_a_grey_source_does_not_tell_the_orders_apart(entries, tmp_path):
    arrays = entries(("bim", "face", attack(FACE)))
    grey = np.repeat(files.draw_face()[:, :, :1], 3, axis=2)
    (tmp_path / "face.png").write_bytes(files.plain_png(grey))
    np.save(tmp_path / "bim-face.npy", attack(grey.transpose(2, 0, 1).astype(np.float32)))
    with pytest.raises(InputError, match="nothing proves"):
        settle_conventions(arrays, MODEL)


def test_a_source_of_another_size_or_one_that_cannot_be_decoded_proves_nothing(entries, tmp_path):
    arrays = entries(("bim", "face", attack(FACE)))
    for data in (files.plain_png(files.draw_face(16, 16)), b"garbage"):
        (tmp_path / "face.png").write_bytes(data)
        with pytest.raises(InputError, match="nothing proves"):
            settle_conventions(arrays, MODEL)


def test_an_array_that_contradicts_those_beside_it_is_refused(entries):
    minus_mean = store(attack(np.flip(FACE, 2)), "bgr-minus-mean")
    found = settle_conventions(entries(("bim", "face", attack(FACE)), ("bim", "b", minus_mean - 300)), MODEL)
    assert conventions(found) == {"bim/face": "raw-rgb"}
    assert (
        "bim-b.npy: its values allow no convention, and the arrays beside it hold raw-rgb" in found.refused[0]
    )


def test_an_attack_of_two_conventions_is_taken_array_by_array(entries):
    arrays = entries(
        ("bim", "face", attack(FACE)),
        ("bim", "b", store(attack(np.flip(FACE, 2)), "bgr-minus-mean")),
        ("bim", "c", attack(np.flip(FACE, 1))),
    )
    found = settle_conventions(arrays, MODEL)
    assert conventions(found) == {"bim/face": "raw-rgb", "bim/b": "bgr-minus-mean"}
    assert "bim-c.npy: may hold raw-rgb or raw-bgr" in found.refused[0]
    assert [one["id"] for one in found.entries] == ["benign/face", "bim/face", "bim/b"]


def test_an_array_that_cannot_be_read_is_refused_and_one_that_says_what_it_holds_is_left(entries):
    arrays = entries(("bim", "face", attack(FACE)), ("bim", "b", np.full((3, 32, 32), np.nan)))
    arrays.append({**arrays[1], "id": "bim/d", "npy": "raw-bgr"})
    found = settle_conventions(arrays, MODEL)
    assert conventions(found) == {"bim/face": "raw-rgb", "bim/d": "raw-bgr"}
    assert "no finite numbers" in found.refused[0]


def test_without_a_decoder_the_reason_is_told(entries, monkeypatch):
    def fail(_):
        raise ImportError("no module")

    monkeypatch.setattr("harness.ami.decode.DECODERS", {"pillow": fail})
    monkeypatch.setattr("harness.matrix.conventions.DECODERS", {"pillow": fail})
    with pytest.raises(InputError, match=r"--npy auto: .*face\.png is to be looked at, but decoder pillow"):
        settle_conventions(entries(("bim", "face", attack(FACE))), MODEL)


def test_showing_undoes_storing():
    for convention in NPY_CONVENTIONS:
        shown = show_array(store(FACE, convention), convention, MODEL)
        np.testing.assert_allclose(shown, FACE, atol=1e-4)
        assert is_in_range(store(FACE, convention), convention, MODEL)


def test_near_and_clear_are_both_needed():
    assert pick_nearest({"a": 8.0, "b": 20.0, "c": 100.0}) == "a"
    assert pick_nearest({"a": 8.0, "b": 19.9, "c": 100.0}) is None
    assert pick_nearest({"a": 16.1, "b": 90.0, "c": 100.0}) is None
