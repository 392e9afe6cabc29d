"""What an embedder's card tells of the val groups."""

from types import SimpleNamespace

import numpy as np

from zuroku.training.embedding_scores import retrieval_scores


def test_images_of_several_classes_have_no_one_label_to_find() -> None:
    rows = [SimpleNamespace(label="", group=str(number)) for number in range(4)]
    scores = retrieval_scores(np.eye(4, dtype=np.float32), rows, "label", "group", {"a"})
    assert set(scores) == {"mean_cosine", "effective_rank"}


def test_vectors_without_a_spread_tell_nothing_that_a_card_cannot_hold() -> None:
    rows = [SimpleNamespace(label=label, group=str(number)) for number, label in enumerate("aabb")]
    vectors = np.eye(4, dtype=np.float32)
    vectors[2] = 0
    assert retrieval_scores(vectors, rows, "label", "group", {"a"}) == {"share_of_unseen_labels": 0.5}
