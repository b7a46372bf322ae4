"""A model's masked twin has its shapes and the weights of masks, and is made once."""

from types import SimpleNamespace

import numpy as np
import pytest
from small_model import write_model
from toy_cells import make_environment

from harness.backends import Settings, find_backend
from harness.core.network_files import read_network, read_weights
from harness.examples.subject import prepare_subject
from harness.matrix.campaign import tell_used
from harness.model.folder import read_model
from harness.numerics.masked import mask_subject
from harness.plan.plan import CellRequest, plan_job
from harness.system.cache import read_hashes
from harness.worker.masks import BIAS, WEIGHT


@pytest.fixture(name="subject")
def make_subject(tmp_path):
    model = read_model(str(write_model(tmp_path / "small", 3)))
    cache = tmp_path / "home"
    cache.mkdir()
    return prepare_subject(model, (), None, cache, read_hashes(cache), print).subject


def test_it_has_the_shapes_of_the_model_and_other_weights(subject, tmp_path):
    masked = mask_subject(subject, tmp_path / "home", print)
    ours, theirs = (read_network(one.network) for one in (subject, masked))
    assert ours.layers == theirs.layers
    for name, values in read_weights(masked.network, theirs).items():
        if name.endswith(".weight"):
            assert (values == WEIGHT).all()
        else:
            assert sorted(set(values.tolist())) == [0, BIAS]
    assert find_backend("reference").load(theirs, read_weights(masked.network, theirs), Settings())


def test_it_is_made_once_and_again_where_it_was_changed(subject, tmp_path):
    said = []
    first = mask_subject(subject, tmp_path / "home", said.append)
    assert mask_subject(subject, tmp_path / "home", said.append) == first
    assert len(said) == 1
    data = bytearray(first.caffemodel.read_bytes())
    data[-1] ^= 1
    first.caffemodel.write_bytes(bytes(data))
    again = mask_subject(subject, tmp_path / "home", said.append)
    assert (again, len(said)) == (first, 2)
    values = read_weights(again.network, read_network(again.network))
    assert all(np.isfinite(one).all() for one in values.values())


def test_it_names_no_example(subject, tmp_path):
    masked = mask_subject(subject, tmp_path / "home", print)
    assert (masked.example_ids, masked.only, masked.witnesses) == ((), (), {})


def test_it_is_not_cleared_while_cells_run_on_it(subject, tmp_path):
    """What a campaign says that it uses holds the twin's own files, too."""
    cache, told = tmp_path / "home", []
    masked = mask_subject(subject, cache, print)
    job = plan_job(CellRequest(make_environment("a"), only=()), masked, "worker")
    context = SimpleNamespace(cache=cache, snapshot=cache / "worker" / "w")
    tell_used(
        SimpleNamespace(cells=[SimpleNamespace(key="k", job=job)], places={}, context=context), told.extend
    )
    assert masked.caffemodel.parent.relative_to(cache).as_posix() in told
