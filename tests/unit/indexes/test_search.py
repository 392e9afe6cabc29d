"""Searching an index: against a full sort, by tag and without books; and the queries it refuses."""

import numpy as np
import pytest

from tests.unit.indexes.figure_entries import (
    BOTH_ENCODERS,
    DATA,
    DIMENSION,
    ENCODER,
    ENCODERS,
    LANDMARK_ENCODER,
    ROUTES,
    entries,
    entry,
    small_index,
    spoil,
    unit_vectors,
)
from zuroku.errors import BundleError, ConfigError, EvaluationError
from zuroku.indexes import space as space_module
from zuroku.indexes.build import build_index
from zuroku.indexes.bundle import IndexSettings
from zuroku.indexes.search import FigureIndex, load_index

SHA256 = ENCODER.sha256
VECTORS = "spaces/general/vectors.npy"


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return small_index(tmp_path_factory.mktemp("index") / "index", 50)


def sorted_ids(index, query, wanted) -> list[str]:
    """Ids of the figures that ``wanted`` accepts, by falling inner product."""
    figures = index.payload(range(len(index)))
    vectors = index.spaces["general"].vectors
    products = [(-float(np.dot(query, vectors[row])), row) for row in range(len(index))]
    return [figures[row].figure_id for _, row in sorted(products) if wanted(figures[row])]


@pytest.mark.parametrize("tag", [None, "graphic_map", "stamp", "picture_landmark"])
@pytest.mark.parametrize("pids", [(), ("1001",), {"1000", "1003", "unknown"}])
def test_results_are_those_of_a_full_sort_of_what_the_filters_leave(index, tag, pids):
    queries = unit_vectors(5, seed=9)
    nearest = index.search(queries, 6, SHA256, tag=tag, exclude_pids=pids)
    for query, rows in zip(queries, nearest.rows, strict=True):
        expected = sorted_ids(index, query, lambda f: tag in (None, f.primary_tag) and f.pid not in pids)
        assert [figure.figure_id for figure in index.payload(rows)] == expected[:6]


def test_a_figure_is_its_own_nearest_with_a_cosine_of_one(index):
    nearest = index.search(index.spaces["general"].vectors, 1, SHA256)
    assert nearest.rows[:, 0].tolist() == list(range(50))
    np.testing.assert_allclose(nearest.scores, 1, atol=1e-6)


@pytest.mark.parametrize("k", [60, 10**10])
def test_no_more_neighbours_than_figures_are_given(index, k):
    nearest = index.search(unit_vectors(2), k, SHA256)
    assert nearest.rows.shape == nearest.scores.shape == (2, 50)
    assert sorted(nearest.rows[0]) == list(range(50))
    assert not np.isnan(nearest.scores).any()


def test_where_books_leave_fewer_figures_the_rest_is_padded(index):
    nearest = index.search(unit_vectors(2), 60, SHA256, exclude_pids=["1001"])
    left = [row for row in range(50) if index.payload([row])[0].pid != "1001"]
    assert 0 < len(left) < 50
    assert nearest.rows.shape == (2, 50)
    assert sorted(nearest.rows[0, : len(left)]) == left
    assert (nearest.rows[:, len(left) :] == -1).all()
    assert np.isnan(nearest.scores[:, len(left) :]).all()


def test_of_a_tag_no_more_neighbours_are_given_than_it_has_figures(index):
    start, stop = index.manifest.spaces["general"].slices["stamp"]
    nearest = index.search(unit_vectors(1), 60, SHA256, tag="stamp")
    assert sorted(nearest.rows[0]) == list(range(start, stop))


def test_all_books_excluded_leave_nothing(index):
    nearest = index.search(unit_vectors(1), 3, SHA256, exclude_pids=["1000", "1001", "1002", "1003"])
    assert nearest.rows.tolist() == [[-1, -1, -1]]


def test_no_queries_give_no_results(index):
    assert index.search(unit_vectors(1)[:0], 3, SHA256).rows.shape == (0, 3)


def test_a_query_of_another_encoder_is_refused_by_both_names(index):
    with pytest.raises(BundleError, match=f"(?s)encoder {'ef' * 32}.*drawn {SHA256}"):
        index.search(unit_vectors(1), 3, "ef" * 32)


@pytest.mark.parametrize(
    ("queries", "fault"),
    [
        (np.full((2, DIMENSION), np.nan, dtype=np.float32), "2 queries that are not finite"),
        (np.vstack([unit_vectors(1), np.full((1, DIMENSION), np.inf)]), "the first in row 1"),
        (3 * unit_vectors(2), "row 0 that is not of unit length"),
        (np.zeros((1, DIMENSION)), "not of unit length"),
        (unit_vectors(1)[0], r"shape \(24,\)"),
        (unit_vectors(2)[:, 1:], r"shape \(2, 23\)"),
    ],
)
def test_bad_queries_are_refused(index, queries, fault):
    with pytest.raises(EvaluationError, match=fault):
        index.search(queries, 3, SHA256)


