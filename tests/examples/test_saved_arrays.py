"""Arrays saved in conventions of other code, beside the clean images that they were made from."""

from pathlib import Path

import pytest

from harness.core.arrays import NPY_CONVENTIONS, Preprocess
from harness.core.errors import InputError
from harness.examples.gather import gather_examples
from harness.system.cache import read_hashes

CASES = Path(__file__).parents[3] / "shared" / "cases"
LABELS = [f"Face_{number:03d}" for number in range(100)]
MODEL = Preprocess(64, 64, "bgr", (93.5940, 104.7624, 129.1863))
HELD = {"npy-rgb-minus-mean": ("rgb-minus-mean", 3), "npy-unit-range": ("unit-rgb", 2)}
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason=f"needs the arrays in {CASES}")


@pytest.fixture(name="gather", params=HELD)
def make_gather(request, tmp_path):
    folder = CASES / request.param

    def gather(npy, clean=True):
        places = [str(folder / "saved"), *([f"benign={folder / 'benign'}"] if clean else [])]
        return gather_examples(places, LABELS, MODEL, tmp_path, read_hashes(tmp_path), npy)

    return gather, *HELD[request.param]


def test_what_they_hold_is_found_by_the_clean_images(gather):
    gather, held, count = gather
    found = gather("auto")
    assert found.refused == ()
    assert found.notes == (f"npy auto: saved: {count} {held} ({count} by their sources)",)
    assert gather(held).refused == ()


@pytest.mark.parametrize("claim", NPY_CONVENTIONS)
def test_any_other_claim_is_refused(gather, claim):
    gather, held, count = gather
    if claim == held:
        return
    refused = gather(claim).refused
    assert len(refused) == count
    for reason in refused:
        assert f"is said to hold {claim}, but its values, " in reason
        assert f".png: {held} 0.0, " in reason
        assert f"what fits is {held}: name it" in reason


def test_without_the_clean_images_too_they_are_no_raw_levels(gather):
    gather, held, count = gather
    with pytest.raises(InputError, match=rf"{count} files, none of them .*are whole levels under {held}"):
        gather("raw-rgb", clean=False)
