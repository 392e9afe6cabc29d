"""The manifest of a dataset: one Parquet row per item, and the dataset that lies around it.

The manifest holds only what follows from the bytes and their source, so ingesting the same bytes
again gives the same file and the same hash. That hash is the version of the dataset.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from zuroku.artifacts import file_sha256
from zuroku.datasets.shards import ShardReader
from zuroku.datasets.zone_rows import ZONES_TYPE, zones_of
from zuroku.datasets.zones import Zone
from zuroku.errors import IntegrityError

MANIFEST = "manifest.parquet"
CARD = "dataset.json"
SHARDS = "shards"
_ZONES = "zones"

LABELS_TYPE = pa.list_(pa.string())
"""All classes of an item, sorted: those of one class hold it here too, unlabelled ones an empty list."""

MANIFEST_SCHEMA = pa.schema(
    [
        ("item_id", pa.string()),
        ("sha256", pa.string()),
        ("shard", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("media_type", pa.string()),
        ("label", pa.string()),
        ("labels", LABELS_TYPE),
        ("group", pa.string()),
        ("title", pa.string()),
        ("licence", pa.string()),
        ("source_url", pa.string()),
        ("reviewed", pa.bool_()),
        (_ZONES, ZONES_TYPE),
    ]
)
QUARANTINE_SCHEMA = pa.schema(
    [("item_id", pa.string()), ("label", pa.string()), ("source_url", pa.string()), ("reason", pa.string())]
)
RETRIEVAL_SCHEMA = pa.schema([("item_id", pa.string()), ("retrieved_at", pa.timestamp("s", tz="UTC"))])


def write_table(rows: list[dict[str, Any]], schema: pa.Schema, path: Path) -> None:
    """Write ``rows`` as Parquet with exactly ``schema``; equal rows give equal bytes."""
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")


@dataclass(frozen=True)
class Dataset:
    """A dataset on disk: ``manifest.parquet``, ``shards/*.tar``, ``dataset.json``."""

    root: Path

    @cached_property
    def version(self) -> str:
        """SHA-256 (hex) of the manifest's bytes."""
        self._require(MANIFEST)
        return file_sha256(self.root / MANIFEST)

    @cached_property
    def manifest(self) -> pd.DataFrame:
        """The manifest, one row per item, in the order of the shards, without the zones.

        Raises:
            IntegrityError: the file is missing or its columns are not ``MANIFEST_SCHEMA``.
        """
        self._require(MANIFEST)
        schema = pq.read_schema(self.root / MANIFEST)
        if not schema.equals(MANIFEST_SCHEMA, check_metadata=False):
            found = {f.name: str(f.type) for f in schema}
            expected = {f.name: str(f.type) for f in MANIFEST_SCHEMA}
            faults = [
                f"{name}: {found.get(name, 'missing')}"
                for name in expected
                if found.get(name) != expected[name]
            ]
            faults += [f"{name}: not expected" for name in found if name not in expected]
            raise IntegrityError(
                f"{self.root / MANIFEST} has other columns: {'; '.join(faults)}",
                expected=", ".join(f"{name} {kind}" for name, kind in expected.items()),
                remedy="ingest the dataset again with this version of zuroku",
            )
        columns = [name for name in MANIFEST_SCHEMA.names if name != _ZONES]
        frame: pd.DataFrame = pq.read_table(self.root / MANIFEST, columns=columns).to_pandas()
        return frame

    @cached_property
    def zone_column(self) -> pa.ChunkedArray:
        """The zones of every item, as ``ZONES_TYPE`` has them; read by those who look at zones.

        As Python objects, eight of them take more memory than all else that is known of an item.
        """
        self._require(MANIFEST)
        return pq.read_table(self.root / MANIFEST, columns=[_ZONES])[_ZONES]

    def rows(self) -> list[Any]:
        """Return the manifest as named tuples, in its order; ``Index`` is a row's place in it."""
        return list(self.manifest.itertuples())

    @cached_property
    def card(self) -> dict[str, Any]:
        """What ``dataset.json`` says of name, source, licence and counts."""
        self._require(CARD)
        card: dict[str, Any] = json.loads((self.root / CARD).read_text(encoding="utf-8"))
        return card

    @cached_property
    def reader(self) -> ShardReader:
        """Reader of this dataset's shards."""
        return ShardReader(self.root / SHARDS)

    def read(self, row: Any) -> bytes:
        """Return the encoded image of a manifest row (anything with shard, offset and length)."""
        return self.reader.read(row.shard, int(row.offset), int(row.length))

    def zones(self, row: Any) -> tuple[Zone, ...]:
        """Return the zones of a manifest row, in pixels of the image as stored; none if not annotated."""
        return zones_of(self.zone_column[row.Index].as_py())

    def verify(self) -> None:
        """Read every item and compare its SHA-256 with the manifest.

        Raises:
            IntegrityError: with the first few items that differ and how many there are.
        """
        changed = [
            str(row.item_id)
            for row in self.manifest.itertuples()
            if hashlib.sha256(self.read(row)).hexdigest() != row.sha256
        ]
        if changed:
            raise IntegrityError(
                f"{len(changed)} items of {self.root} have changed: {', '.join(changed[:5])}",
                expected="bytes with the SHA-256 of the manifest",
                remedy="run `dvc checkout --force`, or ingest again",
            )

    def _require(self, name: str) -> None:
        if not (self.root / name).is_file():
            raise IntegrityError(
                f"no {name} in {self.root}",
                expected="a finished dataset",
                remedy="run `dvc repro`, `dvc pull`, or `make demo`",
            )
