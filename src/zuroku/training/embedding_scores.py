"""How well an embedder finds, as its card tells. Protocols of published collections are in ``evaluation``."""

from typing import Any

import numpy as np
import numpy.typing as npt

from zuroku.evaluation.neighbours import nearest_classes
from zuroku.models.embedding.findings import has_directions, spread_of


def retrieval_scores(
    vectors: npt.NDArray[np.float32], rows: list[Any], classes: str, by: str, trained: set[str]
) -> dict[str, float]:
    """Return what the card tells of the unit vectors ``(n, d)`` of the val groups.

    ``classes`` and ``by`` name the manifest columns of the label to find, and of what was split.

    ``recall_at_1`` is the share of images whose nearest other image has the same label, of those that have
    such a one; ``recall_at_1_other_groups`` the same without the image's own group, where labels span
    several. ``share_of_unseen_labels`` is 1 where the protocol is class-disjoint. Images of several classes
    have no one label to find, so of them only the spread is told; of vectors without a spread, none is.
    """
    labels = [str(getattr(row, classes)) for row in rows]
    groups = [str(getattr(row, by)) for row in rows]
    scores = spread_of(vectors).numbers
    if not any(labels):
        return scores
    scores["share_of_unseen_labels"] = float(np.mean([label not in trained for label in labels]))
    scores |= _recall("recall_at_1", vectors, labels, list(range(len(rows))))
    return scores | _recall("recall_at_1_other_groups", vectors, labels, groups)


def _recall(
    name: str, vectors: npt.NDArray[np.float32], labels: list[str], left_out_with: list[Any]
) -> dict[str, float]:
    places: dict[str, set[Any]] = {}
    for label, place in zip(labels, left_out_with, strict=True):
        places.setdefault(label, set()).add(place)
    answerable = np.array([len(places[label]) > 1 for label in labels])
    if not answerable.any() or not has_directions(vectors):
        return {}
    found = nearest_classes(vectors, labels, left_out_with) == np.asarray(labels, dtype=object)
    return {name: float(found[answerable].mean())}
