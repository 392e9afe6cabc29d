"""Ingest: whole or not at all, resumable after a kill, bad items quarantined with their reason."""

import io
import json
import multiprocessing
import os
import re
import resource
import shutil
import signal
import tarfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import mlcroissant
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from zuroku.config import config_hash
from zuroku.datasets.croissant import CROISSANT, write_croissant
from zuroku.datasets.http import GoneError, UnusableError
from zuroku.datasets.ingest import Collection, IngestSettings, ingest
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.source import SourceItem
from zuroku.datasets.zones import Zone, ZonedImage
from zuroku.errors import BusyError, DownloadError, QuarantineError, SourceError, StorageError

CARD = {"name": "figures", "description": "test", "licence": "CC0-1.0", "url": "https://example.org"}
SMALL_SHARDS = IngestSettings(shard_bytes=20_000, workers=2, max_quarantined_share=0.5)


def jpeg(seed: int) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 255, (40, 60, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG")
    return buffer.getvalue()


def item(index: int, read=None, label: str = "map", item_id: str = "") -> SourceItem:
    name = item_id or f"{1000 + index // 3}_{index}_0"
    return SourceItem(name, label, name.split("_")[0], "地図帖", "CC0-1.0", "", read or partial(jpeg, index))


def collection(n: int = 24, *more: SourceItem) -> Collection:
    return Collection([*map(item, range(n)), *more], "fingerprint", "thread")


def slow_jpeg(index: int, log: Path, pause_s: float) -> bytes:
    with log.open("a") as file:
        file.write(f"{index}\n")
    time.sleep(pause_s)
    return jpeg(index)


def slow_collection(log: Path, pause_s: float) -> Collection:
    reads = [partial(slow_jpeg, index, log, pause_s) for index in range(60)]
    return Collection([item(i, read) for i, read in enumerate(reads)], "fingerprint", "thread")


def slow_ingest(log: Path, out: Path, pause_s: float = 0.02) -> None:
    ingest(slow_collection(log, pause_s), out, SMALL_SHARDS, CARD)


def page(index: int, *zones: Zone, item_id: str = "") -> SourceItem:
    return item(index, partial(ZonedImage, jpeg(index), zones), label="plain", item_id=item_id)


def quarantine(dataset: Dataset) -> dict[str, str]:
    table = pd.read_parquet(dataset.root / "quarantine.parquet")
    return dict(zip(table["item_id"], table["reason"], strict=True))


def test_what_is_read_back_is_what_was_there(tmp_path: Path) -> None:
    dataset = ingest(collection(), tmp_path / "out", SMALL_SHARDS, CARD)
    dataset.verify()
    rows = dataset.rows()
    assert [row.item_id for row in rows] == [item(i).item_id for i in range(24)]
    assert [dataset.read(row) for row in rows] == [jpeg(i) for i in range(24)]
    assert len({row.shard for row in rows}) > 2
    assert (rows[0].width, rows[0].height, rows[0].media_type) == (60, 40, "image/jpeg")
    assert dataset.card["items"] == 24


def test_a_shard_is_an_ordinary_tar_with_a_description_beside_each_image(tmp_path: Path) -> None:
    dataset = ingest(collection(), tmp_path / "out", SMALL_SHARDS, CARD)
    row = dataset.rows()[0]
    with tarfile.open(dataset.root / "shards" / row.shard) as tar:
        assert tar.getnames()[:2] == [f"{row.item_id}.jpg", f"{row.item_id}.json"]
        member = tar.getmember(f"{row.item_id}.jpg")
        assert (member.offset_data, member.size) == (row.offset, row.length)
        assert json.load(tar.extractfile(f"{row.item_id}.json"))["title"] == "地図帖"


def test_a_card_that_is_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        ingest(collection(), tmp_path / "out", SMALL_SHARDS, CARD | {"farthest_m": float("inf")})
    assert not (tmp_path / "out").exists()


def test_the_version_follows_from_the_bytes_alone(tmp_path: Path) -> None:
    first = ingest(collection(), tmp_path / "a", SMALL_SHARDS, CARD)
    again = ingest(collection(), tmp_path / "b", IngestSettings(shard_bytes=20_000, workers=1), CARD)
    other = ingest(collection(23), tmp_path / "c", SMALL_SHARDS, CARD)
    assert first.version == again.version != other.version


def test_bad_items_are_quarantined_with_their_reason(tmp_path: Path) -> None:
    def gone() -> bytes:
        raise GoneError("404 for x", expected="an image", remedy="check")

    def unusable() -> bytes:
        raise UnusableError("redirected to ftp", expected="http", remedy="check")

    bad = [
        item(100, lambda: jpeg(100)[:900], item_id="9_1_0"),
        item(101, lambda: b"", item_id="9_2_0"),
        item(102, gone, item_id="9_3_0"),
        item(103, partial(Path("/nowhere").read_bytes), item_id="9_4_0"),
        item(104, unusable, item_id="9_5_0"),
    ]
    dataset = ingest(collection(24, *bad), tmp_path / "out", SMALL_SHARDS, CARD)
    reasons = quarantine(dataset)
    assert set(reasons) == {"9_1_0", "9_2_0", "9_3_0", "9_4_0", "9_5_0"}
    assert "does not decode" in reasons["9_1_0"]
    assert "zero bytes" in reasons["9_2_0"]
    assert "404" in reasons["9_3_0"]
    assert "No such file" in reasons["9_4_0"]
    assert "redirected to ftp" in reasons["9_5_0"]
    assert dataset.card["quarantined"] == 5


def test_too_many_bad_items_stop_the_ingest_and_publish_nothing(tmp_path: Path) -> None:
    bad = [item(100 + i, lambda: b"broken", item_id=f"9_{i}_0") for i in range(4)]
    strict = IngestSettings(shard_bytes=20_000, max_quarantined_share=0.1)
    with pytest.raises(QuarantineError, match=r"4 of 28 items are bad.*9_0_0"):
        ingest(collection(24, *bad), tmp_path / "out", strict, CARD)
    assert not (tmp_path / "out").exists()


def test_an_ingest_that_stopped_goes_on_when_more_bad_items_are_allowed() -> None:
    allowed = IngestSettings(max_quarantined_share=0.5, workers=4)
    assert config_hash(allowed) == config_hash(IngestSettings())
    assert config_hash(IngestSettings(shard_bytes=9)) != config_hash(IngestSettings())


def test_the_same_bytes_are_kept_once_and_never_under_two_labels(tmp_path: Path) -> None:
    twins = [
        item(200, partial(jpeg, 0), item_id="9_1_0"),
        item(201, partial(jpeg, 1), label="stamp", item_id="9_2_0"),
    ]
    dataset = ingest(collection(6, *twins), tmp_path / "out", SMALL_SHARDS, CARD)
    reasons = quarantine(dataset)
    assert reasons["9_1_0"] == "the same bytes as 1000_0_0 (map)"
    assert reasons["1000_1_0"] == "the same bytes are labelled map and stamp"
    assert "9_2_0" in reasons
    assert [row.item_id for row in dataset.rows()] == [item(i).item_id for i in (0, 2, 3, 4, 5)]


def test_all_labels_are_kept_sorted_and_each_once(tmp_path: Path) -> None:
    items = [
        item(0),
        item(1, label=""),
        replace(item(2, label=""), labels=("vase", "bowl", "vase")),
        replace(item(3), labels=("map", "graph")),
    ]
    dataset = ingest(Collection(items, "f", "thread"), tmp_path / "out", SMALL_SHARDS, CARD)
    rows = dataset.rows()
    assert [list(row.labels) for row in rows] == [["map"], [], ["bowl", "vase"], ["graph", "map"]]
    assert [row.label for row in rows] == ["map", "", "", "map"]
    assert dataset.card["counts"] == {"": 1, "bowl": 1, "graph": 1, "map": 2, "vase": 1}
    assert dataset.card["items"] == 4


def test_the_same_bytes_under_other_sets_of_labels_are_not_kept(tmp_path: Path) -> None:
    twice = partial(jpeg, 7)
    several = [
        replace(item(n, twice, label=""), labels=labels) for n, labels in ((90, ("a", "b")), (91, ("a",)))
    ]
    same = [replace(item(n, partial(jpeg, 8), label=""), labels=("a", "b")) for n in (92, 93)]
    dataset = ingest(collection(3, *several, *same), tmp_path / "out", SMALL_SHARDS, CARD)
    assert set(quarantine(dataset)) == {several[0].item_id, several[1].item_id, same[1].item_id}
    assert "labelled a and a, b" in quarantine(dataset)[several[0].item_id]


def test_files_beside_the_manifest_come_with_the_dataset(tmp_path: Path) -> None:
    beside = {"ground_truth/keble_1_good.txt": b"keble_000001\n", "notes.txt": b"x"}
    given = replace(collection(2), beside=beside)
    dataset = ingest(given, tmp_path / "out", SMALL_SHARDS, CARD)
    assert {name: (dataset.root / name).read_bytes() for name in beside} == beside


def test_zones_are_kept_in_the_manifest_and_beside_the_image(tmp_path: Path) -> None:
    zones = (
        Zone("8_textline", 1.25, 2, 30.1, 40, "図録の頁", "tate"),
        Zone("4_illustration", -2, -0.5, 62, 41.5),
    )
    pages = Collection([page(0, *zones), page(1), item(2)], "fingerprint", "thread")
    dataset = ingest(pages, tmp_path / "out", SMALL_SHARDS, CARD)
    annotated, empty, unknown = dataset.rows()
    clipped = (zones[0], Zone("4_illustration", 0, 0, 60, 40))
    assert dataset.zones(annotated) == clipped
    assert dataset.zones(empty) == dataset.zones(unknown) == ()
    assert dataset.zone_column.is_null().to_pylist() == [False, False, True]
    # Of most collections nobody reads them, and as objects they would take most of the memory.
    assert "zones" not in dataset.manifest
    assert dataset.card["zones"] == {"4_illustration": 1, "8_textline": 1}
    with tarfile.open(dataset.root / "shards" / annotated.shard) as tar:
        beside = json.load(tar.extractfile(f"{annotated.item_id}.json"))
    assert tuple(Zone(**zone) for zone in beside["zones"]) == clipped


def test_figures_have_no_zones(tmp_path: Path) -> None:
    dataset = ingest(collection(3), tmp_path / "out", SMALL_SHARDS, CARD)
    assert dataset.zone_column.null_count == len(dataset.manifest)
    assert "zones" not in dataset.card


@pytest.mark.parametrize(
    ("zone", "reason"),
    [
        (Zone("x", 0, 0, 62.1, 40), r"zone 2 \(x, x 0 to 62.1, y 0 to 40\) reaches 2.1 px over the edge"),
        (Zone("x", 0, -2.1, 60, 40), "reaches 2.1 px over the edge"),
        (Zone("x", -50, 0, -10, 40), "reaches 50 px over the edge"),
        (Zone("x", 60, 0, 61, 40), "has no area inside the image"),
        (Zone("x", 10, 5, 10, 40), "has no area inside the image"),
        (Zone("x", 20, 5, 10, 40), "is turned over"),
        (Zone("x", 5, float("nan"), 10, 40), "a coordinate that is no number"),
        (Zone("x", 5, 5, 10, float("inf")), "a coordinate that is no number"),
    ],
)
def test_zones_that_do_not_fit_their_image_cost_the_page(tmp_path: Path, zone: Zone, reason: str) -> None:
    bad = page(1, Zone("x", 1, 1, 2, 2), zone, item_id="9_1")
    dataset = ingest(Collection([page(0), bad], "f", "thread"), tmp_path / "out", SMALL_SHARDS, CARD)
    assert re.search(reason, quarantine(dataset)["9_1"])
    assert len(dataset.manifest) == 1


def test_the_same_page_under_different_zones_is_not_kept(tmp_path: Path) -> None:
    zone, other = Zone("x", 1, 1, 5, 5), Zone("x", 1, 1, 5, 6)
    pages = [
        page(0, zone),
        page(0, zone, item_id="9_1"),
        page(1, zone),
        page(1, other, item_id="9_2"),
        page(2),
        item(2, label="plain", item_id="9_3"),
    ]
    dataset = ingest(
        Collection(pages, "f", "thread"), tmp_path / "out", IngestSettings(max_quarantined_share=1), CARD
    )
    assert [row.item_id for row in dataset.rows()] == ["1000_0_0"]
    reasons = quarantine(dataset)
    assert reasons["9_1"] == "the same bytes as 1000_0_0 (plain)"
    assert reasons["1000_1_0"] == reasons["1000_2_0"] == "the same bytes are annotated with different zones"


def test_the_croissant_card_lets_another_tool_read_manifest_and_zones(tmp_path: Path) -> None:
    pages = Collection([page(0, Zone("x", 1, 2, 3, 4.5, "字")), page(1)], "f", "thread")
    card = CARD | {"citation": "nobody"}
    dataset = ingest(pages, tmp_path / "out", SMALL_SHARDS, card, finish=write_croissant)
    first, second = mlcroissant.Dataset(dataset.root / CROISSANT).records("items")
    (zone,) = first["items/zones"]
    assert zone["items/zones/label"] == b"x"
    assert zone["items/zones/text"].decode() == "字"
    assert [zone[f"items/zones/{corner}"] for corner in ("x_min", "y_min", "x_max", "y_max")] == [
        1,
        2,
        3,
        4.5,
    ]
    assert second["items/zones"] == []


def test_an_id_stands_for_one_item(tmp_path: Path) -> None:
    twin = item(300, item_id="1000_0_0")
    dataset = ingest(collection(6, twin), tmp_path / "out", SMALL_SHARDS, CARD)
    assert quarantine(dataset) == {"1000_0_0": "another item has the id 1000_0_0"}
    assert dataset.read(dataset.rows()[0]) == jpeg(0)


def test_an_empty_collection_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no image"):
        ingest(Collection([], "none", "thread"), tmp_path / "out", SMALL_SHARDS, CARD)


def test_a_failure_leaves_the_old_dataset_untouched(tmp_path: Path) -> None:
    old = ingest(collection(), tmp_path / "out", SMALL_SHARDS, CARD)
    version = old.version

    def stop(done: int, total: int) -> None:
        if done > 10:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        ingest(collection(30), tmp_path / "out", SMALL_SHARDS, CARD, progress=stop)
    assert Dataset(tmp_path / "out").version == version
    Dataset(tmp_path / "out").verify()


def test_killed_in_the_middle_it_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    process = multiprocessing.get_context("spawn").Process(target=slow_ingest, args=(log, out, 0.1))
    process.start()
    parts = tmp_path / ".out.state" / "parts"
    for _ in range(1200):
        if len(list(parts.glob("0*.json"))) >= 2:
            break
        time.sleep(0.02)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert not out.exists()
    done = json.loads(max(parts.glob("0*.json")).read_text())["consumed"]
    before = len(log.read_text().split())
    slow_ingest(log, out, 0)
    read_again = [int(line) for line in log.read_text().split()[before:]]
    assert sorted(read_again) == list(range(done, 60))
    assert done > 0
    whole = ingest(slow_collection(tmp_path / "other", 0), tmp_path / "whole", SMALL_SHARDS, CARD)
    assert Dataset(out).version == whole.version
    for path in (out / "shards").iterdir():
        assert path.read_bytes() == (whole.root / "shards" / path.name).read_bytes()
    assert not (tmp_path / ".out.partial").exists()


@pytest.mark.parametrize("at", ["first rename", "second rename", "mark", "parts"])
def test_killed_while_it_is_moved_into_place_it_ends_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    out = tmp_path / "out"
    ingest(collection(5), out, SMALL_SHARDS, CARD)
    whole = ingest(collection(30), tmp_path / "whole", SMALL_SHARDS, CARD)
    replace, rmtree, unlink = os.replace, shutil.rmtree, Path.unlink

    def killed_renaming(source: Path, target: Path) -> None:
        if Path(target).name == {"first rename": ".out.old", "second rename": "out"}.get(at):
            raise KeyboardInterrupt
        replace(source, target)

    def killed_unlinking(path: Path, missing_ok: bool = False) -> None:
        if at == "mark" and path.name == "fingerprint" and path.exists():
            raise KeyboardInterrupt
        unlink(path, missing_ok)

    def killed_removing(path: Path, *arguments: object, **named: object) -> None:
        if at == "parts" and Path(path).name == ".out.state" and Path(path).exists():
            unlink(min((path / "parts").iterdir()))
            raise KeyboardInterrupt
        rmtree(path, *arguments, **named)

    grown = Collection(collection(30).items, "grown", "thread")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed_renaming)
        patch.setattr(Path, "unlink", killed_unlinking)
        patch.setattr(shutil, "rmtree", killed_removing)
        with pytest.raises(KeyboardInterrupt):
            ingest(grown, out, SMALL_SHARDS, CARD)
    dataset = ingest(grown, out, SMALL_SHARDS, CARD)
    assert dataset.version == whole.version
    dataset.verify()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".out.lock", ".whole.lock", "out", "whole"
    ]  # fmt: skip


