"""Cells whose environment's file was changed since the run are not explained as if it had not been."""

import pytest
from toy_cells import make_environment, make_job

from harness.core.errors import InputError
from harness.explain.counterfactual import Side
from harness.explain.pair import Pair
from harness.explain.unchanged import check_sides
from harness.plan.plan import Override

FINGERPRINT = {"variables": {"OMP_NUM_THREADS": "1"}}
PINNED = {"variables": {"OMP_NUM_THREADS": "1", "OTHER": "3"}}


def check(override=None, cell=FINGERPRINT, job=None, **more):
    environment = make_environment("one").model_copy(update={**PINNED, **more})
    side = Side("one+x", environment, job or make_job(), {}, {"fingerprint": cell})
    check_sides([Pair(side, side, [], [], str)], override or Override())


def test_what_is_as_it_was_is_explained():
    check()
    check(cell=None)
    check(Override(rules=("ddof=1",)), job=make_job({"ddof": 1}))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"rules": {"ddof": 1}}, "environments/one.toml gives ddof = 1, the run had 0; put it back"),
        ({"override": Override(beta=5.0)}, "gives beta = 5.0, the run had 60.0"),
        ({"variables": {"OMP_NUM_THREADS": "2"}}, "gives variable OMP_NUM_THREADS = '2', the run had '1'"),
    ],
)
def test_what_is_otherwise_now_is_said(more, words):
    with pytest.raises(InputError, match=words):
        check(**more)
