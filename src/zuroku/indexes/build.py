"""Building an index bundle from a stream of figures: checked one by one, whole or not at all.

Memory holds a batch of rows per tag, eight bytes per figure, and of one large space at a time the codes, a
fifteenth of its vectors, whatever the number of figures. A build that was
killed begins again: what costs time are the vectors, and keeping those is the caller's part.
"""

import hashlib
import shutil
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from zuroku import artifacts
from zuroku.artifacts import Artifact, room
from zuroku.datasets.shards import member_key
from zuroku.errors import BundleError, ImageError
from zuroku.indexes.approximate import can_approximate, write_codes
from zuroku.indexes.bundle import (
    CODES,
    ENCODER,
    MANIFEST,
    PAYLOAD,
    SPACES,
    UNIT_TOLERANCE,
    VECTORS,
    IndexEntry,
    IndexManifest,
    IndexSettings,
    SpaceEncoder,
    SpaceManifest,
)
from zuroku.indexes.router import RouteSettings
from zuroku.indexes.spool import TagSpool, ThumbnailShards, join_spools
from zuroku.indexes.thumbnail import check_thumbnail

_SHOWN = 5


def build_index(
    entries: Iterable[IndexEntry],
    settings: IndexSettings,
    encoders: Mapping[str, SpaceEncoder],
    routes: RouteSettings,
    target: Path,
    data: Mapping[str, str],
) -> Artifact:
    """Write the index of ``entries`` to the folder ``target`` unless it is already there, and return it.

    ``encoders`` are those of the spaces; ``routes`` say by its primary tag in which of these a figure lies.
    Spaces without a figure are left out. Within a tag, figures keep the order in which they come. ``data``
    names the inputs by their SHA-256. An encoder whose sealed bundle is given is kept in the index, so that
    it can be searched with nothing else.

    Raises:
        BundleError: there is no entry, an id stands twice, or an entry cannot be indexed: its vector is not
            finite, not of unit length or of another dimension, or its thumbnail is none.
        ConfigError: the encoders are not those that the routes name.
        IntegrityError: an encoder's folder is not the encoder that it is named.
        StorageError: the disk is full. Nothing stays behind.
    """
    routes.check(encoders)
    recipe = _Recipe(settings, encoders, routes, data)

    def make(work: Path) -> None:
        shutil.rmtree(work)
        work.mkdir()
        try:
            for encoder in encoders.values():
                if encoder.folder is not None:
                    artifacts.verify(encoder.folder, encoder.identity.sha256)
            _write(entries, recipe, work)
        except BaseException:
            shutil.rmtree(work)
            raise

    with room(target, "vectors, codes, payload and thumbnails, and once more for the largest tag"):
        return artifacts.build(target, make)


@dataclass(frozen=True)
class _Recipe:
    """What an index is made by, besides its figures."""

    settings: IndexSettings
    encoders: Mapping[str, SpaceEncoder]
    routes: RouteSettings
    data: Mapping[str, str]