def test_an_outage_stops_the_ingest_and_a_second_run_misses_nothing(tmp_path: Path) -> None:
    online: list[int] = []
    read: list[int] = []

    def fetch(index: int) -> bytes:
        read.append(index)
        if index >= 15 and not online:
            raise DownloadError("status 503", expected="an answer", remedy="check the network")
        return jpeg(index)

    def fetched() -> Collection:
        return Collection([item(i, partial(fetch, i)) for i in range(24)], "fingerprint", "thread")

    with pytest.raises(DownloadError, match=r"1005_15_0 cannot be fetched: status 503") as raised:
        ingest(fetched(), tmp_path / "out", SMALL_SHARDS, CARD)
    assert "finished shards are kept" in raised.value.remedy
    assert not (tmp_path / "out").exists()
    online.append(1)
    read.clear()
    dataset = ingest(fetched(), tmp_path / "out", SMALL_SHARDS, CARD)
    whole = ingest(collection(), tmp_path / "whole", SMALL_SHARDS, CARD)
    assert dataset.version == whole.version
    assert quarantine(dataset) == {}
    assert 0 < min(read) <= 15


def test_half_done_work_of_another_collection_is_thrown_away(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 20:
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError):
        ingest(collection(), tmp_path / "out", SMALL_SHARDS, CARD, progress=stop)
    other = Collection([item(i) for i in range(50, 60)], "another", "thread")
    dataset = ingest(other, tmp_path / "out", SMALL_SHARDS, CARD)
    assert len(dataset.manifest) == 10


