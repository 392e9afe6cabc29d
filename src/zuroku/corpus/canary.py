"""The canary of a figure index: its queries from the pages' crops, its answers by the encoders it holds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zuroku.artifacts import Artifact
from zuroku.corpus.figure_corpus import FigureCorpus
from zuroku.errors import ConfigError
from zuroku.indexes.bundle import IndexedFigure
from zuroku.indexes.canary import Answer, CanaryQuery, CanarySettings, Region, disturbed, draw_evenly
from zuroku.indexes.search import FigureIndex, load_index
from zuroku.models.embedding.predictor import EmbedderPredictor

_PLACE = ("page_id", "x_min", "y_min", "x_max", "y_max", "shard", "offset", "length")


@dataclass(frozen=True)
class FigureKind:
    """Indexes of the figures of ``batches`` (batch → figure corpus), those without figures included."""

    batches: Mapping[str, Artifact]

    def open(self, folder: Path) -> "OpenFigures":
        """Open the index in ``folder``; raises as ``load_index``."""
        return OpenFigures(load_index(folder), self)

    def sources(self, wanted: Collection[str]) -> dict[str, str]:
        """Return the SHA-256 of those ``wanted`` pages that the corpus holds."""
        return {
            row["page_id"]: row["sha256"]
            for batch in self.batches.values()
            for rows in FigureCorpus(batch.path).pages(["page_id", "sha256"])
            for row in rows.to_pylist()
            if row["page_id"] in wanted
        }

    def crops(self, pages: Collection[str]) -> dict[str, list[tuple[Region, FigureCorpus, Any]]]:
        """Return the figures of ``pages``: what each shows, its corpus, and its row."""
        found: dict[str, list[tuple[Region, FigureCorpus, Any]]] = {page: [] for page in pages}
        for batch in self.batches.values():
            corpus = FigureCorpus(batch.path)
            for rows in corpus.figures(_PLACE):
                for row in rows.to_pylist():
                    if row["page_id"] in found:
                        box = (row["x_min"], row["y_min"], row["x_max"], row["y_max"])
                        found[row["page_id"]].append((Region(row["page_id"], box), corpus, row))
        return found


@dataclass(frozen=True)
class OpenFigures:
    """A figure index and the corpus of today."""

    index: FigureIndex
    kind: FigureKind

    def holds(self, sources: Collection[str]) -> set[str]:
        """Return those pages ``sources`` of which the index has a figure."""
        return self.index.holds(sources)

    def draw(self, settings: CanarySettings) -> list[CanaryQuery]:
        """Draw figures evenly over primary tags and disturb their crops; raises nothing of its own."""
        draw = np.random.default_rng(settings.seed)
        spaces = self.index.manifest.spaces.values()
        strata = {tag: range(*rows) for space in spaces for tag, rows in space.slices.items()}
        drawn = draw_evenly(strata, settings.queries, draw)
        regions = [_region(figure) for figure in self.index.payload([row for _, row in drawn])]
        pages = {region.source for region in regions}
        sources, crops = self.kind.sources(pages), self.kind.crops(pages)
        queries = []
        for (tag, _), region in zip(drawn, regions, strict=True):
            for other, corpus, row in crops[region.source]:
                if region.shows(other):
                    picture = disturbed(corpus.crop(row), draw)
                    queries.append(CanaryQuery(region, sources[region.source], tag, picture))
                    break
        return queries

    def answers(self, queries: Sequence[CanaryQuery], k: int) -> list[list[Answer]]:
        """Answer each query in the space to which this index routes the tag it was drawn for.

        A tag that leads to no space of the index has no answers.

        Raises:
            BundleError: the index was built without its encoders.
        """
        by_space: dict[str, list[int]] = {}
        for place, query in enumerate(queries):
            try:
                route = self.index.manifest.routes.route(query.stratum, self.index.spaces)
            except ConfigError:
                continue
            by_space.setdefault(route.space, []).append(place)
        answers: list[list[Answer]] = [[] for _ in queries]
        for name, places in by_space.items():
            space = self.index.spaces[name]
            encoder = EmbedderPredictor(space.encoder_folder)
            vectors = np.stack([encoder.embed_bytes(queries[place].picture) for place in places])
            found = space.search(vectors, k, encoder.sha256)
            for place, rows, scores in zip(places, found.rows, found.scores, strict=True):
                figures = self.index.payload(rows[rows >= 0])
                answers[place] = [
                    Answer(_region(figure), float(score), self.index.thumbnail_of(figure))
                    for figure, score in zip(figures, scores, strict=False)
                ]
        return answers


def _region(figure: IndexedFigure) -> Region:
    return Region(figure.page_id, (figure.x_min, figure.y_min, figure.x_max, figure.y_max))