@pytest.mark.parametrize("k", [0, -1])
def test_no_neighbours_are_refused(index, k):
    with pytest.raises(EvaluationError, match=f"k = {k}"):
        index.search(unit_vectors(1), k, SHA256)


def test_an_unknown_tag_is_refused_with_the_known_ones(index):
    with pytest.raises(EvaluationError, match=r"(?s)'pictur'.*graphic_map, picture_landmark, stamp"):
        index.search(unit_vectors(1), 3, SHA256, tag="pictur")


@pytest.mark.parametrize("row", [-1, 50])
def test_rows_outside_are_refused(index, row):
    with pytest.raises(EvaluationError, match=f"row {row} of an index of 50"):
        index.payload([3, row])
    with pytest.raises(EvaluationError, match=f"row {row}"):
        index.thumbnail(row)


def test_no_rows_have_no_payload(index):
    assert index.payload([]) == []


def test_an_index_without_its_encoder_says_so(index):
    with pytest.raises(BundleError, match=r"(?s)holds no encoder.*drawn"):
        _ = index.spaces["general"].encoder_folder


@pytest.fixture(scope="module")
def routed(tmp_path_factory) -> FigureIndex:
    """An index of two spaces: 34 general figures, then 16 landmarks."""
    return small_index(tmp_path_factory.mktemp("routed") / "index", 50, BOTH_ENCODERS)


def untold() -> str:
    return pytest.fail("the query was tagged")


def test_each_space_is_searched_with_its_own_encoder_only(routed):
    queries = unit_vectors(4, seed=9)
    for space, encoder in (("general", ENCODER), ("landmark", LANDMARK_ENCODER)):
        start, stop = routed.manifest.spaces[space].rows
        nearest = routed.search(queries, 20, encoder.sha256, space)
        expected = np.argsort(-(queries @ routed.spaces[space].vectors.T), axis=1)[:, :20] + start
        assert (nearest.rows[:, : stop - start] == expected).all()
        assert (nearest.rows[:, stop - start :] == -1).all()
    with pytest.raises(BundleError, match=f"(?s){SHA256}.*the space landmark: landmarks"):
        routed.search(queries, 3, SHA256, "landmark")
    with pytest.raises(BundleError, match=f"(?s)encoder {LANDMARK_ENCODER.sha256}.*the space general: drawn"):
        routed.search(queries, 3, LANDMARK_ENCODER.sha256, tag="stamp")


def test_a_tag_names_its_space_and_books_are_left_out_there(routed):
    nearest = routed.search(
        unit_vectors(2, seed=9), 16, LANDMARK_ENCODER.sha256, tag="picture_landmark", exclude_pids=["1000"]
    )
    rows = nearest.rows[0][nearest.rows[0] >= 0]
    figures = routed.payload(rows)
    assert {figure.primary_tag for figure in figures} == {"picture_landmark"}
    assert len(figures) == sum(figure.pid != "1000" for figure in routed.payload(range(34, 50)))
    assert "1000" not in {figure.pid for figure in figures}


@pytest.mark.parametrize(
    ("space", "tag", "fault"),
    [
        (None, None, "(?s)no space is named.*general, landmark"),
        ("museum", None, "(?s)no space 'museum'.*general, landmark"),
        (None, "map", "(?s)primary tag 'map'.*graphic_map, stamp, picture_landmark"),
        ("general", "picture_landmark", "in the space general has the primary tag 'picture_landmark'"),
    ],
)
def test_what_leads_to_no_space_is_refused_with_what_there_is(routed, space, tag, fault):
    with pytest.raises(EvaluationError, match=fault):
        routed.search(unit_vectors(1), 3, SHA256, space, tag)


@pytest.mark.parametrize(
    ("space", "tag", "chosen", "reason"),
    [
        ("landmark", None, "landmark", "as asked for"),
        ("general", "stamp", "general", "as asked for"),
        (None, "picture_landmark", "landmark", "where figures tagged picture_landmark lie"),
    ],
)
def test_a_space_or_a_tag_decides_without_a_look_at_the_query(routed, space, tag, chosen, reason):
    route = routed.route(untold, space, tag)
    assert (route.space, route.reason) == (chosen, reason)


def test_the_only_space_needs_no_tag(index):
    assert index.route(untold).reason == "the only one"


@pytest.mark.parametrize(
    ("tag", "chosen", "reason"),
    [
        ("picture_landmark", "landmark", "where picture_landmark belongs"),
        ("stamp", "general", "the default for stamp"),
        ("picture_object", "general", "the default, because museum, where picture_object belongs, is empty"),
    ],
)
def test_else_the_tag_of_the_query_decides(routed, tag, chosen, reason):
    route = routed.route(lambda: tag)
    assert route.space == chosen
    assert route.reason == f"the query is tagged {tag}: {reason}"


