"""Search results for people: a table to read, and a sheet that shows the query and its nearest figures.

Everything shown comes out of the index bundle. The search itself is ``indexes.search``.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich import box
from rich.console import Console
from rich.table import Table

from zuroku.artifacts import write_atomically
from zuroku.datasets.images import decode_rgb
from zuroku.errors import SourceError
from zuroku.indexes.bundle import IndexedFigure
from zuroku.indexes.search import FigureIndex
from zuroku.indexes.thumbnail import THUMBNAIL_PX
from zuroku.reports.contact_sheet import contact_sheet

Embed = Callable[[bytes], npt.NDArray[np.float32]]
"""Turns an encoded image into its ``(d,)`` float32 unit vector."""


@dataclass(frozen=True)
class Hit:
    """A figure that a search found: its cosine similarity, what is known of it, and its JPEG."""

    score: float
    figure: IndexedFigure
    thumbnail: bytes


def find_figures(
    index: FigureIndex,
    path: Path,
    embed: Embed,
    encoder_sha256: str,
    k: int = 10,
    tag: str | None = None,
    sheet: Path | None = None,
) -> str:
    """Search ``index`` with the image at ``path``; return the table, and write the sheet where one is named.

    ``embed`` runs the encoder whose bundle has the seal ``encoder_sha256``.

    Raises:
        SourceError: the image cannot be read.
        ImageError: it cannot be decoded.
        BundleError, EvaluationError: as ``FigureIndex.search``.
    """
    try:
        query = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}",
            expected="an image file",
            remedy="check the path and the rights of the file",
        ) from error
    hits = search_image(index, query, embed, encoder_sha256, k, tag)
    if sheet is not None:
        sheet.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(sheet, search_sheet(query, hits))
    return hits_table(hits)


def search_image(
    index: FigureIndex, query: bytes, embed: Embed, encoder_sha256: str, k: int, tag: str | None = None
) -> list[Hit]:
    """Return up to ``k`` figures nearest to the encoded image ``query``, best first; raises as ``search``."""
    nearest = index.search(embed(query)[None], k, encoder_sha256, tag)
    found = nearest.rows[0] >= 0
    figures = index.payload(nearest.rows[0][found])
    return [
        Hit(float(score), figure, index.thumbnail_of(figure))
        for score, figure in zip(nearest.scores[0][found], figures, strict=True)
    ]


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
