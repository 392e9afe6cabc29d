"""Photographs through a geolocator: which of them, in which order, and the nearest of them."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from tests.unit.models.geolocation.bundles import CLASSES
from tests.unit.reports.photographed_places import photographs, table, units, world
from zuroku.artifacts import Artifact
from zuroku.datasets.manifest import Dataset
from zuroku.errors import ImageError, IntegrityError
from zuroku.models.geolocation.predictor import Geolocation
from zuroku.models.geolocation.views import picture_views
from zuroku.reports import place_vectors
from zuroku.reports.place_vectors import locate_photographs, nearest_photographs, raw_features


class Digests:
    """Stands for a predictor: vector and classes follow from the bytes of a picture."""

    classes = CLASSES
    dimension = 4
    sha256 = "d" * 64

    def __init__(self) -> None:
        self.asked = 0

    def stream(self, reads: Iterable[Callable[[], bytes]]) -> Iterator[Geolocation | ImageError]:
        return (self.answer(read()) for read in reads)

    def answer(self, data: bytes) -> Geolocation | ImageError:
        self.asked += 1
        numbers = np.frombuffer(hashlib.sha256(data).digest(), dtype=np.uint8).astype(np.float32)
        vector = numbers[: self.dimension] / np.linalg.norm(numbers[: self.dimension])
        return Geolocation(vector, {task: numbers[: len(names)] for task, names in CLASSES.items()})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Artifact, Artifact]:
    return world(tmp_path_factory.mktemp("world"))


def frames(made: tuple[Dataset, Artifact, Artifact]) -> tuple[pd.DataFrame, pd.DataFrame]:
    _, labels, splits = made
    return pd.read_parquet(labels.path / "labels.parquet"), pd.read_parquet(splits.path / "splits.parquet")


def test_every_photograph_has_the_vector_and_classes_of_its_own_picture(
    made: tuple[Dataset, Artifact, Artifact], tmp_path: Path
) -> None:
    dataset, (labels, splits) = made[0], frames(made)
    located = locate_photographs(dataset, labels, splits, Digests(), tmp_path)
    pictures = {row.item_id: dataset.read(row) for row in dataset.rows()}
    for place, item_id in enumerate(located.table["item_id"]):
        expected = Digests().answer(pictures[item_id])
        np.testing.assert_array_equal(located.vectors[place], expected.vector)
        for task, names in CLASSES.items():
            best = names[int(expected.probabilities[task].argmax())] if names else ""
            assert located.heads[task][place] == best
    assert len(set(located.heads["municipality"])) > 1


def test_groups_of_no_split_take_part_in_nothing(
    made: tuple[Dataset, Artifact, Artifact], tmp_path: Path
) -> None:
    labels, splits = frames(made)
    located = locate_photographs(made[0], labels, splits[splits["group"] != "g131010"], Digests(), tmp_path)
    rows = table()
    kept = rows[(rows["split"] != "none") & (rows["group"] != "g131010")]
    assert located.table["item_id"].tolist() == kept["item_id"].tolist()
    assert located.table["split"].tolist() == kept["split"].tolist()


def test_a_part_holds_the_photographs_of_its_splits(
    made: tuple[Dataset, Artifact, Artifact], tmp_path: Path
) -> None:
    located = locate_photographs(made[0], *frames(made), Digests(), tmp_path)
    part = located.part(["train", "val"])
    rows = located.table["split"].isin(["train", "val"]).to_numpy()
    assert (len(part.table), rows.sum()) == (24, 24)
    np.testing.assert_array_equal(part.vectors, located.vectors[rows])
    np.testing.assert_array_equal(part.coordinates, located.table.loc[rows, ["latitude", "longitude"]])
    np.testing.assert_array_equal(part.heads["prefecture"], located.heads["prefecture"][rows])
    assert len(located.part(["nothing"]).vectors) == 0


def test_labels_in_another_order_are_refused(
    made: tuple[Dataset, Artifact, Artifact], tmp_path: Path
) -> None:
    labels, splits = frames(made)
    for other in (labels.iloc[::-1], labels.iloc[1:]):
        with pytest.raises(IntegrityError, match="that are not the 40"):
            locate_photographs(made[0], other, splits, Digests(), tmp_path)


def test_a_picture_that_cannot_be_read_is_raised(
    made: tuple[Dataset, Artifact, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = ImageError("a broken picture", expected="one that decodes", remedy="none")
    monkeypatch.setattr(Digests, "answer", lambda self, data: error)
    with pytest.raises(ImageError, match="a broken picture"):
        locate_photographs(made[0], *frames(made), Digests(), tmp_path)


def test_what_a_stopped_run_computed_is_not_computed_again(
    made: tuple[Dataset, Artifact, Artifact], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_vectors, "_BLOCK", 16)
    whole = locate_photographs(made[0], *frames(made), Digests(), tmp_path / "a")
    stopped = Digests()

    def stop(data: bytes) -> Geolocation:
        if stopped.asked == 20:
            raise KeyboardInterrupt
        return Digests.answer(stopped, data)

    stopped.answer = stop
    with pytest.raises(KeyboardInterrupt):
        locate_photographs(made[0], *frames(made), stopped, tmp_path / "b")
    again = Digests()
    located = locate_photographs(made[0], *frames(made), again, tmp_path / "b")
    assert again.asked == 40 - 16
    np.testing.assert_array_equal(located.vectors, whole.vectors)
    pd.testing.assert_frame_equal(located.table, whole.table)
    assert {task: names.tolist() for task, names in located.heads.items()} == {
        task: names.tolist() for task, names in whole.heads.items()
    }


def test_others_that_ask_for_other_photographs_compute_nothing(
    made: tuple[Dataset, Artifact, Artifact], tmp_path: Path
) -> None:
    labels, splits = frames(made)
    whole = locate_photographs(made[0], labels, splits, Digests(), tmp_path)
    again = Digests()
    located = locate_photographs(made[0], labels, splits[splits["split"] != "test"], again, tmp_path)
    assert again.asked == 0
    np.testing.assert_array_equal(located.vectors, whole.part(["train", "val"]).vectors)


def test_raw_features_are_kept_for_their_number_of_squares(
    made: tuple[Dataset, Artifact, Artifact], tmp_path: Path
) -> None:
    asked = []

    def embed(square: np.ndarray) -> np.ndarray:
        asked.append(square.any())
        return np.asarray(1 + square.mean(axis=(0, 1)), dtype=np.float32)

    embedder = SimpleNamespace(dimension=3, size_px=16, embed_pixels=embed, sha256="e" * 64)
    first = raw_features(made[0], table(), embedder, 4, tmp_path).vectors
    assert sum(asked) == 160
    np.testing.assert_array_equal(raw_features(made[0], table(), embedder, 4, tmp_path).vectors, first)
    assert sum(asked) == 160
    raw_features(made[0], table(), embedder, 1, tmp_path)
    assert sum(asked) == 200


def test_raw_features_are_the_mean_over_the_squares(
    made: tuple[Dataset, Artifact, Artifact], tmp_path: Path
) -> None:
    dataset = made[0]

    def embed(square: np.ndarray) -> np.ndarray:
        mean = 1 + square.mean(axis=(0, 1))
        return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)

    # Not in the order of the dataset, and more than are worked on at a time.
    rows = table().iloc[np.random.default_rng(6).permutation(40)]
    embedder = SimpleNamespace(dimension=3, size_px=16, embed_pixels=embed, sha256="e" * 64)
    features = raw_features(dataset, rows, embedder, 4, tmp_path)
    by_id = {row.item_id: row for row in dataset.rows()}
    for item_id, vector in zip(rows["item_id"], features.vectors, strict=True):
        squares = picture_views(dataset.read(by_id[item_id]), 16, 4)
        assert len(squares) == 4
        mean = np.mean([embed(square) for square in squares], axis=0)
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), rtol=1e-5)


def test_a_picture_without_features_is_raised(
    made: tuple[Dataset, Artifact, Artifact], tmp_path: Path
) -> None:
    def embed(square: np.ndarray) -> np.ndarray:
        if square.any():
            raise ImageError("a broken picture", expected="one that decodes", remedy="none")
        return np.zeros(3, dtype=np.float32)

    embedder = SimpleNamespace(dimension=3, size_px=16, embed_pixels=embed, sha256="e" * 64)
    with pytest.raises(ImageError, match="a broken picture"):
        raw_features(made[0], table(), embedder, 4, tmp_path)


@pytest.mark.parametrize(("n_queries", "n_gallery", "k"), [(1030, 9, 4), (3, 50, 50), (5, 7, 100), (0, 4, 2)])
def test_the_nearest_are_those_of_a_full_sort(
    n_queries: int, n_gallery: int, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_vectors, "_COSINES", 100)
    queries, gallery = units(n_queries, 1), units(n_gallery, 2)
    rows, scores = nearest_photographs(queries, gallery, k)
    assert rows.shape == scores.shape == (n_queries, min(k, n_gallery))
    for query, found, cosines in zip(queries, rows, scores, strict=True):
        exact = [float(query.astype(np.float64) @ one) for one in gallery]
        assert found.tolist() == sorted(range(n_gallery), key=lambda row: -exact[row])[:k]
        np.testing.assert_allclose(cosines, [exact[row] for row in found], atol=1e-6)


def test_of_equal_cosines_the_lower_row_comes_first() -> None:
    gallery = np.tile(np.eye(3, dtype=np.float32)[:1], (6, 1))
    rows, _ = nearest_photographs(gallery[:1], gallery, 6)
    assert rows.tolist() == [[0, 1, 2, 3, 4, 5]]


def test_coordinates_are_latitude_and_longitude() -> None:
    rows = table().iloc[:2]
    found = photographs(rows, units(2, 0)).coordinates
    assert found.tolist() == [[row.latitude, row.longitude] for row in rows.itertuples()]
