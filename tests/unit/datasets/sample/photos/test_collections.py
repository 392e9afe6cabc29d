"""Generated photographs: the same anywhere, laid out as published, and alike as families are meant to be."""

import hashlib
import io
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from zuroku.config import parse_settings
from zuroku.datasets.collection import ingest_collection
from zuroku.datasets.photos.collection import PhotoCollectionSettings, open_photos
from zuroku.datasets.photos.oxford import ground_truth_texts
from zuroku.datasets.sample.photos.collections import PhotoSampleSettings, sample_items, sample_texts
from zuroku.datasets.sample.photos.museum import CULTURES, STUFFS, TAGS
from zuroku.datasets.sample.photos.open_images import CLASSES
from zuroku.datasets.sample.photos.places.architecture import LANDMARKS
from zuroku.datasets.source import SourceItem
from zuroku.datasets.zones import ZonedImage
from zuroku.errors import ConfigError

LAYOUTS = ("ukbench", "holidays", "oxford", "imet2019", "open_images")
SMALL = PhotoSampleSettings(seed=5, subjects=4, distractors=3, size_px=96)

_DIGESTS = """
import hashlib, json
from zuroku.datasets.sample.photos.collections import PhotoSampleSettings, sample_items
settings = PhotoSampleSettings(seed=5, subjects=4, distractors=3, size_px=96)
found = {}
for layout in %r:
    for item in sample_items(layout, settings)[:2][::-1]:
        read = item.read()
        data = getattr(read, "data", read)
        found[item.item_id] = hashlib.sha256(data).hexdigest() + repr(getattr(read, "zones", ""))
print(json.dumps(found))
"""


def bytes_of(item: SourceItem) -> bytes:
    read = item.read()
    return read.data if isinstance(read, ZonedImage) else read


@pytest.mark.parametrize("layout", LAYOUTS)
class TestEveryLayout:
    def test_items_are_unique_photographs_of_the_size(self, layout: str) -> None:
        items = sample_items(layout, SMALL)
        assert len({item.item_id for item in items}) == len(items)
        assert [item.item_id for item in items] == sorted(item.item_id for item in items)
        for item in items[:3]:
            image = Image.open(io.BytesIO(bytes_of(item)))
            assert (image.format, image.mode, max(image.size)) == ("JPEG", "RGB", 96)
            # A photograph of something: neither flat nor noise.
            tones = np.asarray(image.convert("L"), float)
            assert tones.std() > 8
            assert np.abs(np.diff(tones, axis=1)).mean() < 25

    def test_another_seed_gives_other_photographs(self, layout: str) -> None:
        first = bytes_of(sample_items(layout, SMALL)[0])
        other = sample_items(layout, SMALL.model_copy(update={"seed": 6}))
        assert bytes_of(other[0]) != first
        assert bytes_of(sample_items(layout, SMALL)[0]) == first

    def test_a_larger_collection_keeps_its_photographs(self, layout: str) -> None:
        more = {i.item_id: i for i in sample_items(layout, SMALL.model_copy(update={"subjects": 6}))}
        for item in sample_items(layout, SMALL)[:2]:
            assert bytes_of(more[item.item_id]) == bytes_of(item)


def test_the_same_bytes_in_another_process() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _DIGESTS % (LAYOUTS,)], capture_output=True, text=True, check=True
    )
    for layout in LAYOUTS:
        for item in sample_items(layout, SMALL)[:2]:
            read = item.read()
            data = read.data if isinstance(read, ZonedImage) else read
            zones = read.zones if isinstance(read, ZonedImage) else ""
            told = hashlib.sha256(data).hexdigest() + repr(zones)
            assert json.loads(ran.stdout)[item.item_id] == told


def test_what_is_not_generated() -> None:
    with pytest.raises(ConfigError, match="12 landmarks"):
        sample_items("oxford", SMALL.model_copy(update={"subjects": 12}))
    with pytest.raises(ConfigError, match="layout 'folders'"):
        sample_items("folders", SMALL)


def test_ukbench_has_four_photographs_of_each_object() -> None:
    items = sample_items("ukbench", SMALL)
    assert [item.item_id for item in items] == [f"ukbench{n:05}" for n in range(16)]
    assert Counter(item.group for item in items) == {f"{n:05}": 4 for n in range(4)}


def test_holidays_scenes_begin_with_their_query() -> None:
    items = sample_items("holidays", SMALL.model_copy(update={"subjects": 30}))
    shots: dict[str, list[str]] = {}
    for item in items:
        assert item.group == item.item_id[:4]
        shots.setdefault(item.group, []).append(item.item_id[4:])
    assert len(shots) == 30
    assert {len(numbers) for numbers in shots.values()} == {2, 3, 4}
    assert all(numbers == [f"{n:02}" for n in range(len(numbers))] for numbers in shots.values())


