"""From finished batches of a corpus to the index of their figures."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from zuroku.artifacts import Artifact
from zuroku.corpus.figure_corpus import FigureCorpus
from zuroku.datasets.images import decode_rgb
from zuroku.errors import BundleError
from zuroku.findings import Finding
from zuroku.indexes.build import build_index
from zuroku.indexes.bundle import EncoderIdentity, IndexedFigure, IndexEntry, IndexSettings, SpaceEncoder
from zuroku.indexes.canary import CanarySettings
from zuroku.indexes.router import RouteSettings, primary_tag
from zuroku.indexes.search import FigureIndex, load_index
from zuroku.indexes.space import Space
from zuroku.indexes.thumbnail import THUMBNAIL_PX, thumbnail_jpeg
from zuroku.models.embedding.predictor import EmbedderPredictor

INDEX_CHECKS = ("rows_are_figures_of_the_corpus", "figures_find_themselves", "candidates_hold_the_nearest")

_PROBES = 64
_NEIGHBOURS = 10
_LEAST_RECALL = 0.98
# A figure was embedded from its page, here from its JPEG: on the sample these agree to 0.997 or more, and
# figures that do not look alike to 0.2.
_LEAST_COSINE = 0.95


class FigureIndexingSettings(IndexSettings):
    """How the index is called and laid out, and what its canary allows."""

    canary: CanarySettings = CanarySettings()


def index_figures(
    batches: Mapping[str, Artifact],
    embedders: Mapping[str, Artifact],
    routes: RouteSettings,
    settings: IndexSettings,
    target: Path,
) -> Artifact:
    """Write the index of all figures of ``batches`` (batch → figure corpus) to ``target``.

    ``embedders`` are the bundles of the spaces and ``routes`` the routes by which the corpus was embedded.
    Batches without a figure leave no trace.

    Raises:
        BundleError: a figure was embedded by another embedder, or for another space.
        Everything that ``build_index`` raises.
    """
    encoders = {
        space: SpaceEncoder(encoder_identity(embedder), embedder.path)
        for space, embedder in embedders.items()
    }
    batches = {name: batch for name, batch in batches.items() if FigureCorpus(batch.path).card["figures"]}
    data = {name: batch.sha256 for name, batch in batches.items()}
    return build_index(_entries(batches, encoders, routes), settings, encoders, routes, target, data)


def encoder_identity(embedder: Artifact) -> EncoderIdentity:
    """Return what an index remembers of the embedder in the bundle ``embedder``."""
    card = EmbedderPredictor(embedder.path).card
    return EncoderIdentity(
        name=card.name, sha256=embedder.sha256, preprocessing=card.preprocessing, dimension=card.dimension
    )


def index_findings(folder: Path, batches: Mapping[str, Artifact]) -> list[Finding]:
    """Check figures drawn evenly from the index in ``folder``, which was made of ``batches``.

    Vector, thumbnail and book must be those of the figure in the corpus, whose crop is embedded again by the
    encoder in the bundle. Figures must find themselves, and where a space is searched by candidates, what a
    full scan finds.

    Raises:
        BundleError: the index was built without its encoders.
    """
    index = load_index(folder)
    drawn = lost = 0
    recalls = {}
    strangers = _strangers(index, batches)
    for name, space in index.spaces.items():
        rows = np.linspace(0, space.manifest.count - 1, min(_PROBES, space.manifest.count), dtype=np.int64)
        probes = np.array(space.vectors[rows])
        found = space.search(probes, 1, space.manifest.encoder.sha256)
        drawn += len(rows)
        # Two figures may be the same picture; then either is right.
        lost += int((found.scores[:, 0] < 1 - 1e-3).sum())
        if space.manifest.approximate:
            recalls[name] = _recall(space, probes)
    told = ", ".join(f"{name} {recall:.3f}" for name, recall in recalls.items())
    return [
        Finding(
            INDEX_CHECKS[0],
            not strangers,
            f"{len(strangers)} rows drawn are not what the corpus holds: {', '.join(strangers[:3])}"
            if strangers
            else f"{len(index)} figures, {_slices(index)}",
        ),
        Finding(INDEX_CHECKS[1], lost == 0, f"{lost} of {drawn} figures drawn are not their own nearest"),
        Finding(
            INDEX_CHECKS[2],
            min(recalls.values(), default=1) >= _LEAST_RECALL,
            f"recall@{_NEIGHBOURS} of {told}, at least {_LEAST_RECALL} is wanted: else raise approximate_from"
            if recalls
            else "every space is small and scanned in whole",
            {f"recall_{name}": recall for name, recall in recalls.items()},
        ),
    ]


def _strangers(index: FigureIndex, batches: Mapping[str, Artifact]) -> list[str]:
    """Return the ids of those figures drawn whose row is not that of the corpus."""
    strangers = []
    for space in index.spaces.values():
        rows = np.linspace(0, space.manifest.count - 1, min(_PROBES, space.manifest.count), dtype=np.int64)
        figures = index.payload(space.manifest.rows[0] + rows)
        held = _rows_of({figure.figure_id for figure in figures}, batches)
        encoder = EmbedderPredictor(space.encoder_folder)
        for row, figure in zip(rows, figures, strict=True):
            corpus, found = held.get(figure.figure_id, (None, None))
            if corpus is None or not _shows(index, figure, space.vectors[row], encoder, corpus, found):
                strangers.append(figure.figure_id)
    return strangers


def _rows_of(
    figure_ids: Collection[str], batches: Mapping[str, Artifact]
) -> dict[str, tuple[FigureCorpus, Any]]:
    """Return corpus and row of each figure that ``batches`` hold."""
    wanted = pa.array(list(figure_ids), pa.string())
    found: dict[str, tuple[FigureCorpus, Any]] = {}
    for batch in batches.values():
        corpus = FigureCorpus(batch.path)
        for rows in corpus.figures(("figure_id", "group", "shard", "offset", "length")):
            drawn = rows.filter(pc.is_in(rows["figure_id"], wanted)).to_pylist()
            found |= {row["figure_id"]: (corpus, row) for row in drawn}
    return found


def _shows(
    index: FigureIndex,
    figure: IndexedFigure,
    vector: npt.NDArray[np.float32],
    encoder: EmbedderPredictor,
    corpus: FigureCorpus,
    row: Any,
) -> bool:
    crop = corpus.crop(row)
    return (
        figure.pid == row["group"]
        and index.thumbnail_of(figure) == _thumbnail(crop)
        and float(encoder.embed_bytes(crop) @ vector) >= _LEAST_COSINE
    )


def _recall(space: Space, probes: np.ndarray[Any, np.dtype[np.float32]]) -> float:
    """Return the share of a full scan's neighbours that are found; scores tell, for pictures may be equal."""
    sha256 = space.manifest.encoder.sha256
    found = space.search(probes, _NEIGHBOURS, sha256).scores
    last = space.search(probes, _NEIGHBOURS, sha256, exact=True).scores[:, -1:]
    return float((found >= last - 1e-6).mean())