def test_a_tag_whose_space_and_whose_default_hold_nothing_is_said(tmp_path):
    figures = [
        entry(n, vector, primary_tag=("picture_landmark", "picture_object")[n % 2])
        for n, vector in enumerate(unit_vectors(6))
    ]
    encoders = BOTH_ENCODERS | {"museum": ENCODERS["general"]}
    build_index(figures, IndexSettings(name="figures"), encoders, ROUTES, tmp_path / "index", DATA)
    index = load_index(tmp_path / "index")
    assert sorted(index.spaces) == ["landmark", "museum"]
    with pytest.raises(ConfigError, match=r"(?s)no space for stamp.*landmark, museum"):
        index.route(lambda: "stamp")


@pytest.fixture(scope="module")
def coded(tmp_path_factory) -> FigureIndex:
    """An index of two spaces with codes."""
    folder = tmp_path_factory.mktemp("coded") / "index"
    settings = IndexSettings(name="figures", approximate_from=1024)
    build_index(entries(3300), settings, BOTH_ENCODERS, ROUTES, folder, DATA)
    return load_index(folder)


def test_a_whole_space_is_searched_by_candidates_and_a_tag_exactly(coded, monkeypatch):
    asked = []
    real = space_module.approximate_rows
    monkeypatch.setattr(
        space_module, "approximate_rows", lambda *arguments: asked.append(1) or real(*arguments)
    )
    queries = unit_vectors(8, seed=9)
    exact = coded.search(queries, 10, LANDMARK_ENCODER.sha256, "landmark", exact=True)
    by_tag = coded.search(queries, 10, LANDMARK_ENCODER.sha256, tag="picture_landmark")
    assert not asked
    assert (exact.rows == by_tag.rows).all()
    nearest = coded.search(queries, 10, LANDMARK_ENCODER.sha256, "landmark")
    assert asked
    shared = [len(set(ours) & set(theirs)) for ours, theirs in zip(nearest.rows, exact.rows, strict=True)]
    assert sum(shared) >= 0.98 * exact.rows.size
    assert nearest.rows.min() >= coded.manifest.spaces["landmark"].rows[0]


SLICES = (("stamp", SHA256), ("graphic_map", SHA256), ("picture_landmark", LANDMARK_ENCODER.sha256))


@pytest.mark.parametrize(("most_rows", "n_halved"), [(10_000, 3), (1500, 2), (1000, 0)])
def test_a_query_by_tag_finds_alone_what_it_finds_among_others(coded, monkeypatch, most_rows, n_halved):
    """Slices are copied in half precision once each, as long as there is room in their space."""
    sizes = []
    real = space_module.halves
    monkeypatch.setattr(space_module, "HALVED_ROWS", range(1000, 2000))
    monkeypatch.setattr(space_module, "_MOST_HALVED_ROWS", most_rows)
    monkeypatch.setattr(space_module, "halves", lambda vectors: sizes.append(len(vectors)) or real(vectors))
    index = load_index(coded.path)
    queries = unit_vectors(8, seed=9)
    for tag, sha256 in SLICES:
        for pids in ((), ("1001",)):
            together = index.search(queries, 10, sha256, tag=tag, exclude_pids=pids)
            alone = [index.search(query[None], 10, sha256, tag=tag, exclude_pids=pids) for query in queries]
            assert np.concatenate([one.rows for one in alone]).tolist() == together.rows.tolist()
            scores = np.concatenate([one.scores for one in alone])
            np.testing.assert_allclose(scores, together.scores, atol=1e-6)
    assert sizes == [1100] * n_halved


def test_an_exact_search_reads_the_vectors_themselves(coded, monkeypatch):
    monkeypatch.setattr(space_module, "HALVED_ROWS", range(1000, 2000))
    monkeypatch.setattr(space_module, "nearest_rows_by_halves", lambda *arguments: pytest.fail("by halves"))
    assert (coded.search(unit_vectors(1), 10, SHA256, tag="stamp", exact=True).rows >= 0).all()


def test_books_are_left_out_of_candidates_too(coded):
    queries = unit_vectors(4, seed=9)
    nearest = coded.search(queries, 10, SHA256, "general", exclude_pids=["1001", "1002"])
    assert (nearest.rows >= 0).all()
    assert {figure.pid for figure in coded.payload(nearest.rows.ravel())} == {"1000", "1003"}


def test_codes_of_other_vectors_are_refused(coded, tmp_path):
    folder = small_index(tmp_path / "index", 50).path
    (folder / "spaces/general/codes.faiss").write_bytes(
        (coded.path / "spaces/general/codes.faiss").read_bytes()
    )
    spoil(folder, general_approximate=True)
    with pytest.raises(BundleError, match=r"codes\.faiss holds 2200 × 24"):
        load_index(folder)
