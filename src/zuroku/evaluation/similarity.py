"""How well an embedding space keeps tags together, in numbers: cosine space of any width, no projection.

For figures with tags (classes) and groups (books). Neighbours are only sought in other groups, because
figures of one book resemble each other whatever they show. What has a value per item returns it ``(n,)``, for
``bootstrap.bootstrap_items``; the rest are plain functions of the items given, which a bootstrap may call on
the items drawn. Published retrieval protocols live in ``retrieval``.
"""

from collections.abc import Hashable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zuroku.errors import EvaluationError
from zuroku.evaluation.checks import Array, empty_faults, finite_faults, raise_if_any, shape_faults
from zuroku.evaluation.ranking import cosine_blocks

_RESTARTS = 10


def neighbour_purity(
    embeddings: Array, tags: Sequence[str], groups: Sequence[Hashable], k: int
) -> NDArray[np.float64]:
    """Return for each item the share of its tag among its ``k`` nearest items of other groups, ``(n,)``.

    An item whose tag no other group has is NaN: its share could only be 0. Of equally near items the first
    is taken.

    Raises:
        EvaluationError: arrays do not fit, an embedding is zero or not finite, ``k`` is below 1, or some
            item has fewer than ``k`` items in other groups.
    """
    return _by_neighbours(embeddings, tags, groups, k)


def neighbour_average_precision(
    embeddings: Array, tags: Sequence[str], groups: Sequence[Hashable]
) -> NDArray[np.float64]:
    """Return for each item the average precision of finding its tag in all other groups, ``(n,)``.

    AP is the mean of the precisions at each item of the tag (no trapezoids, no interpolation). An item whose
    tag no other group has is NaN. Of equally near items the first comes first.

    Raises:
        EvaluationError: arrays do not fit, an embedding is zero or not finite, or all items share a group.
    """
    return _by_neighbours(embeddings, tags, groups, None)


def silhouettes(embeddings: Array, tags: Sequence[str]) -> NDArray[np.float64]:
    """Return the silhouette of each item in cosine distance, ``(n,)`` in [−1, 1] (Rousseeuw 1987).

    The only item of a tag has 0. The mean is the silhouette score.

    Raises:
        EvaluationError: arrays do not fit, an embedding is zero or not finite, there are fewer than two tags,
            or every item has a tag of its own.
    """
    from sklearn.metrics import silhouette_samples

    unit = _unit(embeddings, tags)
    n_tags = len(set(tags))
    if not 2 <= n_tags < len(tags):
        raise EvaluationError(
            f"{n_tags} tags for {len(tags)} items",
            expected="at least two tags, and fewer tags than items",
            remedy="evaluate on items of several tags",
        )
    values: NDArray[np.float64] = silhouette_samples(unit, np.asarray(tags), metric="cosine")
    return values


def cluster_embeddings(embeddings: Array, n_clusters: int, seed: int) -> NDArray[np.int64]:
    """Return the cluster ``(n,)`` of each item by k-means on unit embeddings, the best of ten starts.

    Raises:
        EvaluationError: an embedding is zero or not finite, or ``n_clusters`` is not between 1 and n.
    """
    from sklearn.cluster import KMeans

    unit = _unit(embeddings)
    if not 1 <= n_clusters <= len(unit):
        raise EvaluationError(
            f"{n_clusters} clusters of {len(unit)} items",
            expected="at least one cluster, and no more than items",
            remedy="take as many clusters as there are tags",
        )
    means = KMeans(n_clusters, n_init=_RESTARTS, random_state=seed)
    return np.asarray(means.fit_predict(unit), dtype=np.int64)


def adjusted_mutual_information(clusters: Array, tags: Sequence[str]) -> float:
    """Return the AMI of clusters ``(n,)`` with tags ``(n,)``: 1 if they agree, about 0 by chance.

    Vinh, Epps and Bailey 2010, normalised by the arithmetic mean of the entropies.

    Raises:
        EvaluationError: there is no item, or lengths differ.
    """
    from sklearn.metrics import adjusted_mutual_info_score

    clusters = np.asarray(clusters)
    raise_if_any(
        shape_faults((len(tags),), clusters=clusters) + empty_faults(clusters=clusters),
        expected="one cluster and one tag per item",
        remedy="pass what cluster_embeddings returned, and the tags in the same order",
    )
    return float(adjusted_mutual_info_score(list(tags), clusters))


