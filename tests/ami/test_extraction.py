"""Extraction of witnesses, against a plain loop and by hand."""

import nets
import numpy as np
import pytest

from harness.ami.extraction import extract_witnesses, measure_differences, read_hidden, select_witnesses
from harness.backends import Settings, reference
from harness.core.errors import InputError

NETWORK = nets.face_like_network()


def test_selection_by_hand():
    """Medians 3 and 3 under substitution, 2 and 3 under preservation."""
    substituted = np.array([[1.0, 3.0, 5.0], [1.0, 3.0, 5.0]])
    preserved = np.array([[2.0, 3.0, 1.0], [3.0, 4.0, 3.0]])
    assert select_witnesses(substituted, preserved) == [2]
    assert select_witnesses(substituted, preserved[:, [2, 1, 0]]) == [2]
    assert select_witnesses(substituted, preserved[:, [0, 2, 1]]) == []
    assert select_witnesses(substituted[:, [0, 2, 1]], preserved) == []


def test_extraction_equals_a_loop_over_channels():
    executor = reference.load(NETWORK, nets.random_parameters(NETWORK), Settings())
    base, others = nets.random_inputs(NETWORK, 1), nets.random_inputs(NETWORK, 4, seed=2)
    substitution, preservation = base + 0.3 * others[:2], base + 0.3 * others[2:]
    found = extract_witnesses(executor, base, substitution, preservation)
    assert found
    for blob in NETWORK.span("data", "fc7"):
        plain = executor.forward(base, "data", blob.name)[0]
        chosen = set(range(blob.shape[0]))
        for sub, pre in zip(substitution, preservation):
            d_sub, d_pre = (
                [
                    np.abs(executor.forward(image[None], "data", blob.name)[0][c] - plain[c]).sum()
                    for c in chosen_all(blob)
                ]
                for image in (sub, pre)
            )
            chosen &= {
                c for c in chosen_all(blob) if d_sub[c] > np.median(d_sub) and d_pre[c] <= np.median(d_pre)
            }
        assert found.get(blob.name, []) == sorted(chosen)


def test_differences_do_not_depend_on_the_batch():
    executor = reference.load(NETWORK, nets.random_parameters(NETWORK), Settings(precision="float64"))
    plain = read_hidden(executor, nets.random_inputs(NETWORK, 1))
    images = nets.random_inputs(NETWORK, 3, seed=2)
    together = measure_differences(executor, plain, images)
    assert list(together) == ["conv1_1", "conv2_2", "pool3", "conv4_1", "fc6", "fc7"]
    for place in range(3):
        alone = measure_differences(executor, plain, images[place : place + 1])
        for blob, values in together.items():
            np.testing.assert_allclose(alone[blob][0], values[place], rtol=1e-9, atol=1e-9)
            assert not np.allclose(alone[blob][0], values[place - 1], rtol=1e-3)


def chosen_all(blob):
    return range(blob.shape[0])


def test_unpaired_images_are_refused():
    executor = reference.load(NETWORK, nets.random_parameters(NETWORK), Settings())
    base = nets.random_inputs(NETWORK, 1)
    with pytest.raises(InputError, match="pairs"):
        extract_witnesses(executor, base, nets.random_inputs(NETWORK, 2), nets.random_inputs(NETWORK, 3))
