import itertools
import math

import numpy as np
import pytest

from zuroku.errors import ConfigError, EvaluationError
from zuroku.evaluation.hierarchy import LabelHierarchy, build_hierarchy

IMPLIED = {
    "graphic_map": ["graphic"],
    "graphic_illust": ["graphic"],
    "picture_landmark": ["picture", "picture_outdoor"],
    "picture_outdoor": ["picture"],
    "stamp": [],
}


def labels_of(hierarchy, row):
    return {label for label, value in zip(hierarchy.labels, row, strict=True) if value}


def test_labels_are_roots_and_implied_labels_then_classes():
    hierarchy = build_hierarchy(IMPLIED)
    assert hierarchy.labels == (
        "graphic",
        "picture",
        "picture_outdoor",
        "stamp",
        "graphic_map",
        "graphic_illust",
        "picture_landmark",
    )
    assert hierarchy.classes == tuple(IMPLIED)
    assert hierarchy.parents == (-1, -1, 1, -1, 0, 0, 2)
    assert [hierarchy.depth(label) for label in range(7)] == [0, 0, 1, 0, 1, 1, 2]


def test_targets_hold_the_class_and_all_it_implies():
    hierarchy = build_hierarchy(IMPLIED)
    names = [*IMPLIED, "stamp"]
    targets = hierarchy.targets(names)
    assert targets.dtype == np.float32
    assert targets.shape == (6, 7)
    for name, row in zip(names, targets, strict=True):
        assert labels_of(hierarchy, row) == {name, *IMPLIED[name]}
    assert hierarchy.targets([]).shape == (0, 7)


def test_implication_is_transitive():
    hierarchy = build_hierarchy({"a": ["b"], "b": ["c"], "c": []})
    assert labels_of(hierarchy, hierarchy.targets(["a"])[0]) == {"a", "b", "c"}


def test_a_dropped_class_keeps_its_ancestors_and_a_dropped_parent_is_bridged():
    outputs = ["stamp", "picture_landmark", "picture", "graphic", "graphic_map"]
    hierarchy = build_hierarchy(IMPLIED, outputs)
    assert hierarchy.labels == tuple(outputs)
    assert hierarchy.parents == (-1, 2, -1, -1, 3)
    targets = hierarchy.targets(["graphic_illust", "picture_outdoor", "picture_landmark"])
    assert [labels_of(hierarchy, row) for row in targets] == [
        {"graphic"},
        {"picture"},
        {"picture", "picture_landmark"},
    ]


@pytest.mark.parametrize(
    ("implied", "outputs", "said"),
    [
        ({}, None, ["no class"]),
        ({"a": ["a"]}, None, ["'a' implies itself"]),
        ({"a": ["b"], "b": ["a"]}, None, ["'a' implies itself", "'b' implies itself"]),
        ({"x": ["a", "b"], "y": ["c", "b"]}, None, ["'b' lies directly under 'a' and under 'c'"]),
        ({"x": ["a", "b"], "b": []}, None, ["'b' lies directly under 'a' and under 'nothing'"]),
        (
            IMPLIED,
            ["graphic", "picture", "picture", "plate"],
            ["'plate' is no label", "'picture' is listed twice"],
        ),
        (IMPLIED, ["graphic", "picture"], ["class 'stamp' keeps no label"]),
    ],
)
def test_what_is_no_hierarchy_is_refused(implied, outputs, said):
    with pytest.raises(ConfigError) as caught:
        build_hierarchy(implied, outputs)
    for words in said:
        assert words in caught.value.found


def test_a_node_leading_into_a_cycle_is_not_blamed_for_it():
    with pytest.raises(ConfigError) as caught:
        build_hierarchy({"a": ["b"], "b": ["a"], "c": ["b"]})
    assert "'c'" not in caught.value.found


def test_unknown_classes_are_all_named():
    with pytest.raises(EvaluationError, match=r"'plate'.*'seal'"):
        build_hierarchy(IMPLIED).targets(["stamp", "seal", "plate"])


def random_forest(rng, size):
    parents = tuple(int(rng.integers(-1, label)) if label else -1 for label in range(size))
    order = rng.permutation(size)  # a parent may stand after its child
    shuffled = [0] * size
    for label, parent in enumerate(parents):
        shuffled[order[label]] = -1 if parent < 0 else int(order[parent])
    names = tuple(f"l{label}" for label in range(size))
    return LabelHierarchy(names, names, tuple(shuffled), tuple(range(size)))


def best_by_enumeration(parents, probabilities, thresholds, active):
    """The best consistent set, by trying all; of equally good ones the smallest."""

    def logit(p):
        p = min(max(float(p), 2.0**-53), 1 - 2.0**-53)
        return math.log(p / (1 - p))

    best, best_gain = (), 0.0
    for size in range(1, len(parents) + 1):
        for chosen in itertools.combinations(range(len(parents)), size):
            if any(not active[i] or (parents[i] >= 0 and parents[i] not in chosen) for i in chosen):
                continue
            gain = sum(logit(probabilities[i]) - logit(thresholds[i]) for i in chosen)
            if gain > best_gain + 1e-7:
                best, best_gain = chosen, gain
    return [i in best for i in range(len(parents))]


@pytest.mark.parametrize("seed", range(12))
def test_decoding_equals_enumeration(seed):
    rng = np.random.default_rng(seed)
    hierarchy = random_forest(rng, int(rng.integers(1, 8)))
    size = len(hierarchy.labels)
    # A coarse grid gives ties within and between labels, and exact 0 and 1.
    probabilities = rng.integers(0, 11, (20, size)) / 10
    thresholds = rng.integers(2, 9, size) / 10
    active = rng.random(size) < 0.8
    decided = hierarchy.decode(probabilities, thresholds, active)
    assert decided.dtype == np.bool_
    for row, found in zip(probabilities, decided, strict=True):
        assert found.tolist() == best_by_enumeration(hierarchy.parents, row, thresholds, active)


def test_a_sure_child_carries_a_doubtful_parent_and_a_tie_is_not_emitted():
    hierarchy = build_hierarchy({"child": ["root"]})
    probabilities = np.array([[0.4, 0.9], [0.4, 0.6], [0.5, 0.5], [0.6, 0.4], [0.1, 0.8]], dtype=np.float64)
    decided = hierarchy.decode(probabilities, np.full(2, 0.5), np.ones(2, dtype=bool))
    assert decided.tolist() == [[True, True], [False, False], [False, False], [True, False], [False, False]]


def test_an_untrained_label_takes_its_descendants_with_it():
    hierarchy = build_hierarchy(IMPLIED)
    active = np.array([label != "picture_outdoor" for label in hierarchy.labels])
    row = hierarchy.decode(np.full((1, 7), 1.0), np.full(7, 0.5), active)[0]
    assert labels_of(hierarchy, row) == {"graphic", "picture", "stamp", "graphic_map", "graphic_illust"}


def test_decode_lists_all_that_does_not_fit_and_leaves_its_input_alone():
    hierarchy = build_hierarchy(IMPLIED)
    with pytest.raises(EvaluationError) as caught:
        hierarchy.decode(np.array([[np.nan] * 6]), np.array([0.5, 1.0]), np.ones(3, dtype=bool))
    for words in ("probabilities has shape (1, 6)", "thresholds has shape (2,)", "active has shape (3,)"):
        assert words in caught.value.found
    assert "NaN" in caught.value.found
    assert "(0, 1)" in caught.value.found
    probabilities = np.full((2, 7), 0.7)
    hierarchy.decode(probabilities, np.full(7, 0.5), np.zeros(7, dtype=bool))
    assert (probabilities == 0.7).all()
