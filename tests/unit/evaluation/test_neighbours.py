from collections import Counter

import numpy as np
import pytest

from zuroku.errors import EvaluationError
from zuroku.evaluation import neighbours
from zuroku.evaluation.neighbours import accuracy_floors, majority_classes, nearest_classes


def example(n=60, seed=0):
    rng = np.random.default_rng(seed)
    classes = [("map", "seal", "plate")[i] for i in rng.integers(0, 3, n)]
    groups = [f"book{i}" for i in rng.integers(0, 6, n)]
    embeddings = rng.integers(-2, 3, (n, 3)).astype(np.float32)
    embeddings[(embeddings == 0).all(axis=1)] = 1
    return embeddings, classes, groups


def nearest_by_loop(embeddings, classes, left_out_with):
    answers = []
    for i, query in enumerate(embeddings):
        best, best_cosine = None, -2.0
        for j, other in enumerate(embeddings):
            if left_out_with[i] == left_out_with[j]:
                continue
            cosine = float(query @ other / np.sqrt(float(query @ query) * float(other @ other)))
            if cosine > best_cosine + 1e-6:
                best, best_cosine = j, cosine
        answers.append(classes[best])
    return answers


@pytest.mark.parametrize("block", [7, 1024])
def test_nearest_classes_equal_a_loop(monkeypatch, block):
    monkeypatch.setattr(neighbours, "_BLOCK", block)
    rng = np.random.default_rng(3)
    _, classes, groups = example()
    embeddings = rng.normal(size=(60, 5)) * rng.uniform(0.1, 9, (60, 1))  # length must not matter
    for left_out_with in (groups, range(60)):
        found = nearest_classes(embeddings, classes, left_out_with)
        assert found.tolist() == nearest_by_loop(embeddings, classes, list(left_out_with))


def test_of_equally_near_items_the_first_answers():
    embeddings = np.array([[1, 0], [0, 1], [0, 1], [0, 1]])
    assert nearest_classes(embeddings, ["w", "x", "y", "z"], range(4))[1:].tolist() == ["y", "x", "x"]


def test_majority_classes_equal_a_loop_with_ties():
    _, classes, groups = example()
    for left_out_with in (groups, range(60)):
        expected = []
        for own in left_out_with:
            others = Counter(c for c, g in zip(classes, left_out_with, strict=True) if g != own)
            expected.append(min(others, key=lambda name: (-others[name], name)))
        assert majority_classes(classes, left_out_with).tolist() == expected
    assert majority_classes(["b", "a", "b", "a"], range(4)).tolist() == ["a", "b", "a", "b"]


def test_floors_show_what_the_book_gives_away():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 5)
    classes = [("map", "seal")[i] for i in np.repeat(rng.integers(0, 2, 20), 5)]
    embeddings = rng.normal(size=(20, 8))[groups] + 0.01 * rng.normal(
        size=(100, 8)
    )  # of the book, not the class
    floors = accuracy_floors(embeddings, classes, groups.tolist())
    assert floors.nearest_item == 1
    assert floors.nearest_group < 0.8
    guesses = [majority_classes(classes, range(100)), majority_classes(classes, groups.tolist())]
    expected = [np.mean([g == c for g, c in zip(guess, classes, strict=True)]) for guess in guesses]
    assert [floors.majority_item, floors.majority_group] == pytest.approx(expected)


def test_what_does_not_fit_is_refused():
    embeddings, classes, groups = example(n=6)
    embeddings[1] = 0
    embeddings[2, 0] = np.nan
    with pytest.raises(EvaluationError) as caught:
        nearest_classes(embeddings[:5], classes, groups[:4])
    for words in ("shape (5, 3)", "1 value", "6 classes and 4 groups", "1 embeddings of length zero"):
        assert words in caught.value.found
    for call in (
        lambda: nearest_classes(np.ones((2, 2)), ["a", "b"], ["g", "g"]),
        lambda: majority_classes(["a", "b"], ["g", "g"]),
        lambda: majority_classes([], []),
    ):
        with pytest.raises(EvaluationError, match="groups, so no other item"):
            call()
