import numpy as np
import pytest

from zuroku.errors import EvaluationError
from zuroku.evaluation import ranking
from zuroku.evaluation.ranking import cosine_blocks, rank_faults, rank_gallery


def ranked_by_loop(queries, gallery):
    """Sort by cosine in steps of 2**-24, then by index."""
    columns = []
    for query in queries.astype(float):
        cosines = []
        for image in gallery.astype(float):
            cosine = sum(q * g for q, g in zip(query, image, strict=True))
            cosines.append(round(2**24 * cosine / np.sqrt(sum(query**2) * sum(image**2))))
        columns.append(sorted(range(len(gallery)), key=lambda i: (-cosines[i], i)))
    return np.array(columns).T


def random_vectors(seed, n, width=4):
    """Vectors of small integers: many cosines are equal."""
    vectors = np.random.default_rng(seed).integers(-1, 3, (n, width)).astype(np.float32)
    vectors[(vectors == 0).all(axis=1)] = 1
    return vectors


@pytest.mark.parametrize(("block_cosines", "block_rows"), [(1 << 24, 1024), (1, 1), (100, 7)])
@pytest.mark.parametrize("k", [None, 1, 5, 30])
def test_ranks_equal_a_loop_with_ties(monkeypatch, block_cosines, block_rows, k):
    monkeypatch.setattr(ranking, "_BLOCK_COSINES", block_cosines)
    monkeypatch.setattr(ranking, "_BLOCK_ROWS", block_rows)
    queries, gallery = random_vectors(1, 9), random_vectors(2, 30)
    ranks = rank_gallery(queries, gallery, k)
    assert np.issubdtype(ranks.dtype, np.integer)
    assert ranks.tolist() == ranked_by_loop(queries, gallery)[:k].tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_equal_embeddings_tie_wherever_they_stand_whatever_their_length(monkeypatch, dtype):
    monkeypatch.setattr(ranking, "_BLOCK_ROWS", 13)
    rng = np.random.default_rng(3)
    gallery = np.tile(rng.normal(size=(1, 33)), (101, 1)) * 2.0 ** rng.integers(-3, 4, (101, 1))
    queries = rng.normal(size=(6, 33))
    for k in (None, 10):
        ranks = rank_gallery(queries.astype(dtype), gallery.astype(dtype), k)
        assert ranks.tolist() == np.tile(np.arange(k or 101)[:, None], 6).tolist()


def test_blocks_cover_all_queries_once(monkeypatch):
    monkeypatch.setattr(ranking, "_BLOCK_COSINES", 65)
    queries, gallery = random_vectors(4, 10), random_vectors(5, 30)
    blocks = list(cosine_blocks(queries, gallery))
    assert [(start, block.shape) for start, block in blocks] == [(i, (2, 30)) for i in range(0, 10, 2)]
    unit = [array / np.linalg.norm(array, axis=1, keepdims=True) for array in (queries, gallery)]
    assert np.concatenate([block for _, block in blocks]) == pytest.approx(unit[0] @ unit[1].T, abs=1e-6)


def broken(value):
    vectors = random_vectors(6, 8)
    vectors[3] = value
    return vectors


GOOD = random_vectors(7, 8)


@pytest.mark.parametrize(
    ("queries", "gallery", "k", "said"),
    [
        (broken(np.nan), GOOD, None, "queries have 1 row NaN or infinite (3)"),
        (GOOD, broken(np.inf), None, "gallery have 1 row NaN or infinite (3)"),
        (GOOD, broken(0), None, "gallery have 1 row of length zero (3)"),
        (GOOD, GOOD[:, :3], None, "queries are 4 wide and the gallery 3"),
        (GOOD[0], GOOD, None, "queries has shape (4,)"),
        (GOOD, GOOD[:0], None, "gallery is empty"),
        (GOOD[:0], GOOD, None, "queries is empty"),
        (GOOD[:, :0], GOOD[:, :0], None, "queries is empty"),
        (GOOD, GOOD.astype(int), None, "gallery hold int64"),
        (GOOD.astype(str), GOOD, None, "queries hold <U"),
        (GOOD, GOOD, 0, "k is 0 for a gallery of 8"),
        (GOOD, GOOD, 9, "k is 9 for a gallery of 8"),
    ],
)
def test_bad_embeddings_are_refused(queries, gallery, k, said):
    with pytest.raises(EvaluationError) as caught:
        rank_gallery(queries, gallery, k)
    assert said in caught.value.found


def test_all_faults_are_said_at_once():
    with pytest.raises(EvaluationError) as caught:
        rank_gallery(broken(np.nan), broken(0)[:, :3], 0)
    for said in ("k is 0 for a gallery of 8", "4 wide and the gallery 3", "NaN", "length zero"):
        assert said in caught.value.found


def test_faults_of_ranks():
    good = np.array([[0, 3], [1, 0], [2, 1]])
    assert rank_faults(good, 4, 2) == []
    assert rank_faults(good.astype(np.uint8), 4, 2) == []
    for bad, said in [
        (good.astype(float), "hold float64"),
        (good > 1, "hold bool"),
        (good.T, "shape (2, 3)"),
        (good[:, 0], "shape (3,)"),
        (good[:0], "shape (0, 2)"),
        (np.array([[0, 0], [1, 4], [2, 1]]), "outside 0 to 3 in 1 column (1)"),
        (np.array([[0, 0], [-1, 2], [2, 1]]), "outside 0 to 3 in 1 column (0)"),
        (np.array([[0, 3], [1, 0], [1, 3]]), "come twice in 2 columns (0, 1)"),
    ]:
        (fault,) = rank_faults(bad, 4, 2)
        assert said in fault
    assert "shape (3, 2)" in rank_faults(good, 2, 2)[0]


def test_gaps_and_repeats_pass_where_the_protocol_has_them():
    ranks = np.array([[0, -1], [0, -1]])
    assert rank_faults(ranks, 4, 2, gaps=True) == []
    assert rank_faults(ranks, 1, 2, gaps=True) == []
    assert "shape (0, 2)" in rank_faults(ranks[:0], 4, 2, gaps=True)[0]
    assert "outside" in rank_faults(ranks - 1, 4, 2, gaps=True)[0]
