"""What is told of an embedding space, on spaces whose qualities are known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from zuroku.artifacts import Artifact, build
from zuroku.errors import ImageError, SplitError
from zuroku.reports import embeddings
from zuroku.reports.embeddings import (
    EmbeddedFigures,
    EmbeddingEvaluationSettings,
    embedded_figures,
    embedding_findings,
    embedding_metrics,
    embedding_page,
    evaluate_embedder,
    flat_embedding_metrics,
    read_embedding_metrics,
)

SETTINGS = EmbeddingEvaluationSettings(k=2, resamples=100, map_seeds=[1])
TAGS = ["picture_landmark", "picture_outdoor", "picture_person", "stamp"]


class Row:
    def __init__(self, number: int, reviewed: bool = True, label: str | None = None) -> None:
        self.item_id = f"item-{number}"
        self.label = TAGS[number % 4] if label is None else label
        self.group = f"book-{number // 4}"
        self.reviewed = reviewed


class FakeData:
    root = Path("fake")
    version = "ab" * 32

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def rows(self) -> list[Row]:
        return self._rows

    def read(self, row: Row) -> bytes:
        return f"{row.label} {row.item_id}".encode()


class FakeEmbedder:
    """Puts figures where their tag says, with a little noise; a figure called broken cannot be embedded."""

    dimension = 8

    def __init__(self, folder: Path | None = None) -> None:
        self.rng = np.random.default_rng(0)

    def embed(self, reads):
        for read in reads:
            label = read().decode().split()[0]
            if label == "broken":
                yield ImageError("broken", expected="an image", remedy="mend it")
                continue
            vector = np.eye(8)[TAGS.index(label)] + 0.05 * self.rng.standard_normal(8)
            yield (vector / np.linalg.norm(vector)).astype(np.float32)


def split_table(books: int) -> pd.DataFrame:
    return pd.DataFrame({"group": [f"book-{n}" for n in range(books)], "split": "test"})


def spread(noise: float, n: int = 80) -> EmbeddedFigures:
    rng = np.random.default_rng(4)
    tags = [TAGS[i % 4] for i in range(n)]
    vectors = np.eye(8)[[i % 4 for i in range(n)]] + noise * rng.standard_normal((n, 8))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    books = [f"book-{i // 4}" for i in range(n)]
    return EmbeddedFigures([str(i) for i in range(n)], tags, books, vectors.astype(np.float32))


def test_a_space_by_tag_is_pure_and_noise_is_chance() -> None:
    good, bad = (embedding_metrics(spread(noise), SETTINGS) for noise in (0.05, 50.0))
    assert good["purity"]["value"] == good["map_other_books"]["value"] == 1
    assert good["adjusted_mutual_information"] == pytest.approx(1)
    assert good["silhouette"] > 0.8
    assert good["chance"] == pytest.approx(0.25)
    assert abs(bad["purity"]["value"] - 0.25) < 0.12
    assert bad["purity"]["low"] < 0.25 + 0.05
    assert [finding.passed for finding in embedding_findings(good, SETTINGS)] == [True, True]
    strict = SETTINGS.model_copy(update={"floor": 0.9})
    assert next(finding.passed for finding in embedding_findings(bad, strict)) is False


def test_neighbours_of_the_same_book_do_not_count() -> None:
    # Two books, in each of which figures lie together whatever their tag.
    vectors = np.repeat(np.eye(8)[:2], 4, axis=0) + 0.01 * np.random.default_rng(1).standard_normal((8, 8))
    tags = ["stamp", "picture_person"] * 4
    figures = EmbeddedFigures(
        [str(i) for i in range(8)], tags, ["a"] * 4 + ["b"] * 4, vectors.astype(np.float32)
    )
    values = figures.average_precisions()
    assert (values < 1).any()
    assert figures.evaluated().statistic(np.arange(8)) == pytest.approx(float(values.mean()))


def test_landmarks_and_persons_are_told_apart() -> None:
    metrics = embedding_metrics(spread(0.05), SETTINGS)
    assert metrics["landmark_outdoor_rank"] in (1, 2, 3)
    distances = pd.DataFrame(metrics["centroid_distances"])
    expected = distances.loc["picture_person"].drop("picture_person").min()
    assert metrics["person_separation"] == pytest.approx(expected)
    flat = flat_embedding_metrics(metrics)
    assert {"purity", "purity_low", "purity_high", "silhouette", "chance"} <= set(flat)
    page = embedding_page(metrics, SETTINGS)
    assert f"{metrics['purity']['value']:.3f}" in page
    assert "80 figures of 20 books" in page


def test_only_reviewed_tagged_figures_of_the_split_are_judged() -> None:
    rows = [Row(n) for n in range(12)]
    rows += [Row(12, reviewed=False), Row(13, label=""), Row(40)]
    figures = embedded_figures(FakeData(rows), split_table(4), "test", FakeEmbedder())  # type: ignore[arg-type]
    assert figures.item_ids == [f"item-{n}" for n in range(12)]
    with pytest.raises(SplitError, match="no tagged figure"):
        embedded_figures(FakeData(rows), split_table(4), "val", FakeEmbedder())  # type: ignore[arg-type]


def test_a_figure_that_cannot_be_embedded_stops_the_evaluation() -> None:
    rows = [Row(0), Row(1, label="broken")]
    with pytest.raises(ImageError, match="broken"):
        embedded_figures(FakeData(rows), split_table(1), "test", FakeEmbedder())  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_report_is_written_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "EmbedderPredictor", FakeEmbedder)
    splits = build(tmp_path / "splits", lambda out: split_table(10).to_parquet(out / "splits.parquet"))
    data = FakeData([Row(n) for n in range(40)])
    bundle = Artifact(tmp_path, "0" * 64)
    report = evaluate_embedder(data, splits, bundle, SETTINGS, tmp_path / "report")  # type: ignore[arg-type]
    assert read_embedding_metrics(report.path)["n_figures"] == 40
    assert (report.path / "report.md").is_file()
    assert {path.name for path in (report.path / "pictures").iterdir()} == {"umap.png", "centroids.png"}