def _write(entries: Iterable[IndexEntry], recipe: _Recipe, work: Path) -> None:
    spool_folder = work / "spool"
    spool_folder.mkdir()
    slices, digests = _write_rows(entries, recipe, work, spool_folder)
    _refuse_duplicates(np.frombuffer(digests, dtype=np.uint64), work / PAYLOAD)
    shutil.rmtree(spool_folder)
    manifest = IndexManifest(
        name=recipe.settings.name,
        count=len(digests),
        routes=recipe.routes,
        spaces={name: _finished_space(name, of_tag, recipe, work) for name, of_tag in slices.items()},
        data=dict(recipe.data),
        settings=recipe.settings,
    )
    (work / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _write_rows(
    entries: Iterable[IndexEntry], recipe: _Recipe, work: Path, spool_folder: Path
) -> tuple[dict[str, dict[str, tuple[int, int]]], "array[int]"]:
    """Write vectors, payload and thumbnails; return the slices by space and tag, and a digest of each id."""
    spools: dict[tuple[str, str], TagSpool] = {}
    dimensions = {space: encoder.identity.dimension for space, encoder in recipe.encoders.items()}
    digests = array("Q")
    with ExitStack() as open_files:
        thumbnails = ThumbnailShards(work, recipe.settings.shard_bytes)
        open_files.callback(thumbnails.close)
        for entry in entries:
            space = recipe.routes.route(entry.primary_tag, recipe.encoders).space
            vector = _checked_vector(entry, dimensions[space])
            if (space, entry.primary_tag) not in spools:
                spools[space, entry.primary_tag] = TagSpool(spool_folder, len(spools))
                open_files.callback(spools[space, entry.primary_tag].close)
            spools[space, entry.primary_tag].add(vector, _payload_row(entry, thumbnails))
            digests.append(_digest(entry.figure_id))
    if not digests:
        raise BundleError(
            "no figure to index",
            expected="at least one figure",
            remedy="check that detection and tagging found figures, and what the tags leave out",
        )
    return join_spools(spools, dimensions, work), digests


def _finished_space(
    name: str, slices: dict[str, tuple[int, int]], recipe: _Recipe, work: Path
) -> SpaceManifest:
    """Add the codes, where the space is large, and the encoder; return what the space holds."""
    encoder, folder = recipe.encoders[name], work / SPACES / name
    if encoder.folder is not None:
        shutil.copytree(encoder.folder, folder / ENCODER)
    vectors = np.load(folder / VECTORS, mmap_mode="r")
    approximate = len(vectors) >= recipe.settings.approximate_from and can_approximate(*vectors.shape)
    if approximate:
        write_codes(vectors, folder / CODES)
    return SpaceManifest(
        dimension=encoder.identity.dimension,
        count=len(vectors),
        slices=slices,
        approximate=approximate,
        encoder=encoder.identity,
    )


def _checked_vector(entry: IndexEntry, dimension: int) -> npt.NDArray[np.float32]:
    vector = np.asarray(entry.vector, dtype=np.float32)
    if vector.shape != (dimension,):
        fault = f"a vector of shape {vector.shape}"
    elif not np.isfinite(vector).all():
        fault = "a vector that is not finite"
    elif abs(float(np.linalg.norm(vector)) - 1) > UNIT_TOLERANCE:
        fault = f"a vector of length {np.linalg.norm(vector):.4g}"
    elif not entry.primary_tag:
        fault = "no primary tag"
    else:
        return vector
    raise BundleError(
        f"figure {entry.figure_id} has {fault}",
        expected=f"a finite vector of unit length with {dimension} dimensions, and a primary tag",
        remedy="embed the figure again with the encoder of its space, or leave it out",
    )


def _payload_row(entry: IndexEntry, thumbnails: ThumbnailShards) -> dict[str, Any]:
    try:
        check_thumbnail(entry.thumbnail)
    except ImageError as error:
        raise BundleError(
            f"figure {entry.figure_id} has {error.found}", expected=error.expected, remedy=error.remedy
        ) from error
    key = member_key(entry.figure_id, hashlib.sha256(entry.figure_id.encode()).hexdigest())
    shard, offset = thumbnails.add(f"{key}.jpg", entry.thumbnail)
    x_min, y_min, x_max, y_max = entry.box
    return {
        "figure_id": entry.figure_id,
        "page_id": entry.page_id,
        "pid": entry.pid,
        "title": entry.title,
        "x_min": x_min,
        "y_min": y_min,
        "x_max": x_max,
        "y_max": y_max,
        "primary_tag": entry.primary_tag,
        "tags": list(entry.tags),
        "confidences": list(entry.tags.values()),
        "licence": entry.licence,
        "source_url": entry.source_url,
        "shard": shard,
        "offset": offset,
        "length": len(entry.thumbnail),
    }


def _digest(figure_id: str) -> int:
    return int.from_bytes(hashlib.blake2b(figure_id.encode(), digest_size=8).digest())


def _refuse_duplicates(digests: npt.NDArray[np.uint64], payload: Path) -> None:
    """Find equal ids by their digests; the ids themselves are read only where digests are equal."""
    values, counts = np.unique(digests, return_counts=True)
    doubtful = set(values[counts > 1].tolist())
    if not doubtful:
        return
    seen: Counter[str] = Counter()
    with pq.ParquetFile(payload) as file:
        for batch in file.iter_batches(columns=["figure_id"]):
            seen.update(name for name in batch["figure_id"].to_pylist() if _digest(name) in doubtful)
    twice = sorted(name for name, count in seen.items() if count > 1)
    if twice:
        rest = f", and {len(twice) - _SHOWN} more" if len(twice) > _SHOWN else ""
        raise BundleError(
            f"figures that come more than once: {', '.join(twice[:_SHOWN])}{rest}",
            expected="each figure_id once",
            remedy="leave out the copies, or give each figure an id of its own",
        )