def centroid_distances(embeddings: Array, tags: Sequence[str]) -> pd.DataFrame:
    """Return the cosine distances in [0, 2] between the centroids of tags, tag by tag in sorted order.

    The centroid of a tag is the mean of its embeddings at unit length.

    Raises:
        EvaluationError: arrays do not fit, an embedding is zero or not finite, or the embeddings of a tag
            cancel each other out.
    """
    unit = _unit(embeddings, tags)
    names, column = np.unique(np.asarray(tags), return_inverse=True)
    centroids = np.zeros((len(names), unit.shape[1]))
    np.add.at(centroids, column, unit)
    lengths = np.linalg.norm(centroids, axis=1, keepdims=True)
    # A mean this short is what rounding leaves of nothing, and points anywhere.
    cancelled = [str(name) for name, sizeless in zip(names, lengths[:, 0] < 1e-9, strict=True) if sizeless]
    raise_if_any(
        [f"the embeddings of {', '.join(cancelled)} cancel each other out"] if cancelled else [],
        expected="tags whose embeddings point somewhere",
        remedy="check the embeddings: a trained space does not spread a tag evenly around the origin",
    )
    centroids /= lengths
    distances = np.clip(1 - centroids @ centroids.T, 0, 2)
    np.fill_diagonal(distances, 0)
    return pd.DataFrame(distances, index=names, columns=names)


def centroid_rank(distances: pd.DataFrame, tag: str, neighbour: str) -> int:
    """Return the place of ``neighbour`` among the other tags by distance from ``tag``: 1 is the nearest.

    Equally near tags share the better place.

    Raises:
        EvaluationError: a tag is not in ``distances``, or both are the same.
    """
    unknown = [name for name in dict.fromkeys((tag, neighbour)) if name not in distances.index]
    faults = [f"no centroid of {', '.join(unknown)}"] if unknown else []
    faults += [f"the place of {tag} among its own neighbours"] if tag == neighbour else []
    raise_if_any(
        faults,
        expected=f"two of the tags {', '.join(map(str, distances.index))}",
        remedy="name tags that the evaluated items have",
    )
    others = distances.drop(columns=tag).loc[tag].to_numpy()
    return int((others < distances.loc[tag, neighbour]).sum()) + 1


def _by_neighbours(
    embeddings: Array, tags: Sequence[str], groups: Sequence[Hashable], k: int | None
) -> NDArray[np.float64]:
    """Return the purity of the first ``k``, or without ``k`` the average precision, of each item."""
    embeddings = np.asarray(embeddings)
    group, tag = _codes(groups), _codes(tags)
    faults = shape_faults((len(tags), None), embeddings=embeddings)
    if len(groups) != len(tags):
        faults.append(f"{len(tags)} tags and {len(groups)} groups")
    others = len(group) - np.bincount(group, minlength=1).max()
    if k is not None and k < 1:
        faults.append(f"k is {k}")
    elif others < (k or 1):
        faults.append(f"an item with only {others} items in other groups, of {k or 1} asked for")
    raise_if_any(
        faults,
        expected="embeddings (n, d), n tags, n groups, and k other items from other groups for each",
        remedy="pass columns of the same manifest and the embeddings in its order, or lower k",
    )
    values = np.full(len(tag), np.nan)
    for start, cosines in cosine_blocks(embeddings, embeddings):
        for item, of_item in enumerate(cosines, start):
            outside = np.flatnonzero(group != group[item])
            same = (tag == tag[item])[outside[np.argsort(-of_item[outside], kind="stable")]]
            if same.any():
                precision = np.cumsum(same) / (np.arange(len(same)) + 1)
                values[item] = precision[same].mean() if k is None else precision[k - 1]
    return values


def _unit(embeddings: Array, tags: Sequence[str] | None = None) -> NDArray[np.float64]:
    embeddings = np.asarray(embeddings, dtype=np.float64)
    faults = shape_faults((None if tags is None else len(tags), None), embeddings=embeddings)
    faults += empty_faults(embeddings=embeddings) + finite_faults(embeddings=embeddings)
    lengths = np.linalg.norm(np.atleast_1d(embeddings), axis=-1, keepdims=True)
    if (lengths == 0).any():
        faults.append(f"{int((lengths == 0).sum())} embeddings of length zero")
    raise_if_any(
        faults,
        expected="embeddings (n, d), finite and not zero, with n tags",
        remedy="pass columns of the same manifest and the embeddings in its order",
    )
    unit: NDArray[np.float64] = embeddings / lengths
    return unit


def _codes(values: Sequence[Hashable]) -> NDArray[np.intp]:
    index = {value: code for code, value in enumerate(dict.fromkeys(values))}
    return np.array([index[value] for value in values], dtype=np.intp)
