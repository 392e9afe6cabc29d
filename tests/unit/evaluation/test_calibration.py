import math

import numpy as np
import pytest
from sklearn.metrics import log_loss

from zuroku.errors import EvaluationError
from zuroku.evaluation.calibration import (
    apply_temperature,
    expected_calibration_error,
    fit_temperature,
    logits_of,
    reliability_bins,
)


def overconfident(temperature=3.0, n=4000, seed=0):
    rng = np.random.default_rng(seed)
    honest = rng.normal(0, 1.5, (n, 3))
    targets = (rng.random((n, 3)) < 1 / (1 + np.exp(-honest))).astype(np.float32)
    return honest * temperature, targets


def test_the_temperature_planted_is_found():
    logits, targets = overconfident()
    assert fit_temperature(logits, targets) == pytest.approx(3, rel=0.06)


def test_no_temperature_on_a_grid_has_a_lower_likelihood():
    logits, targets = overconfident(n=200)
    found = fit_temperature(logits, targets)

    def loss(temperature):
        return log_loss(targets.ravel(), 1 / (1 + np.exp(-logits.ravel() / temperature)))

    assert min(loss(t) for t in np.geomspace(0.2, 50, 200)) >= loss(found) - 1e-9


def test_calibration_lowers_the_expected_calibration_error_and_keeps_the_ranking():
    logits, targets = overconfident()
    raw = 1 / (1 + np.exp(-logits))
    cooled = apply_temperature(raw, fit_temperature(logits, targets))
    assert expected_calibration_error(targets, cooled) < expected_calibration_error(targets, raw) / 3
    assert (np.argsort(raw[:50, 0]) == np.argsort(cooled[:50, 0])).all()


def test_separable_and_reversed_targets_are_refused():
    logits = np.array([[-2.0], [1.0], [3.0]])
    for targets in ([[0], [1], [1]], [[1], [0], [0]]):
        with pytest.raises(EvaluationError, match="end of the range"):
            fit_temperature(logits, np.array(targets))


def test_logits_are_finite_symmetric_and_invert_the_sigmoid():
    found = logits_of(np.array([0, 0.25, 0.5, 1], dtype=np.float32))
    assert found[0] == -found[3] == pytest.approx(-36.7, abs=0.1)
    assert found[1] == pytest.approx(math.log(1 / 3))
    assert found[2] == 0
    np.testing.assert_allclose(apply_temperature(np.array([0.1, 0.9]), 1.0), [0.1, 0.9])
    with pytest.raises(EvaluationError, match="1 value"):
        logits_of(np.array([1.5, 0.5]))


def test_bins_equal_a_loop_with_edges_in_the_lower_bin():
    rng = np.random.default_rng(1)
    probabilities = rng.integers(0, 33, (200, 2)) / 32  # with 0, 1 and the edges of 8 bins
    targets = (rng.random((200, 2)) < probabilities).astype(int)
    found = reliability_bins(targets, probabilities, bins=8)
    for place in range(8):
        inside = (probabilities > place / 8) & (probabilities <= (place + 1) / 8)
        if place == 0:
            inside |= probabilities == 0
        assert found.count[place] == inside.sum() > 0
        assert found.confidence[place] == pytest.approx(probabilities[inside].mean())
        assert found.frequency[place] == pytest.approx(targets[inside].mean())


def test_calibration_error_equals_a_loop_over_items():
    rng = np.random.default_rng(2)
    probabilities = rng.random((300, 4)) ** 2 * 0.6  # the upper bins stay empty
    targets = (rng.random((300, 4)) < 0.3).astype(int)
    gap = [0.0] * 15  # sum of target − probability in each bin
    for target, probability in zip(targets.ravel(), probabilities.ravel(), strict=True):
        gap[math.ceil(probability * 15) - 1] += target - probability
    assert np.isnan(reliability_bins(targets, probabilities).frequency[-1])
    expected = sum(map(abs, gap)) / targets.size
    assert expected_calibration_error(targets, probabilities) == pytest.approx(expected)


def test_what_does_not_fit_is_refused():
    with pytest.raises(EvaluationError, match=r"\(1, 2\), logits \(2, 1\); logits holds 1 value"):
        fit_temperature(np.array([[np.inf], [0.0]]), np.ones((1, 2)))
    with pytest.raises(EvaluationError, match="outside"):
        expected_calibration_error(np.ones((1, 1)), np.array([[np.nan]]))
    with pytest.raises(EvaluationError, match="0 bins"):
        reliability_bins(np.ones((1, 1)), np.ones((1, 1)), bins=0)
    with pytest.raises(EvaluationError, match="empty"):
        expected_calibration_error(np.ones((0, 1)), np.ones((0, 1)))
