import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from zuroku.errors import EvaluationError
from zuroku.evaluation.label_issues import LabelIssueSettings, find_label_issues, out_of_fold_probabilities

NAMES = ("map", "plate", "seal")


def planted(n=240, n_groups=24, n_errors=20, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    embeddings = 2.5 * np.eye(3, 10)[truth] + rng.normal(size=(n, 10))
    given = truth.copy()
    wrong = rng.choice(n, n_errors, replace=False)
    given[wrong] = (truth[wrong] + rng.integers(1, 3, n_errors)) % 3
    groups = [f"book{i}" for i in rng.integers(0, n_groups, n)]
    ids = [f"item{i:03}" for i in range(n)]
    return ids, embeddings, [NAMES[i] for i in given], groups, truth, wrong


def test_planted_errors_rank_first_and_get_their_class_back():
    ids, embeddings, classes, groups, truth, wrong = planted()
    found = find_label_issues(ids, embeddings, classes, groups)
    table = found.table
    assert list(table.columns) == ["item_id", "label", "suggested", "quality", "is_issue"]
    assert sorted(table["item_id"]) == ids
    assert found.left_out == ()
    assert found.folds == 5
    assert (table["quality"].diff().dropna() >= 0).all()
    assert table["quality"].between(0, 1).all()
    planted_ids = {ids[i] for i in wrong}
    top = table.head(20)
    recall = len(planted_ids & set(top["item_id"])) / 20
    assert recall >= 0.7  # chance is 20 of 240
    flagged = set(table.loc[table["is_issue"], "item_id"])
    assert len(flagged & planted_ids) >= 14
    assert len(flagged - planted_ids) <= 10
    hits = top[top["item_id"].isin(planted_ids)]
    right = [NAMES[truth[ids.index(row.item_id)]] == row.suggested for row in hits.itertuples()]
    assert np.mean(right) >= 0.9
    given = dict(zip(ids, classes, strict=True))
    assert [given[item] for item in table["item_id"]] == table["label"].tolist()


def test_the_seed_fixes_the_result():
    ids, embeddings, classes, groups, *_ = planted()
    first = find_label_issues(ids, embeddings, classes, groups).table
    assert first.equals(find_label_issues(ids, embeddings, classes, groups).table)


def test_predictions_come_from_folds_without_the_book():
    rng = np.random.default_rng(0)
    codes, groups = np.tile([0, 1], 20), np.repeat(np.arange(10), 4)
    embeddings = rng.normal(size=(40, 6))
    settings = LabelIssueSettings(folds=10)
    found = out_of_fold_probabilities(embeddings, codes, groups.tolist(), 10, settings)
    for group in range(10):  # ten folds of ten books: each book alone
        train = groups != group
        scaler = StandardScaler().fit(embeddings[train])
        probe = LogisticRegression(C=settings.regularisation).fit(
            scaler.transform(embeddings[train]), codes[train]
        )
        expected = probe.predict_proba(scaler.transform(embeddings[~train]))
        np.testing.assert_allclose(found[~train], expected, atol=1e-6)


def test_a_class_missing_from_a_training_fold_has_probability_zero():
    # Class 2 lives in the books x and y only; folds of four books put both on one side sooner or later.
    codes = np.array([0, 1] * 4 + [2, 2, 0, 1] * 2)
    groups = ["a", "a", "b", "b", "c", "c", "d", "d", "x", "x", "x", "x", "x", "x", "x", "x"]
    embeddings = np.random.default_rng(0).normal(size=(16, 3))
    found = out_of_fold_probabilities(embeddings, codes, groups, 2, LabelIssueSettings())
    assert found[codes == 2, 2].tolist() == [0, 0, 0, 0]
    np.testing.assert_allclose(found.sum(axis=1), 1)


def test_a_training_fold_of_one_class_is_certain_of_it():
    codes, groups = np.array([0, 0, 1, 1]), ["a", "a", "b", "b"]
    found = out_of_fold_probabilities(np.eye(4), codes, groups, 2, LabelIssueSettings())
    assert found.tolist() == [[0, 1], [0, 1], [1, 0], [1, 0]]


def test_few_groups_lower_the_folds_and_a_class_of_one_group_is_named():
    ids, embeddings, classes, groups, *_ = planted(n=90)
    groups = [("a", "b", "c")[i % 3] for i in range(90)]
    classes[0], classes[3] = "chart", "chart"  # both in book a
    found = find_label_issues(ids, embeddings, classes, groups)
    assert found.left_out == ("chart",)
    assert found.folds == 3
    assert len(found.table) == 88
    assert "chart" not in set(found.table["suggested"])
    two = find_label_issues(ids, embeddings, classes, ["a" if g == "a" else "b" for g in groups])
    assert two.folds == 2


def test_what_does_not_fit_is_refused():
    embeddings = np.ones((3, 2))
    embeddings[0, 0] = np.nan
    with pytest.raises(EvaluationError) as caught:
        find_label_issues(["a", "b"], embeddings, ["x", "y", "x"], ["g"])
    for words in (
        "shape (3, 2)",
        "1 value",
        "3 classes for 2 items",
        "1 groups for 2 items",
        "0 classes with",
    ):
        assert words in caught.value.found
    with pytest.raises(EvaluationError, match="0 classes with at least two groups"):
        find_label_issues(["a", "b"], np.ones((2, 2)), ["x", "y"], ["g", "g"])


def test_importing_does_not_import_cleanlab():
    code = "import sys, zuroku.evaluation.label_issues; sys.exit('cleanlab' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
