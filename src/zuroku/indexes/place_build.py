"""Building the bundle of a place index: whole or not at all, and checked before it is, pictures on the way.

Engines make their own files of a finished bundle (``place_index``, ``place_server``).
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from zuroku import artifacts
from zuroku.artifacts import Artifact, room
from zuroku.datasets.shards import ShardWriter
from zuroku.errors import BundleError, GeoDataError, ImageError
from zuroku.geo.distances import checked_coordinates
from zuroku.indexes.place_bundle import (
    GALLERY_SPLITS,
    GIVEN_COLUMNS,
    MANIFEST,
    PAYLOAD,
    PAYLOAD_SCHEMA,
    PLACE_THUMBNAIL_PX,
    THUMBNAILS,
    VECTORS,
    PlaceIndexSettings,
    PlaceManifest,
    PlaceSource,
)
from zuroku.indexes.thumbnail import check_thumbnail

_SHOWN = 5
_BLOCK = 16_384
_ROW_GROUP = 8192

Vectors = npt.NDArray[np.float32]


def build_place_index(
    vectors: npt.NDArray[np.floating],
    payload: pd.DataFrame,
    encoder_sha256: str,
    settings: PlaceIndexSettings,
    target: Path,
    thumbnails: Iterable[bytes] | None = None,
    beside: Mapping[str, bytes] | None = None,
    sources: Sequence[PlaceSource] = (),
    data: Mapping[str, str] | None = None,
) -> Artifact:
    """Write the bundle of the photographs to the folder ``target`` unless it is there, and return it.

    ``vectors`` is ``(n, d)``, of any length but zero; they are stored at unit length. ``payload`` has
    ``GIVEN_COLUMNS`` and n rows in the same order, ``thumbnails`` a picture per row or b"" for none; they are
    written as they come. ``encoder_sha256`` is the seal of the encoder: queries of another one are refused.
    ``beside`` are further files of the bundle by their names, ``sources`` and ``data`` those of
    ``PlaceManifest``.

    Raises:
        BundleError: there is nothing to index, the parts do not fit together, a vector is zero or not finite,
            an id stands twice or is empty, or a photograph is of the test split: each with the first ids.
        StorageError: the disk is full. Nothing stays behind.
    """
    table = _checked_payload(payload, len(vectors))
    _check_vectors(vectors, table["item_id"])
    described = PlaceManifest(
        count=len(table),
        dimension=vectors.shape[1],
        encoder_sha256=encoder_sha256,
        thumbnails=0,
        sources=tuple(sources),
        data=dict(data or {}),
        settings=settings,
    )
    write = partial(_write_bundle, vectors, table, thumbnails, described, beside or {})
    with room(target, "vectors, payload and thumbnails"):
        return artifacts.build(target, write)


def _write_bundle(
    vectors: npt.NDArray[np.floating],
    table: pd.DataFrame,
    thumbnails: Iterable[bytes] | None,
    described: PlaceManifest,
    beside: Mapping[str, bytes],
    work: Path,
) -> None:
    """Write all files into ``work``, or leave none; ``described`` gets the number of thumbnails written."""
    shutil.rmtree(work)
    work.mkdir()
    try:
        _write_vectors(vectors, work / VECTORS)
        offsets = _write_thumbnails(thumbnails, table["item_id"], work / THUMBNAILS)
        _write_payload(table, offsets, work / PAYLOAD)
        manifest = described.model_copy(update={"thumbnails": int((offsets[:, 1] > 0).sum())})
        (work / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        for name, content in beside.items():
            (work / name).write_bytes(content)
    except BaseException:
        shutil.rmtree(work)
        raise


def _checked_payload(payload: pd.DataFrame, n_vectors: int) -> pd.DataFrame:
    missing = [name for name in GIVEN_COLUMNS if name not in payload.columns]
    if missing or len(payload) != n_vectors or n_vectors == 0:
        raise BundleError(
            f"{len(payload)} rows of payload for {n_vectors} vectors"
            + (f", without the column {', '.join(missing)}" if missing else ""),
            expected=f"at least one photograph, each with a vector and the columns "
            f" {', '.join(GIVEN_COLUMNS)}",
            remedy="check that the dataset has photographs with places, and pass both in the same order",
        )
    table = payload[list(GIVEN_COLUMNS)].reset_index(drop=True)
    try:
        checked_coordinates(table[["latitude", "longitude"]].to_numpy(dtype=np.float64))
    except GeoDataError as error:
        raise BundleError(error.found, expected=error.expected, remedy=error.remedy) from error
    ids, splits = table["item_id"], table["split"]
    texts = table.drop(columns=["latitude", "longitude"])
    no_text = ~texts.map(lambda value: isinstance(value, str)).all(axis=1)
    _refuse(no_text | (ids == ""), ids, "without an id, or with a value that is no text", "leave '' for none")
    _refuse(ids.duplicated(), ids, "that come more than once", "leave out the copies")
    _refuse(
        ~splits.isin(GALLERY_SPLITS),
        ids,
        f"of the split {', '.join(map(repr, sorted(set(splits) - set(GALLERY_SPLITS))))}",
        "index only the training and validation splits: a test photograph in the gallery answers itself",
    )
    return table


def _check_vectors(vectors: npt.NDArray[np.floating], ids: pd.Series) -> None:
    if vectors.ndim != 2 or vectors.shape[1] == 0 or not np.issubdtype(vectors.dtype, np.floating):
        raise BundleError(
            f"vectors of shape {vectors.shape} and type {vectors.dtype}",
            expected="floats (n, d)",
            remedy="pass one vector of the encoder for each photograph",
        )
    bad = np.zeros(len(vectors), dtype=np.bool_)
    for start in range(0, len(vectors), _BLOCK):
        block = np.asarray(vectors[start : start + _BLOCK], dtype=np.float32)
        lengths = np.linalg.norm(block, axis=1)
        bad[start : start + _BLOCK] = ~np.isfinite(block).all(axis=1) | ~(lengths > 0) | np.isinf(lengths)
    _refuse(
        pd.Series(bad),
        ids,
        "whose vectors are not finite or of length zero",
        "embed them again, or leave them out",
    )


def _refuse(bad: pd.Series, ids: pd.Series, fault: str, remedy: str) -> None:
    """Raise an error that names the first photographs where ``bad`` ``(n,)`` is true."""
    if not bad.any():
        return
    named = [repr(name) for name in ids[bad].head(_SHOWN)]
    rest = int(bad.sum()) - len(named)
    raise BundleError(
        f"{int(bad.sum())} photographs {fault}: {', '.join(named)}" + (f", and {rest} more" if rest else ""),
        expected="photographs of the gallery, each with its own id and a finite vector that is not zero",
        remedy=remedy,
    )


def _write_vectors(vectors: npt.NDArray[np.floating], path: Path) -> None:
    header = {"descr": "<f4", "fortran_order": False, "shape": vectors.shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(vectors), _BLOCK):
            block = np.asarray(vectors[start : start + _BLOCK], dtype=np.float32)
            block = block / np.linalg.norm(block, axis=1, keepdims=True)
            file.write(np.ascontiguousarray(block, dtype="<f4").data)


def _write_thumbnails(
    thumbnails: Iterable[bytes] | None, ids: pd.Series, path: Path
) -> npt.NDArray[np.int64]:
    """Write the shard, and return offset and length ``(n, 2)`` of each picture, 0 and 0 for none."""
    places = np.zeros((len(ids), 2), dtype=np.int64)
    if thumbnails is None:
        return places
    given = 0
    writer = ShardWriter(path)
    try:
        for row, data in enumerate(thumbnails):
            given += 1
            if data and row < len(ids):
                _check_thumbnail(data, ids[row])
                places[row] = writer.add(f"{row:09d}.jpg", data), len(data)
    finally:
        writer.close()
    if given != len(ids):
        raise BundleError(
            f"{given} thumbnails for {len(ids)} photographs",
            expected="one for each, b'' where there is none",
            remedy="pass them in the order of the payload",
        )
    return places


def _check_thumbnail(data: bytes, item_id: str) -> None:
    try:
        check_thumbnail(data, PLACE_THUMBNAIL_PX)
    except ImageError as error:
        raise BundleError(
            f"photograph {item_id} has {error.found}", expected=error.expected, remedy=error.remedy
        ) from error


def _write_payload(table: pd.DataFrame, thumbnails: npt.NDArray[np.int64], path: Path) -> None:
    whole = table.assign(thumbnail_offset=thumbnails[:, 0], thumbnail_length=thumbnails[:, 1])
    rows = pa.Table.from_pandas(whole, schema=PAYLOAD_SCHEMA, preserve_index=False)
    pq.write_table(rows.replace_schema_metadata(None), path, compression="zstd", row_group_size=_ROW_GROUP)