class TestMuseum:
    def test_three_attributes_of_each_object(self) -> None:
        items = sample_items("imet2019", SMALL.model_copy(update={"subjects": 400}))
        counts = Counter(label for item in items for label in item.labels)
        expected = {f"culture::{name}" for name in CULTURES} | {f"tag::{name}" for name in (*TAGS, *STUFFS)}
        assert set(counts) == expected
        assert all(len(item.labels) == 3 for item in items)
        assert min(counts.values()) >= 20

    def test_attributes_are_independent(self) -> None:
        items = sample_items("imet2019", SMALL.model_copy(update={"subjects": 1500}))
        by_culture = Counter(item.labels[0] for item in items if "tag::vases" in item.labels)
        assert set(by_culture) == {f"culture::{name}" for name in CULTURES}
        assert max(by_culture.values()) < 3 * min(by_culture.values())


class TestOpenImages:
    def test_boxes_name_what_is_labelled(self) -> None:
        items = sample_items("open_images", SMALL.model_copy(update={"subjects": 12, "size_px": 128}))
        for item in items:
            assert re.fullmatch(r"[0-9a-f]{16}", item.item_id)
            assert set(item.labels) <= set(CLASSES)
            assert item.title.endswith(f", by {item.group}")
            read = item.read()
            assert isinstance(read, ZonedImage)
            assert {zone.label for zone in read.zones} <= set(item.labels)
            assert read.zones
            for zone in read.zones:
                assert 0 <= zone.x_min < zone.x_max <= 128
                assert 0 <= zone.y_min < zone.y_max <= 96

    def test_a_box_holds_its_thing(self) -> None:
        # Across the middle of a box there is more than what runs along its sides, the backdrop.
        items = sample_items("open_images", SMALL.model_copy(update={"subjects": 40, "size_px": 128}))
        alone = [item for item in items if len(item.labels) == 1][:4]
        for item in alone:
            read = item.read()
            assert isinstance(read, ZonedImage)
            (zone,) = read.zones
            tones = np.asarray(Image.open(io.BytesIO(read.data)), float)
            left, top, right, bottom = (round(v) for v in (zone.x_min, zone.y_min, zone.x_max, zone.y_max))
            outline = np.concatenate([tones[top:bottom, left], tones[top:bottom, right - 1]])
            middle = tones[(top + bottom) // 2 - 4 : (top + bottom) // 2 + 4, left:right]
            assert np.abs(middle.reshape(-1, 3) - outline.mean(0)).max() > 40

    def test_photographers_take_several(self) -> None:
        items = sample_items("open_images", SMALL.model_copy(update={"subjects": 20}))
        assert set(Counter(item.group for item in items).values()) == {4}
        assert {len(item.labels) for item in items} == {1, 2, 3, 4}


class TestOxford:
    SETTINGS = PhotoSampleSettings(seed=2, subjects=11, distractors=10)

    def test_the_ground_truth_follows_from_the_configuration(self, tmp_path: Path) -> None:
        texts = sample_texts("oxford", self.SETTINGS)
        names = {item.item_id for item in sample_items("oxford", self.SETTINGS)}
        assert len(names) == 11 * 13 + 10
        for name, text in texts.items():
            (tmp_path / name).write_text(text)
        assert ground_truth_texts(tmp_path) == texts
        for landmark in LANDMARKS:
            parts = {part: texts[f"{landmark}_3_{part}.txt"].split() for part in ("good", "ok", "junk")}
            assert [len(parts[part]) for part in ("good", "ok", "junk")] == [6, 4, 3]
            listed = [name for part in parts.values() for name in part]
            assert len(set(listed)) == 13
            assert set(listed) <= names
            assert all(name.startswith(f"{landmark}_") for name in listed)

    def test_queries_are_good_photographs_cut_to_their_building(self) -> None:
        texts = sample_texts("oxford", self.SETTINGS)
        queries = [text.split() for name, text in texts.items() if name.endswith("_query.txt")]
        assert len(queries) == 55
        assert len({name for name, *_ in queries}) == 55
        for name, *corners in queries:
            assert name.startswith("oxc1_")
            x_min, y_min, x_max, y_max = map(float, corners)
            assert 0 <= x_min < x_max <= 224
            assert 0 <= y_min < y_max <= 224
            assert (x_max - x_min) * (y_max - y_min) > 0.08 * 224 * 168

    def test_others_show_no_landmark(self) -> None:
        items = sample_items("oxford", self.SETTINGS)
        assert Counter(item.group for item in items)["town"] == 10

    def test_other_layouts_have_no_texts(self) -> None:
        assert sample_texts("ukbench", SMALL) == {}


def test_a_generated_collection_is_ingested_with_its_ground_truth(tmp_path: Path) -> None:
    values = {
        "kind": "photos",
        "name": "oxford5k",
        "description": "A generated town.",
        "licence": "CC0-1.0",
        "url": "https://example.org",
        "layout": "oxford",
        "labelled": False,
        "source": "generated",
        "generated": {"subjects": 1, "size_px": 96},
        "ingest": {"workers": 1},
    }
    settings = parse_settings(values, PhotoCollectionSettings, "the test")
    collection = open_photos(settings, tmp_path)
    assert collection.workers == "process"
    dataset = ingest_collection(settings, tmp_path / "out", tmp_path)
    assert (dataset.card["items"], dataset.card["groups"]) == (13, 1)
    assert len(list((dataset.root / "ground_truth").iterdir())) == 20
