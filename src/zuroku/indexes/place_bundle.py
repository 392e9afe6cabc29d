"""What the bundle of a place index is: its files, its manifest, what it says of each photograph.

A bundle is a sealed folder without pickles whose bytes follow from what was indexed. The engine's own files
are no part of it: Qdrant names them at random and rewrites them when it opens them. They are made of the
bundle, and can be thrown away. Writing a bundle belongs to ``place_build``, searching to ``place_index`` and
``place_server``.

- ``manifest.json``: ``PlaceManifest``.
- ``vectors.npy``: ``(n, d)`` float32 unit vectors, in the order of the payload's rows.
- ``payload.parquet``: ``PAYLOAD_SCHEMA``, one row per photograph.
- ``thumbnails.tar``: a small picture of each photograph, where they were given, at the offset of its row.
- ``outlines.geojson`` and ``names.json``: prefectures to draw, and what areas, roads and landmarks are
  called; beside them lie the borders (``place_borders``) and the policy of answers (``answer_policy``).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from zuroku.artifacts import verify
from zuroku.config import Settings, parse_settings
from zuroku.datasets.shards import ShardReader
from zuroku.errors import BundleError, ConfigError, EvaluationError
from zuroku.geo.distances import Coordinates

MANIFEST = "manifest.json"
VECTORS = "vectors.npy"
PAYLOAD = "payload.parquet"
THUMBNAILS = "thumbnails.tar"
OUTLINES = "outlines.geojson"
NAMES = "names.json"

FORMAT = 1
PLACE_THUMBNAIL_PX = 96

AREAS = ("prefecture", "municipality", "town")
"""Columns by which a search may be kept to an area; they hold codes, "" where there is none."""

GALLERY_SPLITS = ("train", "val")
"""Splits that may be searched. An index that held the test split would know the answers."""

PAYLOAD_SCHEMA = pa.schema(
    [
        ("item_id", pa.string()),
        ("latitude", pa.float64()),
        ("longitude", pa.float64()),
        ("prefecture", pa.string()),
        ("municipality", pa.string()),
        ("town", pa.string()),
        ("split", pa.string()),
        ("image", pa.string()),
        ("licence", pa.string()),
        ("source_url", pa.string()),
        ("author", pa.string()),
        ("thumbnail_offset", pa.int64()),
        ("thumbnail_length", pa.int64()),
    ]
)
GIVEN_COLUMNS = tuple(PAYLOAD_SCHEMA.names[:-2])
"""What is given of each photograph; ``image`` says where it lies, such as ``000000.tar/512/34100``."""


class PlaceIndexSettings(Settings):
    """How an index of places is called, and how its engine searches it."""

    name: str = Field(min_length=1, pattern="^[A-Za-z0-9_-]+$")
    approximate_from: int = Field(
        default=20_000,
        ge=1,
        description="a graph (HNSW) is built for at least so many photographs; fewer are scanned exactly, "
        "which takes some milliseconds",
    )
    graph_links: int = Field(default=16, ge=2, description="HNSW's m")
    graph_breadth: int = Field(default=256, ge=4, description="HNSW's ef while building")
    search_breadth: int = Field(
        default=1024,
        ge=1,
        description="HNSW's ef while searching; never below k. Photographs of one street are nearly equal: a "
        "narrower search passes some of them by",
    )


class PlaceSource(Settings):
    """How to credit a table of geodata; ``of`` is what it holds, such as areas or roads."""

    of: str
    licence: str
    citation: str


class PlaceManifest(Settings):
    """What the bundle holds. ``encoder_sha256`` is the seal of the encoder that made the vectors.

    ``sources`` are those of names and outlines; each photograph has its own licence and author in the
    payload. ``release`` is restricted, as the encoder's is: an index tells where photographs were taken, and
    finds out where others were. ``data`` maps each input that photographs, splits and names came from to the
    SHA-256 of its content.
    """

    format: Literal[1] = 1
    release: Literal["restricted"] = "restricted"
    metric: Literal["cosine"] = "cosine"
    dtype: Literal["float32"] = "float32"
    count: int = Field(ge=1)
    dimension: int = Field(ge=1)
    encoder_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    thumbnails: int = Field(ge=0)
    sources: tuple[PlaceSource, ...] = ()
    data: dict[str, str] = Field(default={})
    settings: PlaceIndexSettings


@dataclass(frozen=True)
class PlaceBundle:
    """A verified bundle on disk; ``sha256`` is that of its seal."""

    path: Path
    # Maps have no hash, and the seal tells bundles apart.
    manifest: PlaceManifest = field(hash=False)
    sha256: str

    def __len__(self) -> int:
        return self.manifest.count

    @cached_property
    def vectors(self) -> npt.NDArray[np.float32]:
        """``(n, d)`` float32 unit vectors, read-only, mapped from disk."""
        vectors: npt.NDArray[np.float32] = np.load(self.path / VECTORS, mmap_mode="r", allow_pickle=False)
        return vectors

    @cached_property
    def payload(self) -> pa.Table:
        """The rows of the payload, numbered from 0 as a search names them; about 200 bytes each."""
        return pq.ParquetFile(self.path / PAYLOAD).read().combine_chunks()

    def rows(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> pd.DataFrame:
        """Return what is known of the photographs in ``rows``, in that order.

        Raises:
            EvaluationError: a row is not in the index.
        """
        known: pd.DataFrame = self._taken(rows).to_pandas()
        return known

    def coordinates(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> Coordinates:
        """Return latitude and longitude ``(k, 2)`` of ``rows``; raises as ``rows``."""
        known = self._taken(rows)
        return np.column_stack([known["latitude"].to_numpy(), known["longitude"].to_numpy()])

    def thumbnail(self, row: int) -> bytes | None:
        """Return the small picture of the photograph in ``row``, or None; raises as ``rows``."""
        (known,) = self._taken([row]).to_pylist()
        offset, length = known["thumbnail_offset"], known["thumbnail_length"]
        return self._thumbnails.read(THUMBNAILS, offset, length) if length else None

    def _taken(self, rows: Sequence[int] | npt.NDArray[np.int64]) -> pa.Table:
        wanted = np.asarray(rows, dtype=np.int64).reshape(-1)
        outside = wanted[(wanted < 0) | (wanted >= len(self))]
        if len(outside):
            raise EvaluationError(
                f"row {outside[0]} of an index of {len(self)} photographs",
                expected="rows that a search found",
                remedy="pass the rows of a search in the same index",
            )
        return self.payload.take(pa.array(wanted))

    def check(self) -> None:
        """Check that vectors, payload and manifest fit together; all mismatches are named at once.

        Raises:
            BundleError: they do not, or cannot be read.
        """
        shape = (self.manifest.count, self.manifest.dimension)
        try:
            payload = pq.ParquetFile(self.path / PAYLOAD)
            found = f"{self.vectors.shape} {self.vectors.dtype}"
        except (OSError, ValueError, EOFError, pa.ArrowInvalid) as error:
            raise BundleError(
                f"a file of {self.path} cannot be read: {error}",
                expected=f"{VECTORS} and {PAYLOAD}",
                remedy="restore the bundle from its remote, or build it again",
            ) from error
        faults = [] if found == f"{shape} float32" else [f"{VECTORS} is {found} instead of {shape} float32"]
        if not payload.schema_arrow.equals(PAYLOAD_SCHEMA, check_metadata=False):
            faults.append(f"{PAYLOAD} has the columns {', '.join(payload.schema_arrow.names)}")
        if payload.metadata.num_rows != len(self):
            faults.append(f"{PAYLOAD} has {payload.metadata.num_rows} rows")
        if faults:
            raise BundleError(
                f"the files of {self.path} do not fit together: {'; '.join(faults)}",
                expected=f"{len(self)} vectors and rows, as {MANIFEST} says",
                remedy="build the index again",
            )

    @cached_property
    def _thumbnails(self) -> ShardReader:
        return ShardReader(self.path)


def read_place_bundle(path: Path) -> PlaceBundle:
    """Verify the bundle in ``path`` and return it; every byte is read once for that.

    A link such as a published champion is followed once, here.

    Raises:
        BundleError: there is none, it is of another format, or its files do not fit together.
        IntegrityError: its files are not what was sealed.
    """
    folder = path.resolve()
    manifest = _read_manifest(folder)
    bundle = PlaceBundle(folder, manifest, verify(folder).sha256)
    bundle.check()
    return bundle


def read_outlines(bundle: PlaceBundle) -> dict[str, Any]:
    """Return the outlines of the prefectures in the bundle as GeoJSON."""
    outlines: dict[str, Any] = json.loads((bundle.path / OUTLINES).read_text(encoding="utf-8"))
    return outlines


def read_names(bundle: PlaceBundle) -> dict[str, dict[str, str]]:
    """Return by task the names that the bundle knows for classes: codes of areas, roads, landmarks."""
    names: dict[str, dict[str, str]] = json.loads((bundle.path / NAMES).read_text(encoding="utf-8"))
    return names


def _read_manifest(folder: Path) -> PlaceManifest:
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(
            f"no index of places in {folder}",
            expected=f"a folder with {MANIFEST}, {VECTORS} and {PAYLOAD}",
            remedy="build the index first, or name the folder of one",
        )
    try:
        return parse_settings(json.loads(path.read_text(encoding="utf-8")), PlaceManifest, origin=str(path))
    except (ValueError, ConfigError) as error:
        raise BundleError(
            f"{path} is no manifest of an index of places: {error}",
            expected=f"a manifest of format {FORMAT}",
            remedy="build the index again with this version of zuroku",
        ) from error
