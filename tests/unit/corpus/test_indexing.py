"""From batches to an index: figures in their spaces, and no vector by another embedder."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.corpus import mosaics
from tests.unit.corpus.fakes import DIMENSION, VERSIONS, FakeDetector, FakeEmbedder, FakeTagger, write_book
from tests.unit.indexes.figure_entries import DATA, ENCODERS, entry
from tests.unit.indexes.test_approximate import clustered
from zuroku.artifacts import Artifact, build, seal
from zuroku.corpus import indexing
from zuroku.corpus.executors import ThreadExecutor
from zuroku.corpus.figure_corpus import FigureCorpus
from zuroku.corpus.indexing import INDEX_CHECKS, index_figures, index_findings
from zuroku.corpus.line import LineSettings, run_line
from zuroku.corpus.pages import FolderPages
from zuroku.corpus.stage import PageStage, StageSettings
from zuroku.errors import BundleError
from zuroku.indexes.build import build_index
from zuroku.indexes.bundle import PAYLOAD, IndexSettings
from zuroku.indexes.router import RouteSettings
from zuroku.indexes.search import load_index

ROUTES = RouteSettings(routes={"red": "museum"}, empty_slots=("museum",))
SETTINGS = IndexSettings(name="figures")


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Artifact]:
    """Sealed folders that stand for embedders."""

    def make(work: Path) -> None:
        (work / "card.json").write_text(work.name)

    def opened(folder: Path) -> SimpleNamespace:
        card = SimpleNamespace(name=folder.name, preprocessing="squashed", dimension=DIMENSION)
        return SimpleNamespace(card=card)

    monkeypatch.setattr(indexing, "EmbedderPredictor", opened)
    return {name: build(tmp_path / name, make) for name in ("general", "museum")}


def batch(folder: Path, bundles: dict[str, Artifact], book: str, routes: RouteSettings = ROUTES) -> Artifact:
    """Take a book of ten pages through a stage with an embedder per bundle."""
    embedders = {name: FakeEmbedder(sha256=bundle.sha256) for name, bundle in bundles.items()}

    def opener() -> PageStage:
        return PageStage(FakeDetector(), FakeTagger(), embedders, StageSettings(routes=routes), VERSIONS)

    pages = FolderPages(write_book(folder / f"scans {book}", 10, book))
    return run_line(pages, opener, LineSettings(), folder / f"batch {book}", ThreadExecutor(1))


def test_all_figures_of_all_batches_lie_in_the_space_of_their_embedder(tmp_path: Path, bundles) -> None:
    batches = {book: batch(tmp_path, bundles, book) for book in ("2", "1")}
    made = index_figures(batches, bundles, ROUTES, SETTINGS, tmp_path / "index")
    index = load_index(made.path)
    assert index.manifest.data == {name: artifact.sha256 for name, artifact in batches.items()}
    rows = {
        row["figure_id"]: row
        for artifact in batches.values()
        for rows in FigureCorpus(artifact.path).figures()
        for row in rows.to_pylist()
    }
    for name, space in index.spaces.items():
        assert space.manifest.encoder.sha256 == bundles[name].sha256
        start, stop = space.manifest.rows
        for figure, vector in zip(index.payload(range(start, stop)), space.vectors, strict=True):
            row = rows.pop(figure.figure_id)
            assert (row["space"], row["group"], row["tags"][-1]) == (name, figure.pid, figure.primary_tag)
            np.testing.assert_array_equal(vector, np.float32(row["embedding"]))
    assert not rows
    assert sorted(index.spaces) == ["general", "museum"]


def test_a_corpus_by_another_embedder_or_by_other_routes_is_refused(tmp_path: Path, bundles) -> None:
    batches = {"1": batch(tmp_path, bundles, "1")}

    def make(work: Path) -> None:
        (work / "card.json").write_text("trained since")

    newer = bundles | {"museum": build(tmp_path / "newer", make)}
    used = bundles["museum"].sha256
    with pytest.raises(BundleError, match=f"(?s)space museum by {used}.*run the corpus again"):
        index_figures(batches, newer, ROUTES, SETTINGS, tmp_path / "index")
    general = {"general": bundles["general"]}
    with pytest.raises(BundleError, match=r"(?s)for the space museum.*expected: for general"):
        index_figures(batches, general, ROUTES, SETTINGS, tmp_path / "index")
    assert not (tmp_path / "index").exists()


@pytest.fixture
def mosaic_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Artifact, dict[str, Artifact]]:
    """An index of two books of figures that can be told apart, and the corpus it was made of."""
    monkeypatch.setattr(indexing, "EmbedderPredictor", mosaics.opened)
    embedder = mosaics.embedder_bundle(tmp_path / "mosaic")
    batches = {}
    for book in ("1000", "2000"):
        scans = mosaics.write_mosaics(tmp_path / f"scans {book}", 4, book)
        batches[book] = mosaics.mosaic_batch(scans, embedder, tmp_path / f"batch {book}")
    made = index_figures(batches, {"general": embedder}, mosaics.ROUTES, SETTINGS, tmp_path / "index")
    return made, batches


def test_a_sound_index_passes_its_checks(mosaic_index) -> None:
    made, batches = mosaic_index
    findings = index_findings(made.path, batches)
    assert tuple(finding.check for finding in findings) == INDEX_CHECKS
    assert all(finding.passed for finding in findings)
    assert "general: blue 8, red 8" in findings[0].says
    assert "scanned in whole" in findings[2].says


@pytest.mark.parametrize("column", ["pid", "offset", "figure_id"])
def test_rows_that_are_not_those_of_the_corpus_fail_their_check(
    mosaic_index, tmp_path: Path, column: str
) -> None:
    made, batches = mosaic_index
    crossed = shutil.copytree(made.path, tmp_path / "crossed")
    table = pq.read_table(crossed / PAYLOAD)
    turned = table[column].to_pylist()[::-1]
    place = table.schema.get_field_index(column)
    table = table.set_column(
        place, table.schema.field(column), pa.array(turned, table.schema.field(column).type)
    )
    pq.write_table(table, crossed / PAYLOAD)
    seal(crossed)
    finding = index_findings(crossed, batches)[0]
    assert not finding.passed
    assert "rows drawn are not what the corpus holds" in finding.says
    # A corpus that lacks a book has no such figures.
    assert not index_findings(made.path, {"1000": batches["1000"]})[0].passed


def test_candidates_that_miss_the_nearest_fail_their_check(tmp_path: Path, monkeypatch) -> None:
    figures = (entry(n, vector, figure_id=str(n)) for n, vector in enumerate(clustered(2000, 1, 24)))
    settings = IndexSettings(name="figures", approximate_from=2000)
    built = build_index(figures, settings, ENCODERS, RouteSettings(), tmp_path / "index", DATA)
    # These were drawn, not found in a corpus.
    monkeypatch.setattr(indexing, "_strangers", lambda *_: [])
    sound = index_findings(built.path, {})[2]
    assert sound.passed
    assert sound.numbers["recall_general"] > 0.98
    monkeypatch.setattr("zuroku.indexes.approximate._SPARE_CANDIDATES", 0)
    monkeypatch.setattr("zuroku.indexes.approximate._CANDIDATES_PER_NEIGHBOUR", 1)
    assert not index_findings(built.path, {})[2].passed
