"""The tables of a figure corpus: their columns, and the rows that a page's result gives.

Rows hold only what follows from the bytes, the models and the configuration, so that equal work gives
equal files. Times are kept elsewhere.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from zuroku.corpus.pages import Page
from zuroku.corpus.stage import Figure, PageResult
from zuroku.evaluation.framing import Framing

PAGES = "pages.parquet"
FIGURES = "figures.parquet"

PAGES_SCHEMA = pa.schema(
    [
        ("page_id", pa.string()),
        ("group", pa.string()),
        ("title", pa.string()),
        ("licence", pa.string()),
        ("source_url", pa.string()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("n_figures", pa.int32()),
        ("margin_left", pa.float32()),
        ("margin_top", pa.float32()),
        ("margin_right", pa.float32()),
        ("margin_bottom", pa.float32()),
        ("cut_edges", pa.list_(pa.string())),
        ("error", pa.string()),
    ]
)
"""One row per page, also of those passed over: then ``error`` says why, and the rest is empty.

Margins are shares of the page's width or height around its overall region, null where none was found;
``cut_edges`` names the edges of the page that the region reaches.
"""

_MARGINS = ("left", "top", "right", "bottom")


def figures_schema(dimension: int) -> pa.Schema:
    """Return the columns of the figures: one row per figure, with an embedding of ``dimension``.

    A ``dimension`` of −1 takes embeddings of any length. ``space`` names whose embedder made it, and
    ``encoder_sha256`` that embedder's bundle. The box is in pixels of the upright page, and what the JPEG
    at ``shard``, ``offset``, ``length`` shows. ``tags`` and ``confidences`` belong together one by one, in
    the order of the tagger's labels.
    """
    return pa.schema(
        [
            ("figure_id", pa.string()),
            ("page_id", pa.string()),
            ("group", pa.string()),
            ("title", pa.string()),
            ("licence", pa.string()),
            ("source_url", pa.string()),
            ("label", pa.string()),
            ("x_min", pa.int32()),
            ("y_min", pa.int32()),
            ("x_max", pa.int32()),
            ("y_max", pa.int32()),
            ("score", pa.float32()),
            ("tags", pa.list_(pa.string())),
            ("confidences", pa.list_(pa.float32())),
            ("space", pa.string()),
            ("encoder_sha256", pa.string()),
            ("embedding", pa.list_(pa.float32(), dimension)),
            ("sha256", pa.string()),
            ("shard", pa.string()),
            ("offset", pa.int64()),
            ("length", pa.int64()),
        ]
    )


def page_row(page: Page, result: PageResult) -> dict[str, Any]:
    """Return the row of ``page`` in ``PAGES_SCHEMA``."""
    return {
        "page_id": page.page_id,
        "group": page.group,
        "title": page.title,
        "licence": page.licence,
        "source_url": page.source_url,
        "sha256": result.sha256,
        "width": result.width,
        "height": result.height,
        "n_figures": len(result.figures),
        **_framing_columns(result.framing),
        "error": result.error,
    }


def figure_row(page: Page, figure: Figure, sha256: str, shard: str, offset: int) -> dict[str, Any]:
    """Return the row of ``figure``, whose JPEG with that ``sha256`` lies at ``offset`` of ``shard``."""
    x_min, y_min, x_max, y_max = figure.box
    return {
        "figure_id": figure.figure_id,
        "page_id": page.page_id,
        "group": page.group,
        "title": page.title,
        "licence": page.licence,
        "source_url": page.source_url,
        "label": figure.label,
        "x_min": x_min,
        "y_min": y_min,
        "x_max": x_max,
        "y_max": y_max,
        "score": figure.score,
        "tags": [tag["tag"] for tag in figure.tags],
        "confidences": [tag["confidence"] for tag in figure.tags],
        "space": figure.space,
        "encoder_sha256": figure.encoder_sha256,
        "embedding": figure.embedding,
        "sha256": sha256,
        "shard": shard,
        "offset": offset,
        "length": len(figure.jpeg),
    }


def table_bytes(rows: list[dict[str, Any]], schema: pa.Schema) -> bytes:
    """Return ``rows`` as a Parquet file."""
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), buffer, compression="zstd")
    data: bytes = buffer.getvalue().to_pybytes()
    return data


def concatenate(parts: Iterable[Path], target: Path, schema: pa.Schema, rows_per_group: int) -> None:
    """Write the rows of all ``parts`` to ``target`` in row groups of ``rows_per_group``.

    Only one row group lies in memory, and how the rows were cut into parts leaves no trace.
    """
    with target.open("wb") as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        waiting: list[pa.Table] = []
        for part in parts:
            waiting.append(pq.read_table(part, schema=schema))
            while sum(map(len, waiting)) >= rows_per_group:
                whole = pa.concat_tables(waiting)
                writer.write_table(whole.slice(0, rows_per_group).combine_chunks())
                waiting = [whole.slice(rows_per_group)]
        if any(map(len, waiting)):
            writer.write_table(pa.concat_tables(waiting).combine_chunks())


def _framing_columns(framing: Framing | None) -> dict[str, Any]:
    if framing is None or not framing.found:
        return {f"margin_{side}": None for side in _MARGINS} | {"cut_edges": []}
    return {f"margin_{side}": getattr(framing, side) for side in _MARGINS} | {
        "cut_edges": list(framing.cut_edges)
    }
