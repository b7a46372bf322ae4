"""AmI's decision."""

import numpy as np

from harness.detectors.ami import decide, score_detection


def test_an_input_is_detected_where_the_answer_changes():
    same = decide(np.array([1.0, 5.0, 4.5]), np.array([0.0, 3.0, 2.0]), None)
    other = decide(np.array([1.0, 5.0, 4.5]), np.array([0.0, 3.0, 4.0]), ("fc6", 0.5))
    assert (same.detected, same.score, same.more) == (False, -1.0, {"sigma_ratio": None})
    assert (other.detected, other.score, other.more) == (True, 1.0, {"sigma_ratio": ["fc6", 0.5]})
    assert other.original.tolist() == [1.0, 5.0, 4.5]
    assert other.attribute.tolist() == [0.0, 3.0, 4.0]


def test_the_score_is_positive_exactly_where_the_classes_differ():
    rng = np.random.default_rng(0)
    for logits in rng.normal(size=(200, 6)):
        original = int(rng.integers(6))
        assert (score_detection(original, logits) > 0) == (int(logits.argmax()) != original)
    assert score_detection(0, np.array([1.0, np.nan])) is None
