"""Attacks by name and their parameters."""

import pytest

from harness.attacks.recipes import AmiPgd, Bim, find_attack, list_attacks
from harness.core.errors import InputError

PUBLISHED = {
    "bim": "away", "cw_l0_first": "first", "cw_l0_next": "next", "cw_l2_first": "first", "cw_l2_next": "next",
    "cw_li_first": "first", "cw_li_next": "next", "fgsm": "away", "glasses_first": "first",
    "glasses_next": "next", "patch_first": "first", "patch_next": "next",
}  # fmt: skip


def test_every_published_attack_is_there_with_its_targets():
    attacks = list_attacks()
    assert {name: attacks[name].aim for name in PUBLISHED} == PUBLISHED
    assert set(attacks) - set(PUBLISHED) == {"pgd", "deepfool", "ami-pgd", "adaptive"}


def test_every_default_is_in_range():
    for name in list_attacks():
        find_attack(name)


def test_carlini_s_attack_on_ami_is_the_published_one():
    recipe = list_attacks()["ami-pgd"].recipe
    assert recipe == AmiPgd(2.5, 100, (1.0, 0.2), ("cross-entropy", "margin"), "model")


def test_parameters_are_replaced():
    assert find_attack("bim", ["eps=6", "iterations=3"]).recipe == Bim(6, 1.0, 3)
    assert find_attack("bim", ["step=0.5"]).recipe == Bim(4, 0.5, 10)
    changed = find_attack("ami-pgd", ["shares=1,0.5", "losses=margin", "input=rgb-without-mean"]).recipe
    assert changed == AmiPgd(2.5, 100, (1.0, 0.5), ("margin",), "rgb-without-mean")


def test_how_results_are_stored_is_chosen():
    assert find_attack("fgsm").save == "png"
    assert find_attack("ami-pgd").save == "npy"
    assert find_attack("patch_first", save="jpeg").save == "jpeg"


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("fgms", [], "attack fgms: unknown; there are fgsm, bim"),
        ("fgsm", ["epsilon=8"], "no parameter in 'epsilon=8'; give NAME=VALUE of eps"),
        ("fgsm", ["eps"], "no parameter in 'eps'"),
        ("fgsm", ["eps=wide"], "eps = 'wide': must be a number"),
        ("fgsm", ["eps=1_0"], "eps = '1_0': must be a number"),
        ("fgsm", ["eps=٣"], "eps = '٣': must be a number"),
        ("fgsm", ["eps=0"], "eps = 0: must lie between 0 and 255 levels"),
        ("fgsm", ["eps=nan"], "eps = 'nan': must be a number"),
        ("bim", ["iterations=0"], "iterations = 0: must be a whole number of at least 1"),
        ("bim", ["iterations=1.5"], "iterations = 1.5: must be a whole number"),
        ("bim", ["step=5"], "step = 5.0: is longer than eps = 4"),
        ("bim", ["step=-1"], "step = -1.0: must be a positive number"),
        ("cw_l2_next", ["solver=sgd"], "solver = sgd: must be one of adam, toolbox"),
        ("cw_l2_next", ["constant=nan"], "constant = 'nan': must be a number"),
        ("cw_l2_next", ["constant=inf"], "constant = 'inf': must be a number"),
        ("cw_l2_next", ["constant=1e300"], "constant = 1e.300: must be at most 1000000"),
        ("bim", ["iterations=99999999999"], "iterations = 99999999999: must be a whole number"),
        ("fgsm", ["eps=4", "eps=5"], "eps is set twice; set it once"),
        ("deepfool", ["classes=1"], "classes = 1: there is a boundary from 2 on"),
        ("glasses_next", ["rim=1e9"], "rim = 1000000000.0: must lie between 0 and 1"),
        ("ami-pgd", ["shares=1,11"], "shares = 11.0: above 10.0, steps are longer than eps"),
        ("cw_l0_next", ["share=1"], "share = 1.0: must lie between 0 and 1"),
        ("patch_next", ["corner=0.9"], "leaves the image"),
        ("ami-pgd", ["losses=margin,hinge"], "losses = hinge: must be one of"),
    ],
)  # fmt: skip
def test_what_makes_no_attack_is_named(name, settings, message):
    with pytest.raises(InputError, match=message):
        find_attack(name, settings)


def test_unknown_ways_to_store_are_named():
    with pytest.raises(InputError, match="--save gif: unknown; there are png, jpeg, npy"):
        find_attack("fgsm", save="gif")