def _slices(index: FigureIndex) -> str:
    return "; ".join(
        f"{name}: {', '.join(f'{tag} {stop - start}' for tag, (start, stop) in space.slices.items())}"
        for name, space in index.manifest.spaces.items()
    )


def _entries(
    batches: Mapping[str, Artifact], encoders: Mapping[str, SpaceEncoder], routes: RouteSettings
) -> Iterator[IndexEntry]:
    for name in sorted(batches):
        corpus = FigureCorpus(batches[name].path)
        for rows in corpus.figures():
            for row in rows.to_pylist():
                _refuse_other_embedder(row, encoders, routes)
                yield _entry(row, corpus)


def _refuse_other_embedder(
    row: dict[str, Any], encoders: Mapping[str, SpaceEncoder], routes: RouteSettings
) -> None:
    space = routes.route(primary_tag(row["tags"]), encoders).space
    expected = (space, encoders[space].identity.sha256)
    if (row["space"], row["encoder_sha256"]) != expected:
        raise BundleError(
            f"figure {row['figure_id']} was embedded for the space {row['space']} by {row['encoder_sha256']}",
            expected=f"for {expected[0]} by {expected[1]}",
            remedy="run the corpus again with these embedders and routes",
        )


def _entry(row: dict[str, Any], corpus: FigureCorpus) -> IndexEntry:
    tags = dict(zip(row["tags"], row["confidences"], strict=True))
    return IndexEntry(
        figure_id=row["figure_id"],
        page_id=row["page_id"],
        pid=row["group"],
        title=row["title"],
        box=(row["x_min"], row["y_min"], row["x_max"], row["y_max"]),
        primary_tag=primary_tag(row["tags"]),
        tags=tags,
        licence=row["licence"],
        source_url=row["source_url"],
        vector=np.array(row["embedding"], dtype=np.float32),
        thumbnail=_thumbnail(corpus.crop(row)),
    )


def _thumbnail(crop: bytes) -> bytes:
    return thumbnail_jpeg(decode_rgb(crop, min_side_px=THUMBNAIL_PX))
