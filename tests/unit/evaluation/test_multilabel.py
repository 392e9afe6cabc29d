import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_recall_fscore_support

from zuroku.errors import EvaluationError
from zuroku.evaluation.multilabel import (
    average_precision,
    label_counts,
    label_scores,
    macro_f1,
    mean_average_precision,
    micro_f1,
    pooled_f1,
)


def example(seed=0, n=60, size=5):
    rng = np.random.default_rng(seed)
    targets = (rng.random((n, size)) < 0.3).astype(np.float32)
    targets[:, 3] = 0  # a label without positives
    probabilities = np.round(np.clip(0.4 * targets + 0.6 * rng.random((n, size)), 0, 1), 1)  # many ties
    return targets, probabilities.astype(np.float32)


@pytest.mark.parametrize("seed", range(5))
def test_scores_equal_scikit_learn(seed):
    targets, probabilities = example(seed)
    decisions = probabilities > 0.5
    decisions[:, 1] = False  # never emitted, though it has positives
    found = label_scores(targets, decisions, list("abcde"))
    precision, recall, f1, support = precision_recall_fscore_support(
        targets.astype(int), decisions.astype(int), zero_division=0.0
    )
    has_positives = support > 0
    assert found.left_out == ("d",)
    assert found.table["label"].tolist() == list("abcde")
    assert found.table["support"].tolist() == support.tolist()
    np.testing.assert_allclose(found.table["precision"], precision)
    np.testing.assert_allclose(found.table["recall"][has_positives], recall[has_positives])
    np.testing.assert_allclose(found.table["f1"][has_positives], f1[has_positives])
    assert np.isnan(found.table["recall"][3])
    assert np.isnan(found.table["f1"][3])
    assert found.macro_f1 == pytest.approx(f1[has_positives].mean())
    assert found.micro_f1 == pytest.approx(
        f1_score(targets.astype(int), decisions.astype(int), average="micro")
    )


def test_precision_is_undefined_only_without_positives_and_without_emissions():
    targets, decisions = np.array([[1, 0], [0, 0]]), np.zeros((2, 2), dtype=bool)
    precision = label_scores(targets, decisions, ["a", "b"]).table["precision"]
    assert precision[0] == 0
    assert np.isnan(precision[1])


def test_false_positives_of_a_label_without_positives_lower_micro_but_not_macro():
    targets = np.array([[1, 0], [1, 0]])
    found = label_scores(targets, np.array([[True, True], [True, True]]), ["a", "b"])
    assert found.macro_f1 == 1
    assert found.micro_f1 == pytest.approx(2 * 2 / (2 * 2 + 2))


def test_sums_of_counts_score_along_leading_axes():
    targets, probabilities = example()
    decisions = probabilities > 0.5
    counts = label_counts(targets, decisions)
    assert counts.shape == (60, 3, 5)
    halves = np.stack([counts[:30].sum(axis=0), counts[30:].sum(axis=0)])
    for statistic, name in ((macro_f1, "macro_f1"), (micro_f1, "micro_f1")):
        parts = [
            getattr(label_scores(targets[rows], decisions[rows], list("abcde")), name)
            for rows in (slice(0, 30), slice(30, 60))
        ]
        np.testing.assert_allclose(statistic(halves), parts)
    assert np.isnan(macro_f1(np.zeros((3, 5))))
    assert np.isnan(micro_f1(np.zeros((3, 5))))


@pytest.mark.parametrize("threshold", [0.4, 0.5])
def test_pooled_f1_is_the_running_metric_of_the_original(threshold):
    targets, probabilities = example()
    hits = false_positives = false_negatives = 0
    for start in range(0, 60, 7):  # the original adds up over batches
        for target, probability in zip(
            targets[start : start + 7].ravel(), probabilities[start : start + 7].ravel(), strict=True
        ):
            emitted = probability > threshold
            hits += int(emitted and target == 1)
            false_positives += int(emitted and target == 0)
            false_negatives += int(not emitted and target == 1)
    precision, recall = hits / (hits + false_positives), hits / (hits + false_negatives)
    expected = 2 * precision * recall / (precision + recall)
    assert pooled_f1(targets, probabilities, threshold) == pytest.approx(expected)


def test_pooled_f1_does_not_emit_at_the_threshold():
    assert pooled_f1(np.array([[1, 1]]), np.array([[0.5, 0.75]])) == pytest.approx(2 / 3)


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_equals_scikit_learn_with_ties(seed):
    targets, probabilities = example(seed)
    found = average_precision(targets, probabilities)
    kept = [0, 1, 2, 4]
    expected = [average_precision_score(targets[:, i], probabilities[:, i]) for i in kept]
    np.testing.assert_allclose(found[kept], expected)
    assert np.isnan(found[3])
    assert mean_average_precision(targets, probabilities) == pytest.approx(np.mean(expected))


def test_average_precision_of_one_tie_is_prevalence_in_any_order():
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        targets = np.array([[1], [0], [0], [0]])[order]
        assert average_precision(targets, np.full((4, 1), 0.5)) == pytest.approx(0.25)


def test_arrays_that_do_not_fit_are_refused_with_all_faults():
    with pytest.raises(EvaluationError) as caught:
        label_scores(np.array([[2.0, np.nan]]), np.array([[0.5], [1.0]]), ["a", "b"])
    for words in (
        "decisions has shape (2, 1)",
        "targets holds 2 values",
        "decisions holds 1 value (at (0, 0))",
    ):
        assert words in caught.value.found
    with pytest.raises(EvaluationError, match="no label has a positive"):
        label_scores(np.zeros((2, 1)), np.ones((2, 1)), ["a"])
    for metric in (pooled_f1, average_precision, mean_average_precision):
        with pytest.raises(EvaluationError, match="scores holds 1 value"):
            metric(np.ones((1, 2)), np.array([[0.5, np.nan]]))
        with pytest.raises(EvaluationError, match=r"\(2, 1\)"):
            metric(np.ones((1, 2)), np.array([[0.5], [0.5]]))
        with pytest.raises(EvaluationError, match="empty"):
            metric(np.ones((0, 2)), np.ones((0, 2)))
    for metric in (pooled_f1, mean_average_precision):
        with pytest.raises(EvaluationError, match="no label has a positive"):
            metric(np.zeros((1, 2)), np.ones((1, 2)))
