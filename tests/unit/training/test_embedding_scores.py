"""What an embedder's card tells of the val groups."""

from types import SimpleNamespace

import numpy as np

from zuroku.training.embedding_scores import retrieval_scores


def test_images_of_several_classes_have_no_one_label_to_find() -> None:
    rows = [SimpleNamespace(label="", group=str(number)) for number in range(4)]
    scores = retrieval_scores(np.eye(4, dtype=np.float32), rows, "label", "group", {"a"})
    assert set(scores) == {"mean_cosine", "effective_rank"}