def limited_ingest(out: Path, answer: str) -> None:
    # Files larger than this fail as they do on a full disk; Python ignores the signal that comes too.
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))
    try:
        ingest(collection(), out, IngestSettings(shard_bytes=1 << 20), CARD)
    except StorageError as error:
        Path(answer).write_text(str(error))


def test_a_full_disk_is_said_and_a_second_run_goes_on(tmp_path: Path) -> None:
    out, answer = tmp_path / "out", tmp_path / "answer"
    process = multiprocessing.get_context("spawn").Process(target=limited_ingest, args=(out, str(answer)))
    process.start()
    process.join()
    assert "no room left" in answer.read_text()
    assert "free space" in answer.read_text()
    assert not out.exists()
    assert len(ingest(collection(), out, IngestSettings(shard_bytes=1 << 20), CARD).manifest) == 24


def test_two_ingests_at_once_are_refused(tmp_path: Path) -> None:
    log, out = tmp_path / "log", tmp_path / "out"
    process = multiprocessing.get_context("spawn").Process(target=slow_ingest, args=(log, out, 0.5))
    process.start()
    for _ in range(1200):
        if log.exists():
            break
        time.sleep(0.02)
    with pytest.raises(BusyError, match="working on out"):
        ingest(collection(), out, SMALL_SHARDS, CARD)
    process.kill()
    process.join()
