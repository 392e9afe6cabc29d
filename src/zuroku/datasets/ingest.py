"""From a source to a dataset on disk: read, check, shard, record; resumable, whole or not at all.

Items are read by a bounded window of workers and written in the order of the source, so memory
does not grow with the collection and the result does not depend on the number of workers. Each
finished shard is committed by its part file; a killed ingest goes on after the last commit.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from zuroku.artifacts import locked, replace_folder, room, write_atomically
from zuroku.config import Settings
from zuroku.datasets.http import GoneError, UnusableError
from zuroku.datasets.images import probe_image
from zuroku.datasets.ingest_state import IngestState
from zuroku.datasets.manifest import (
    CARD,
    MANIFEST,
    MANIFEST_SCHEMA,
    QUARANTINE_SCHEMA,
    RETRIEVAL_SCHEMA,
    SHARDS,
    Dataset,
    write_table,
)
from zuroku.datasets.shards import ShardWriter, member_key
from zuroku.datasets.source import SourceItem
from zuroku.datasets.zone_rows import fitted_zones, zone_rows
from zuroku.datasets.zones import ZonedImage
from zuroku.errors import DownloadError, ImageError, QuarantineError, SourceError
from zuroku.streams import ordered_map

_EXTENSIONS = {"image/jpeg": "jpg", "image/png": "png", "image/tiff": "tif", "image/webp": "webp"}

_Answer = tuple[str, bytes]
"""What somebody says of an image: its labels in one text, and a digest of its zones."""

Progress = Callable[[int, int], None]
"""Called with the number of items done and the number there are."""


class IngestSettings(Settings):
    """How a collection is cut into shards, and how much bad input it may hold.

    What changes no byte of the dataset is no part of its hash: an ingest that stopped goes on with another.
    """

    shard_bytes: int = Field(default=256 << 20, gt=0, description="a shard is closed once it is this large")
    max_quarantined_share: float = Field(default=0.01, ge=0, le=1, exclude=True)
    workers: int = Field(default=2, ge=1, exclude=True)


@dataclass(frozen=True)
class Collection:
    """A source opened for ingest.

    ``fingerprint`` changes whenever the list of items may have changed: a half-done ingest is only
    continued under the same one. ``workers`` says whether reading is bound by the processor
    (``process``: items are drawn) or by disk and network (``thread``). ``beside`` are further files of the
    dataset, by their paths in it, such as the texts of a ground truth. ``keeps_twins``: images whose bytes
    stand twice stay, because the published scores of the collection count every one of them.
    """

    items: list[SourceItem]
    fingerprint: str
    workers: Literal["process", "thread"]
    beside: Mapping[str, bytes] = field(default_factory=dict)
    keeps_twins: bool = False


@dataclass(frozen=True)
class _Read:
    """What a worker found: the bytes and what they are, or why the item is refused."""

    item: SourceItem
    data: bytes = b""
    width: int = 0
    height: int = 0
    media_type: str = ""
    zones: list[dict[str, Any]] | None = None
    retrieved_at: datetime | None = None
    reason: str = ""


def ingest(
    collection: Collection,
    out: Path,
    settings: IngestSettings,
    card: Mapping[str, Any],
    progress: Progress = lambda done, total: None,
    finish: Callable[[Path], None] = lambda folder: None,
) -> Dataset:
    """Write ``collection`` to the dataset folder ``out`` and return it.

    ``card`` (name, description, licence, …) becomes ``dataset.json`` together with the counts.
    ``finish`` may write further files into the finished folder before it is moved into place.

    Raises:
        SourceError: the collection has no usable item.
        QuarantineError: more than ``max_quarantined_share`` of the items are bad; the reasons stay
            in ``quarantine.parquet`` of the hidden working folder.
        DownloadError: a server failed or refused, in another way than having nothing of use there. Finished
            shards are kept, and a second run goes on.
        StorageError: the disk is full. What was finished is kept, and a second run goes on.
        BusyError: another process is ingesting into ``out``.
    """
    with locked(out.parent / f".{out.name}.lock", wait=False):
        folder = out.parent / f".{out.name}.partial"
        state = IngestState(folder, out.parent / f".{out.name}.state")
        with room(folder, "the shards of the collection", "finished shards are kept"):
            state.prepare(collection.fingerprint)
            _write_shards(collection, state, settings, progress)
            _write_tables(state, settings, card, collection.keeps_twins)
            for name, data in collection.beside.items():
                (folder / name).parent.mkdir(exist_ok=True)
                write_atomically(folder / name, data)
            finish(folder)
            replace_folder(folder, out)
            state.forget()
    return Dataset(out)


def _write_shards(
    collection: Collection, state: IngestState, settings: IngestSettings, progress: Progress
) -> None:
    done, number = state.resume_point()
    total = len(collection.items)
    with _executor(collection.workers, settings.workers) as executor:
        reads = ordered_map(executor, _read, collection.items[done:], window=8 * settings.workers)
        while done < total:
            done = _write_shard(
                reads, state, number, done, settings.shard_bytes, lambda n: progress(n, total)
            )
            number += 1


def _write_shard(
    reads: Iterator[_Read],
    state: IngestState,
    number: int,
    done: int,
    limit: int,
    progress: Callable[[int], None],
) -> int:
    """Write one shard and commit it with its part file; return how many items are done now."""
    shard = f"{number:06d}.tar"
    writer = ShardWriter(state.folder / SHARDS / shard)
    items: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    try:
        for read in reads:
            done += 1
            if read.reason:
                bad.append(_bad_row(read.item, read.reason))
            else:
                items.append(_write_item(writer, shard, read))
            progress(done)
            if writer.size >= limit:
                break
        writer.close()
    except BaseException:
        writer.abandon()
        raise
    state.commit(number, {"consumed": done, "items": items, "bad": bad})
    return done


def _write_item(writer: ShardWriter, shard: str, read: _Read) -> dict[str, Any]:
    item = read.item
    sha256 = hashlib.sha256(read.data).hexdigest()
    key = member_key(item.item_id, sha256)
    offset = writer.add(f"{key}.{_EXTENSIONS[read.media_type]}", read.data)
    row = {
        "item_id": item.item_id,
        "sha256": sha256,
        "shard": shard,
        "offset": offset,
        "length": len(read.data),
        "width": read.width,
        "height": read.height,
        "media_type": read.media_type,
        "label": item.label,
        "labels": item.all_labels,
        "group": item.group,
        "title": item.title,
        "licence": item.licence,
        "source_url": item.source_url,
        "reviewed": item.reviewed,
        "zones": read.zones,
    }
    writer.add(f"{key}.json", json.dumps(row, ensure_ascii=False, sort_keys=True).encode())
    return row | {"retrieved_at": read.retrieved_at and read.retrieved_at.isoformat()}


def _write_tables(
    state: IngestState, settings: IngestSettings, card: Mapping[str, Any], keeps_twins: bool
) -> None:
    """Write manifest, quarantine, retrieval times and card from the parts, one part at a time."""
    refused = _contradictions(state, keeps_twins)
    bad: list[dict[str, Any]] = []
    retrieval: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    zones: Counter[str] = Counter()
    items = 0
    annotated = False
    groups: set[str] = set()
    with pq.ParquetWriter(state.folder / MANIFEST, MANIFEST_SCHEMA, compression="zstd") as writer:
        position = 0
        for part in state.committed():
            kept = []
            for row in part["items"]:
                retrieved_at = row.pop("retrieved_at")
                if reason := refused.get(position):
                    bad.append({k: row[k] for k in ("item_id", "label", "source_url")} | {"reason": reason})
                else:
                    kept.append(row)
                    items += 1
                    counts.update(row["labels"] or [""])
                    zones.update(zone["label"] for zone in row["zones"] or ())
                    annotated |= row["zones"] is not None
                    groups.add(row["group"])
                    if retrieved_at:
                        when = datetime.fromisoformat(retrieved_at)
                        retrieval.append({"item_id": row["item_id"], "retrieved_at": when})
                position += 1
            bad += part["bad"]
            if kept:
                writer.write_table(pa.Table.from_pylist(kept, schema=MANIFEST_SCHEMA))
    write_table(bad, QUARANTINE_SCHEMA, state.folder / "quarantine.parquet")
    write_table(retrieval, RETRIEVAL_SCHEMA, state.folder / "retrieval.parquet")
    _refuse_bad_collections(bad, items, settings, state.folder)
    numbers = {
        "items": items,
        "groups": len(groups),
        "quarantined": len(bad),
        "counts": dict(sorted(counts.items())),
    } | ({"zones": dict(sorted(zones.items()))} if annotated else {})
    text = json.dumps(dict(card) | numbers, ensure_ascii=False, indent=2, allow_nan=False)
    write_atomically(state.folder / CARD, (text + "\n").encode())


def _contradictions(state: IngestState, keeps_twins: bool) -> dict[int, str]:
    """Find items, by position, whose bytes or id stand twice, and say why each is refused.

    The same bytes under one label and with the same zones are kept once. Otherwise nobody knows which
    is right, so no copy is kept. With ``keeps_twins`` only ids are compared.
    """
    first: dict[bytes, tuple[int, str, _Answer]] = {}
    answers: dict[bytes, set[_Answer]] = {}
    ids: set[str] = set()
    refused: dict[int, str] = {}
    position = 0
    for part in state.committed():
        for row in part["items"]:
            digest = bytes.fromhex(row["sha256"])
            if row["item_id"] in ids:
                refused[position] = f"another item has the id {row['item_id']}"
            elif digest in first and not keeps_twins:
                _, item_id, answer = first[digest]
                refused[position] = f"the same bytes as {item_id} ({answer[0] or 'unlabelled'})"
                answers.setdefault(digest, {answer}).add(_answer(row))
            else:
                first[digest] = (position, row["item_id"], _answer(row))
            ids.add(row["item_id"])
            position += 1
    for digest, given in answers.items():
        names = sorted({label for label, _ in given})
        if len(names) > 1:
            refused[first[digest][0]] = f"the same bytes are labelled {' and '.join(names)}"
        elif len(given) > 1:
            refused[first[digest][0]] = "the same bytes are annotated with different zones"
    return refused


def _answer(row: Mapping[str, Any]) -> _Answer:
    zones = row["zones"]
    digest = b"" if zones is None else hashlib.sha256(json.dumps(zones).encode()).digest()
    return ", ".join(row["labels"]), digest


def _refuse_bad_collections(
    bad: list[dict[str, Any]], kept: int, settings: IngestSettings, work: Path
) -> None:
    share = len(bad) / max(1, len(bad) + kept)
    examples = "; ".join(f"{row['item_id']}: {row['reason'].splitlines()[0]}" for row in bad[:5])
    if bad and share > settings.max_quarantined_share:
        raise QuarantineError(
            f"{len(bad)} of {len(bad) + kept} items are bad ({examples})",
            expected=f"at most {settings.max_quarantined_share:.1%}",
            remedy=f"mend them (all reasons: {work / 'quarantine.parquet'}), or allow more in the "
            "configuration (ingest.max_quarantined_share)",
        )
    if kept == 0:
        raise SourceError(
            "the collection holds no image",
            expected="at least one item",
            remedy="check the folder or address in the configuration",
        )


def _bad_row(item: SourceItem, reason: str) -> dict[str, Any]:
    return {"item_id": item.item_id, "label": item.label, "source_url": item.source_url, "reason": reason}


def _read(item: SourceItem) -> _Read:
    try:
        found = item.read()
        data, zones = (found.data, found.zones) if isinstance(found, ZonedImage) else (found, None)
        info = probe_image(data)
        rows = None if zones is None else zone_rows(fitted_zones(zones, info.width, info.height))
    except (ImageError, GoneError, UnusableError) as error:
        return _Read(item, reason=str(error))
    except DownloadError as error:
        # What a server refuses today is no fault of the item: a dataset without it would stay so for good.
        raise DownloadError(
            f"{item.item_id} cannot be fetched: {error.found}",
            expected=error.expected,
            remedy=f"{error.remedy}; then run this again: finished shards are kept",
        ) from error
    except OSError as error:
        return _Read(item, reason=f"cannot be read: {error}")
    retrieved_at = datetime.now(UTC).replace(microsecond=0) if item.retrieved else None
    return _Read(item, data, info.width, info.height, info.media_type, rows, retrieved_at)


def _executor(kind: Literal["process", "thread"], workers: int) -> Executor:
    if kind == "process":
        return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    return ThreadPoolExecutor(workers)
