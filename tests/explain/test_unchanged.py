"""Cells whose environment's file was changed since the run are not explained as if it had not been."""

import pytest
from toy_cells import make_environment, make_job

from harness.core.errors import InputError
from harness.explain.counterfactual import Side
from harness.explain.unchanged import check_sides
from harness.plan.plan import Override, declare_environment

PINNED = {"variables": {"OMP_NUM_THREADS": "1", "OTHER": "3"}, "packages": ("numpy==2.4.6", "pillow==13.0.0")}
FOUND = {"variables": {"OMP_NUM_THREADS": "1"}, "packages": {"numpy": "2.4.6", "pip": "24"}}
CHANGED = [
    (
        {"variables": {**PINNED["variables"], "OTHER": "4"}},
        "gives variable OTHER = '4', the run had '3'; put",
    ),
    ({"variables": {"OMP_NUM_THREADS": "1"}}, "no longer gives variable OTHER, the run had '3'; put it back"),
    (
        {"variables": {**PINNED["variables"], "ISA": "avx"}},
        "gives variable ISA = 'avx', the run had none; put",
    ),
    ({"packages": ("numpy==2.3.5", "pillow==13.0.0")}, "gives package numpy = '2.3.5', the run had '2.4.6'"),
    ({"packages": ("numpy==2.4.6",)}, "no longer gives package pillow, the run had '13.0.0'"),
    ({"python": "3.9"}, "gives python = '3.9', the run had none"),
]


def check(override=None, cell=None, job=None, **more):
    environment = make_environment("one").model_copy(update={**PINNED, **more})
    side = Side("one+x", environment, job or declare(), {}, cell or {})
    check_sides([side], override or Override())


def declare(rules=None):
    """The job of a cell whose environment was the pinned one."""
    environment = make_environment("one").model_copy(update=PINNED)
    return {**make_job(rules), "declared": declare_environment(environment)}


def test_what_is_as_it_was_is_explained():
    check()
    check(Override(rules=("ddof=1",)), job=declare({"ddof": 1}))
    check(packages=PINNED["packages"][::-1])


def test_what_is_installed_may_be_another_than_is_pinned():
    """It was when the cell ran, too."""
    check(cell={"fingerprint": {**FOUND, "packages": {"numpy": "1.19.5"}}})


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"rules": {"ddof": 1}}, "environments/one.toml gives ddof = 1, the run had 0; put it back"),
        ({"override": Override(beta=5.0)}, "gives beta = 5.0, the run had 60.0"),
        *CHANGED,
    ],
)
def test_what_is_otherwise_now_is_said(more, words):
    with pytest.raises(InputError, match=words) as caught:
        check(**more)
    assert str(caught.value).startswith("one+x: environments/one.toml ")


def test_a_cell_of_an_earlier_version_is_held_against_what_it_found():
    cell, job = {"fingerprint": FOUND}, make_job()
    check(cell=cell, job=job)
    check(job=job)
    check(job=job, cell={"fingerprint": None})
    with pytest.raises(InputError, match="variable OMP_NUM_THREADS = '2', the run had '1'"):
        check(cell=cell, job=job, variables={"OMP_NUM_THREADS": "2"})
    with pytest.raises(InputError, match=r"package numpy = '2.3.5', the run had '2.4.6'"):
        check(cell=cell, job=job, packages=("Numpy==2.3.5",))
    with pytest.raises(InputError, match="numpy"):
        check(cell={"fingerprint": {"packages": {"NumPy": "1"}}}, job=job)
