import numpy as np
import pytest

from zuroku.errors import EvaluationError
from zuroku.evaluation.confusion import confusion_matrix, predicted_classes
from zuroku.evaluation.hierarchy import build_hierarchy

HIERARCHY = build_hierarchy(
    {
        "map": ["graphic"],
        "illust": ["graphic"],
        "landmark": ["picture", "outdoor"],
        "outdoor": ["picture"],
        "stamp": [],
    },
    outputs=["graphic", "picture", "stamp", "map", "outdoor", "landmark"],
)


def predicted_by_hand(decisions, probabilities):
    depth = {"stamp": 0, "map": 1, "outdoor": 1, "landmark": 2}
    answers = []
    for row, p in zip(decisions, probabilities, strict=True):
        emitted = [
            (depth[name], p[i], -i, name)
            for i, name in enumerate(HIERARCHY.labels)
            if row[i] and name in depth
        ]
        answers.append(max(emitted)[3] if emitted else "none")
    return answers


def test_the_deepest_then_most_probable_then_first_emitted_class_is_predicted():
    rng = np.random.default_rng(0)
    decisions = rng.random((300, 6)) < 0.4
    probabilities = rng.integers(0, 3, (300, 6)) / 2  # ties, 0 and 1
    found = predicted_classes(decisions, probabilities, HIERARCHY)
    assert found == predicted_by_hand(decisions, probabilities)
    assert set(found) == {"stamp", "map", "outdoor", "landmark", "none"}


def test_a_root_that_is_no_class_predicts_none():
    decisions = np.array([[True, True, False, False, False, False]])
    assert predicted_classes(decisions, np.ones((1, 6)), HIERARCHY) == ["none"]


def test_the_matrix_counts_every_item_once():
    rng = np.random.default_rng(1)
    decisions, probabilities = rng.random((200, 6)) < 0.4, rng.random((200, 6))
    truth = [HIERARCHY.classes[i] for i in rng.integers(0, 5, 200)]
    table = confusion_matrix(truth, decisions, probabilities, HIERARCHY)
    assert list(table.index) == list(HIERARCHY.classes)
    assert list(table.columns) == [*HIERARCHY.classes, "none"]
    pairs = list(zip(truth, predicted_by_hand(decisions, probabilities), strict=True))
    for name in table.index:
        for other in table.columns:
            assert table.loc[name, other] == pairs.count((name, other))
    assert table["illust"].sum() == 0
    assert table.loc["illust"].sum() > 0


def test_what_does_not_fit_is_refused():
    good = np.ones((2, 6))
    with pytest.raises(EvaluationError, match=r"'plate' is not in the hierarchy; 3 true classes for 2"):
        confusion_matrix(["map", "plate", "map"], good.astype(bool), good, HIERARCHY)
    with pytest.raises(EvaluationError, match=r"probabilities has shape \(2, 5\)"):
        predicted_classes(good.astype(bool), np.ones((2, 5)), HIERARCHY)
    with pytest.raises(EvaluationError, match=r"\(2, 6\), probabilities of \(1, 6\).*NaN"):
        predicted_classes(good, np.full((1, 6), np.nan), HIERARCHY)
