"""The canary of a figure index: queries cut from the corpus, answers by each index's own encoder."""

from pathlib import Path

import pytest

from tests.unit.corpus.mosaics import (
    ROUTES,
    BlindDetector,
    embedder_bundle,
    mosaic_batch,
    opened,
    write_mosaics,
)
from zuroku.artifacts import Artifact
from zuroku.corpus import canary, indexing
from zuroku.corpus.canary import FigureKind
from zuroku.corpus.indexing import index_figures
from zuroku.indexes.bundle import IndexSettings
from zuroku.indexes.canary import CanarySettings
from zuroku.indexes.switch import CanaryVerdict, switch_index

SETTINGS = CanarySettings(queries=12, k=5)


class Line:
    """Books, the corpus made of them, and the index made of that."""

    def __init__(self, root: Path) -> None:
        self.root, self.champion = root, root / "models" / "figure_index" / "champion"
        self.pages = write_mosaics(root / "scans", 12)

    def corpus(self, name: str, embedder: str = "mosaic", **stage: object) -> Artifact:
        bundle = embedder_bundle(self.root / embedder, embedder)
        return mosaic_batch(self.pages, bundle, self.root / f"batch {name}", **stage)

    def index(self, name: str, batches: dict[str, Artifact], embedder: str = "mosaic") -> Artifact:
        bundle = embedder_bundle(self.root / embedder, embedder)
        settings = IndexSettings(name="figures")
        return index_figures(batches, {"general": bundle}, ROUTES, settings, self.root / f"index {name}")

    def switch(self, made: Artifact, batches: dict[str, Artifact]) -> CanaryVerdict:
        return switch_index(made, self.champion, FigureKind(batches), SETTINGS, [], "sample")


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.setattr(indexing, "EmbedderPredictor", opened)
    monkeypatch.setattr(canary, "EmbedderPredictor", opened)
    return Line(tmp_path)


def test_queries_come_evenly_from_all_tags_and_find_the_figures_they_were_cut_from(line: Line) -> None:
    batches = {"1": line.corpus("first")}
    index = FigureKind(batches).open(line.index("first", batches).path)
    queries = index.draw(SETTINGS)
    assert sorted(query.stratum for query in queries) == ["blue"] * 6 + ["red"] * 6
    assert len({query.answer for query in queries}) == 12
    assert queries == index.draw(SETTINGS)
    sources = FigureKind(batches).sources({query.answer.source for query in queries})
    assert {query.sha256 for query in queries} == set(sources.values())
    figures = index.index.payload(range(len(index.index)))
    thumbnails = {(one.page_id, one.primary_tag): index.index.thumbnail_of(one) for one in figures}
    for query, found in zip(queries, index.answers(queries, 5), strict=True):
        assert len(found) == 5
        assert found[0].region == query.answer
        assert found[0].thumbnail == thumbnails[query.answer.source, query.stratum]
        assert [answer.score for answer in found] == sorted((one.score for one in found), reverse=True)


def test_boxes_that_grow_a_little_are_no_churn(line: Line) -> None:
    before = {"1": line.corpus("first")}
    line.switch(line.index("first", before), before)
    after = {"1": line.corpus("wider", margin_share=0.03)}
    verdict = line.switch(line.index("wider", after), after)
    assert verdict.finding.passed, verdict.finding.says
    assert verdict.finding.numbers["queries"] == 12
    assert verdict.finding.numbers["lost"] == 0
    assert verdict.finding.numbers["churn"] < 0.2


def test_figures_that_are_not_found_any_more_on_pages_that_stayed_are_lost(line: Line) -> None:
    before = {"1": line.corpus("first")}
    line.switch(line.index("first", before), before)
    after = {"1": line.corpus("stamps", figure_classes=("5_stamp",))}
    verdict = line.switch(line.index("stamps", after), after)
    assert not verdict.finding.passed
    assert verdict.finding.numbers["retired"] == 0
    assert verdict.finding.numbers["lost"] == 6
    # The stamps have other ids now, and are known by their places.
    assert {one.query.stratum for one in verdict.replays if one.lost} == {"blue"}


def test_pages_scanned_again_retire_their_queries(line: Line) -> None:
    before = {"1": line.corpus("first")}
    line.switch(line.index("first", before), before)
    write_mosaics(line.pages, 12, seed=1)
    after = {"1": line.corpus("again")}
    verdict = line.switch(line.index("again", after), after)
    assert verdict.finding.passed
    assert verdict.finding.numbers["retired"] == 12


def test_pages_of_a_batch_without_figures_are_still_there(line: Line) -> None:
    batches = {"1": line.corpus("first")}
    index = FigureKind(batches).open(line.index("first", batches).path)
    wanted = {query.answer.source for query in index.draw(SETTINGS)}
    blind = FigureKind({"1": line.corpus("blind", detector=BlindDetector())})
    assert blind.sources(wanted) == FigureKind(batches).sources(wanted)
    assert set(blind.sources(wanted)) == wanted
    # And nothing can be drawn of it.
    assert FigureKind(blind.batches).open(index.index.path).draw(SETTINGS) == []


def test_an_index_smaller_than_the_answers_asked_for_is_compared_by_what_it_has(line: Line) -> None:
    line.pages = write_mosaics(line.root / "few", 1)
    batches = {"1": line.corpus("few")}
    made = line.index("few", batches)
    index = FigureKind(batches).open(made.path)
    queries = index.draw(SETTINGS)
    assert [len(found) for found in index.answers(queries, 5)] == [2, 2]
    line.switch(made, batches)
    other = {"1": line.corpus("few wider", margin_share=0.03)}
    verdict = line.switch(line.index("few wider", other), other)
    assert verdict.finding.numbers == {"queries": 2, "retired": 0, "churn": 0, "lost": 0, "missed_before": 0}
