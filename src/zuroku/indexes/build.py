"""Building an index bundle from a stream of figures: checked one by one, whole or not at all.

Memory holds a batch of rows per tag and eight bytes per figure, whatever their number. A build that was
killed begins again: what costs time are the vectors, and keeping those is the caller's part.
"""

import errno
import hashlib
import shutil
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from zuroku import artifacts
from zuroku.artifacts import Artifact
from zuroku.datasets.shards import member_key
from zuroku.errors import BundleError, ImageError, StorageError
from zuroku.indexes.bundle import (
    ENCODER,
    MANIFEST,
    PAYLOAD,
    UNIT_TOLERANCE,
    EncoderIdentity,
    IndexEntry,
    IndexManifest,
    IndexSettings,
)
from zuroku.indexes.spool import TagSpool, ThumbnailShards, join_spools
from zuroku.indexes.thumbnail import check_thumbnail

_FULL_DISK = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
_SHOWN = 5


def build_index(
    entries: Iterable[IndexEntry],
    settings: IndexSettings,
    encoder: EncoderIdentity,
    target: Path,
    data: Mapping[str, str],
    encoder_folder: Path | None = None,
) -> Artifact:
    """Write the index of ``entries`` to the folder ``target`` unless it is already there, and return it.

    Within a tag, figures keep the order in which they come. ``data`` names the inputs by their SHA-256.
    ``encoder_folder`` is the encoder's sealed bundle, kept in the index so that it can be searched with
    nothing else.

    Raises:
        BundleError: there is no entry, an id stands twice, or an entry cannot be indexed: its vector is not
            finite, not of unit length or of another dimension, or its thumbnail is none.
        IntegrityError: ``encoder_folder`` is not the encoder that ``encoder`` names.
        StorageError: the disk is full. Nothing stays behind.
    """

    def make(work: Path) -> None:
        shutil.rmtree(work)
        work.mkdir()
        try:
            if encoder_folder is not None:
                artifacts.verify(encoder_folder, encoder.sha256)
                shutil.copytree(encoder_folder, work / ENCODER)
            _write(entries, settings, encoder, data, work)
        except BaseException:
            shutil.rmtree(work)
            raise

    try:
        return artifacts.build(target, make)
    except OSError as error:
        if error.errno not in _FULL_DISK:
            raise
        raise StorageError(
            f"no room left while building {target}: {error.strerror}",
            expected="space for vectors, payload and thumbnails, and once more for the largest tag",
            remedy="free space or raise the limit, and run the same command",
        ) from error


def _write(
    entries: Iterable[IndexEntry],
    settings: IndexSettings,
    encoder: EncoderIdentity,
    data: Mapping[str, str],
    work: Path,
) -> None:
    spool_folder = work / "spool"
    spool_folder.mkdir()
    spools: dict[str, TagSpool] = {}
    digests = array("Q")
    with ExitStack() as open_files:
        thumbnails = ThumbnailShards(work, settings.shard_bytes)
        open_files.callback(thumbnails.close)
        for entry in entries:
            vector = _checked_vector(entry, encoder.dimension)
            if entry.primary_tag not in spools:
                spools[entry.primary_tag] = TagSpool(spool_folder, len(spools))
                open_files.callback(spools[entry.primary_tag].close)
            spools[entry.primary_tag].add(vector, _payload_row(entry, thumbnails))
            digests.append(_digest(entry.figure_id))
    if not digests:
        raise BundleError(
            "no figure to index",
            expected="at least one figure",
            remedy="check that detection and tagging found figures, and what the tags leave out",
        )
    slices = join_spools(spools, encoder.dimension, work)
    _refuse_duplicates(np.frombuffer(digests, dtype=np.uint64), work / PAYLOAD)
    shutil.rmtree(spool_folder)
    manifest = IndexManifest(
        name=settings.name,
        dimension=encoder.dimension,
        count=len(digests),
        slices=slices,
        encoder=encoder,
        data=dict(data),
        settings=settings,
    )
    (work / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


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
        remedy="embed the figure again with the encoder of this index, or leave it out",
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
