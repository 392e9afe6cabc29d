"""Search results for people: a table to read, and a sheet that shows the query and its nearest figures.

Everything shown comes out of the index bundle. The search itself is ``indexes.search``.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich import box
from rich.console import Console
from rich.table import Table

from zuroku.artifacts import write_atomically
from zuroku.datasets.images import decode_rgb, square_pixels
from zuroku.errors import SourceError
from zuroku.indexes.bundle import IndexedFigure
from zuroku.indexes.router import primary_tag
from zuroku.indexes.search import FigureIndex
from zuroku.indexes.thumbnail import THUMBNAIL_PX
from zuroku.models.tagger_predictor import TaggerPredictor
from zuroku.reports.contact_sheet import contact_sheet


class Encoder(Protocol):
    """Turns an encoded image into a vector."""

    @property
    def sha256(self) -> str:
        """The seal of its bundle."""

    def embed_bytes(self, data: bytes) -> npt.NDArray[np.float32]:
        """Return the ``(d,)`` float32 unit vector of an encoded image."""


@dataclass(frozen=True)
class Wanted:
    """What to look for: ``k`` figures of ``space`` with the primary ``tag``, where these are given.

    ``exact`` compares with every figure, however many there are.
    """

    k: int = 10
    space: str | None = None
    tag: str | None = None
    exact: bool = False


@dataclass(frozen=True)
class Hit:
    """A figure that a search found: its cosine similarity, what is known of it, and its JPEG."""

    score: float
    figure: IndexedFigure
    thumbnail: bytes


def find_figures(
    index: FigureIndex,
    path: Path,
    open_encoder: Callable[[Path], Encoder],
    tag_image: Callable[[bytes], str],
    wanted: Wanted,
    sheet: Path | None = None,
) -> str:
    """Search ``index`` with the image at ``path``; write the sheet where one is named.

    Returns which space answered and why, and a table of what it found. ``open_encoder`` opens a bundle of
    the index; ``tag_image`` returns the primary tag of an encoded image, and is asked only where the tag
    decides.

    Raises:
        SourceError: the image cannot be read.
        ImageError: it cannot be decoded.
        BundleError, ConfigError, EvaluationError: as ``FigureIndex.route`` and ``search``.
    """
    try:
        query = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}",
            expected="an image file",
            remedy="check the path and the rights of the file",
        ) from error
    route = index.route(lambda: tag_image(query), wanted.space, wanted.tag)
    encoder = open_encoder(index.spaces[route.space].encoder_folder)
    hits = search_image(index, query, encoder, replace(wanted, space=route.space))
    if sheet is not None:
        sheet.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(sheet, search_sheet(query, hits))
    return f"space {route.space} ({route.reason})\n{hits_table(hits)}"


def search_image(index: FigureIndex, query: bytes, encoder: Encoder, wanted: Wanted) -> list[Hit]:
    """Return the figures nearest to the encoded image ``query``, best first; raises as ``search``."""
    vectors = encoder.embed_bytes(query)[None]
    nearest = index.search(vectors, wanted.k, encoder.sha256, wanted.space, wanted.tag, exact=wanted.exact)
    found = nearest.rows[0] >= 0
    figures = index.payload(nearest.rows[0][found])
    return [
        Hit(float(score), figure, index.thumbnail_of(figure))
        for score, figure in zip(nearest.scores[0][found], figures, strict=True)
    ]


def primary_tag_of(tagger: TaggerPredictor, data: bytes) -> str:
    """Return the primary tag of an encoded image.

    Raises:
        ImageError: it does not decode.
    """
    probabilities = tagger.probabilities(square_pixels(data, tagger.card.size_px))
    decided = tagger.decide(probabilities[None])[0]
    return primary_tag([label for label, yes in zip(tagger.card.labels, decided, strict=True) if yes])


def search_sheet(query: bytes, hits: Sequence[Hit]) -> bytes:
    """Return a JPEG with the encoded image ``query`` first, then each hit with score, tag, PID and page.

    Raises:
        ImageError: ``query`` does not decode.
    """
    pictures: list[tuple[Image.Image, list[str]]] = [(decode_rgb(query, min_side_px=THUMBNAIL_PX), ["query"])]
    for rank, hit in enumerate(hits, start=1):
        figure = hit.figure
        lines = [f"{rank}.  {hit.score:.3f}", figure.primary_tag, f"PID {figure.pid}", f"p. {figure.page_id}"]
        pictures.append((Image.open(io.BytesIO(hit.thumbnail)), lines))
    title = "The query and its nearest figures" if hits else "The query; no figure is left to compare with"
    return contact_sheet(pictures, title=title)


def hits_table(hits: Sequence[Hit]) -> str:
    """Return hits as a text table: score, figure, tag, book and page, columns as wide as their content."""
    table = Table("score", "figure", "tag", "book", "page", box=box.SIMPLE_HEAD, pad_edge=False)
    for hit in hits:
        figure = hit.figure
        book = f"{figure.pid} {figure.title}".strip()
        table.add_row(f"{hit.score:.3f}", figure.figure_id, figure.primary_tag, book, figure.page_id)
    text = io.StringIO()
    # As wide as it needs to be, so that a pipe gets whole ids.
    Console(file=text, width=10_000, color_system=None, markup=False).print(table)
    # The first line is empty: the frame has no top.
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines() if line.strip())
