import math

import numpy as np
import pandas as pd
import pytest

from zuroku.errors import EvaluationError
from zuroku.evaluation import ranking
from zuroku.evaluation.bootstrap import bootstrap_items
from zuroku.evaluation.similarity import (
    adjusted_mutual_information,
    centroid_distances,
    centroid_rank,
    cluster_embeddings,
    neighbour_average_precision,
    neighbour_purity,
    silhouettes,
)


def example(n=40, seed=0):
    """Small whole numbers, so that many cosines are equal; one tag is in one book only."""
    rng = np.random.default_rng(seed)
    embeddings = rng.integers(-1, 3, (n, 3)).astype(np.float32)
    embeddings[(embeddings == 0).all(axis=1)] = 1
    groups = [f"book{i}" for i in rng.integers(0, 5, n)]
    tags = [("map", "seal", "plate")[i] for i in rng.integers(0, 3, n)]
    tags = [
        "alone" if g == "book0" and i % 2 else t for i, (g, t) in enumerate(zip(groups, tags, strict=True))
    ]
    return embeddings, tags, groups


def cosine(a, b):
    a, b = a.astype(float), b.astype(float)
    return sum(a * b) / math.sqrt(sum(a * a) * sum(b * b))


def neighbours(embeddings, groups, item):
    others = [j for j in range(len(groups)) if groups[j] != groups[item]]
    return sorted(others, key=lambda j: (-round(2**24 * cosine(embeddings[item], embeddings[j])), j))


@pytest.mark.parametrize("block", [1, 1 << 24])
@pytest.mark.parametrize("seed", range(3))
def test_purity_and_average_precision_equal_loops(monkeypatch, seed, block):
    monkeypatch.setattr(ranking, "_BLOCK_COSINES", block)
    embeddings, tags, groups = example(seed=seed)
    purity, average = [], []
    for item in range(len(tags)):
        same = [tags[j] == tags[item] for j in neighbours(embeddings, groups, item)]
        purity.append(sum(same[:5]) / 5 if any(same) else math.nan)
        precisions = [sum(same[: i + 1]) / (i + 1) for i, hit in enumerate(same) if hit]
        average.append(sum(precisions) / len(precisions) if precisions else math.nan)
    assert any(map(math.isnan, purity))
    assert neighbour_purity(embeddings, tags, groups, 5) == pytest.approx(purity, nan_ok=True)
    assert neighbour_average_precision(embeddings, tags, groups) == pytest.approx(average, nan_ok=True)


def test_what_a_book_gives_away_does_not_count():
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(20), 5)
    tags = [("map", "seal")[i] for i in np.repeat(rng.integers(0, 2, 20), 5)]
    embeddings = rng.normal(size=(20, 8))[groups] + 0.01 * rng.normal(size=(100, 8))
    assert np.nanmean(neighbour_purity(embeddings, tags, list(range(100)), 4)) == 1
    assert np.nanmean(neighbour_purity(embeddings, tags, groups.tolist(), 4)) < 0.75


def test_values_per_item_suit_the_bootstrap_by_group():
    embeddings, tags, groups = example(n=60)
    values = neighbour_average_precision(embeddings, tags, groups)
    interval = bootstrap_items(groups, lambda items: float(np.nanmean(values[items])), resamples=40, seed=3)
    assert interval.estimate == pytest.approx(np.nanmean(values))
    assert interval.lower <= interval.estimate <= interval.upper


def test_silhouettes_equal_the_definition():
    embeddings, tags, _ = example()
    tags[7] = "single"
    expected = []
    for i, tag in enumerate(tags):
        far = {}
        for other in set(tags):
            members = [j for j, t in enumerate(tags) if t == other and j != i]
            if members:
                distances = [1 - cosine(embeddings[i], embeddings[j]) for j in members]
                far[other] = sum(distances) / len(distances)
        if tag not in far:
            expected.append(0.0)
            continue
        inside, outside = far.pop(tag), min(far.values())
        expected.append((outside - inside) / max(inside, outside))
    assert silhouettes(embeddings, tags) == pytest.approx(expected, abs=1e-6)


def test_clusters_are_seeded_and_find_what_is_apart():
    rng = np.random.default_rng(0)
    centres = np.eye(3, 6).repeat(10, axis=0)
    embeddings = (centres + 0.05 * rng.normal(size=(30, 6))) * rng.uniform(0.1, 9, (30, 1))
    tags = [name for name in ("map", "seal", "plate") for _ in range(10)]
    clusters = cluster_embeddings(embeddings, 3, seed=4)
    assert clusters.tolist() == cluster_embeddings(embeddings, 3, seed=4).tolist()
    assert adjusted_mutual_information(clusters, tags) == pytest.approx(1)
    shuffled = rng.permutation(tags).tolist()
    assert abs(adjusted_mutual_information(clusters, shuffled)) < 0.3
    assert adjusted_mutual_information(np.array([0, 1, 1]), ["a", "a", "a"]) == pytest.approx(0)


