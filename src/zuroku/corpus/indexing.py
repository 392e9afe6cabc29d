"""From finished batches of a corpus to the index of their figures."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from zuroku.artifacts import Artifact
from zuroku.corpus.figure_corpus import FigureCorpus
from zuroku.datasets.images import decode_rgb
from zuroku.findings import Finding
from zuroku.indexes.build import build_index
from zuroku.indexes.bundle import EncoderIdentity, IndexEntry, IndexSettings
from zuroku.indexes.search import FigureIndex, load_index
from zuroku.indexes.thumbnail import THUMBNAIL_PX, thumbnail_jpeg
from zuroku.models.embedder_predictor import EmbedderPredictor

INDEX_CHECKS = ("rows_and_vectors_agree", "figures_find_themselves")

UNTAGGED = "untagged"
"""The slice of figures to which the tagger gave no tag."""

_PROBES = 64


def index_figures(
    batches: Mapping[str, Artifact], embedder: Artifact, settings: IndexSettings, target: Path
) -> Artifact:
    """Write the index of all figures of ``batches`` (batch → figure corpus) to ``target``.

    Raises as ``build_index``.
    """
    encoder = encoder_identity(embedder)
    data = {name: batch.sha256 for name, batch in batches.items()}
    return build_index(_entries(batches), settings, encoder, target, data, embedder.path)


def encoder_identity(embedder: Artifact) -> EncoderIdentity:
    """Return what an index remembers of the embedder in the bundle ``embedder``."""
    card = EmbedderPredictor(embedder.path).card
    return EncoderIdentity(
        name=card.name, sha256=embedder.sha256, preprocessing=card.preprocessing, dimension=card.dimension
    )


def index_findings(folder: Path) -> list[Finding]:
    """Check the index in ``folder``: what it holds agrees, and figures drawn evenly find themselves."""
    index = load_index(folder)
    index.check()
    rows = np.linspace(0, len(index) - 1, min(_PROBES, len(index)), dtype=np.int64)
    found = index.search(np.array(index.vectors[rows]), 1, index.manifest.encoder.sha256)
    # Two figures may be the same picture; then either is right.
    lost = int((found.scores[:, 0] < 1 - 1e-3).sum())
    return [
        Finding(INDEX_CHECKS[0], True, f"{len(index)} figures, slices {_slices(index)}"),
        Finding(INDEX_CHECKS[1], lost == 0, f"{lost} of {len(rows)} figures drawn are not their own nearest"),
    ]


def _slices(index: FigureIndex) -> str:
    return ", ".join(f"{tag} {stop - start}" for tag, (start, stop) in index.manifest.slices.items())


def _entries(batches: Mapping[str, Artifact]) -> Iterator[IndexEntry]:
    for name in sorted(batches):
        corpus = FigureCorpus(batches[name].path)
        for rows in corpus.figures():
            for row in rows.to_pylist():
                yield _entry(row, corpus)


def _entry(row: dict[str, Any], corpus: FigureCorpus) -> IndexEntry:
    tags = dict(zip(row["tags"], row["confidences"], strict=True))
    picture = decode_rgb(corpus.crop(row), min_side_px=THUMBNAIL_PX)
    return IndexEntry(
        figure_id=row["figure_id"],
        page_id=row["page_id"],
        pid=row["group"],
        title=row["title"],
        box=(row["x_min"], row["y_min"], row["x_max"], row["y_max"]),
        # Labels stand from the general to the special, so the last is the most telling.
        primary_tag=row["tags"][-1] if row["tags"] else UNTAGGED,
        tags=tags,
        licence=row["licence"],
        source_url=row["source_url"],
        vector=np.array(row["embedding"], dtype=np.float32),
        thumbnail=thumbnail_jpeg(picture),
    )