def test_mutual_information_equals_the_definition():
    """Over all permutations of eight items, the expected mutual information is an average."""
    clusters, tags = [0, 0, 1, 1, 1, 2], ["a", "a", "a", "b", "b", "b"]

    def information(first, second):
        total, n = 0.0, len(first)
        for pair in set(zip(first, second, strict=True)):
            joint = sum(p == pair for p in zip(first, second, strict=True)) / n
            total += joint * math.log(joint * n * n / (first.count(pair[0]) * second.count(pair[1])))
        return total

    from itertools import permutations

    chances = [information(clusters, [tags[i] for i in order]) for order in permutations(range(6))]
    chance = sum(chances) / len(chances)
    mean_entropy = (information(clusters, clusters) + information(tags, tags)) / 2
    expected = (information(clusters, tags) - chance) / (mean_entropy - chance)
    assert adjusted_mutual_information(np.array(clusters), tags) == pytest.approx(expected)


def test_centroid_distances_equal_a_loop():
    embeddings, tags, _ = example()
    names = sorted(set(tags))
    unit = [vector / math.sqrt(sum(vector.astype(float) ** 2)) for vector in embeddings]
    means = {
        name: np.mean([u for u, tag in zip(unit, tags, strict=True) if tag == name], axis=0) for name in names
    }
    found = centroid_distances(embeddings, tags)
    assert list(found.index) == list(found.columns) == names
    for a in names:
        for b in names:
            assert found.loc[a, b] == pytest.approx(1 - cosine(means[a], means[b]), abs=1e-6)
    assert np.diag(found).tolist() == [0] * len(names)


def test_rank_of_a_tag_among_the_neighbours_of_another():
    names = ["indoor", "landmark", "outdoor", "person"]
    table = [[0, 0.4, 0.3, 0.9], [0.4, 0, 0.1, 0.4], [0.3, 0.1, 0, 0.8], [0.9, 0.4, 0.8, 0]]
    distances = pd.DataFrame(table, index=names, columns=names)
    assert centroid_rank(distances, "landmark", "outdoor") == 1
    assert (
        centroid_rank(distances, "landmark", "indoor") == centroid_rank(distances, "landmark", "person") == 2
    )
    assert centroid_rank(distances, "person", "indoor") == 3
    for tag, neighbour, said in [("map", "outdoor", "no centroid of map"), ("person", "person", "own neigh")]:
        with pytest.raises(EvaluationError, match=said):
            centroid_rank(distances, tag, neighbour)


def test_what_does_not_fit_is_refused():
    embeddings, tags, groups = example(n=6)
    zero, gap = embeddings.copy(), embeddings.copy()
    zero[1], gap[2, 0] = 0, np.nan
    apart, same = ["a", "b", "c", "d", "e", "f"], ["g"] * 6
    for call, said in [
        (lambda: neighbour_purity(embeddings, tags, groups, 0), "k is 0"),
        (lambda: neighbour_purity(embeddings, tags, apart, 6), "only 5 items in other groups, of 6"),
        (lambda: neighbour_purity(zero, tags, apart, 2), "1 row of length zero"),
        (lambda: neighbour_purity(gap, tags, apart, 2), "1 row NaN or infinite"),
        (lambda: neighbour_purity(embeddings[:5], tags, apart, 2), r"shape \(5, 3\)"),
        (lambda: neighbour_average_precision(embeddings, tags, same), "only 0 items in other groups"),
        (lambda: neighbour_average_precision(embeddings, tags, apart[:4]), "6 tags and 4 groups"),
        (lambda: neighbour_average_precision(embeddings[:0], [], []), "only 0 items"),
        (lambda: silhouettes(embeddings, same), "1 tags for 6 items"),
        (lambda: silhouettes(embeddings, apart), "6 tags for 6 items"),
        (lambda: silhouettes(zero, tags), "1 embeddings of length zero"),
        (lambda: cluster_embeddings(embeddings, 0, 1), "0 clusters of 6 items"),
        (lambda: cluster_embeddings(embeddings, 7, 1), "7 clusters of 6 items"),
        (lambda: cluster_embeddings(gap, 2, 1), "1 value"),
        (lambda: adjusted_mutual_information(np.array([1]), tags), r"shape \(1,\)"),
        (lambda: adjusted_mutual_information(np.array([]), []), "empty"),
        (lambda: centroid_distances(embeddings[:, 0], tags), r"shape \(6,\)"),
        (lambda: centroid_distances(np.array([[1.0, 0], [-1, 0]]), ["a", "a"]), "of a cancel each other"),
    ]:
        with pytest.raises(EvaluationError, match=said):
            call()
