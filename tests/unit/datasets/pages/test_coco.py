"""COCO's JSON: what is read from it, what stops the collection, what costs one page."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.unit.datasets.pages.page_files import SHARED, page_bytes, put
from zuroku.config import parse_settings
from zuroku.datasets.pages.coco import CocoSettings, coco_items
from zuroku.datasets.source import SourceItem
from zuroku.datasets.zones import Zone, ZonedImage
from zuroku.errors import ConfigError, ImageError, SourceError

CLASSES = ["MainZone", "GraphicZone"]


def image(number: int, name: str, **fields: Any) -> dict[str, Any]:
    return {"id": number, "file_name": name, "width": 60, "height": 40, "book": "btv1", **fields}


def box(number: int, image_id: int, bbox: Any, category_id: int = 1, **fields: Any) -> dict[str, Any]:
    return {"id": number, "image_id": image_id, "category_id": category_id, "bbox": bbox, **fields}


def coco(**changed: Any) -> dict[str, Any]:
    whole = {
        "info": {"year": 2024},
        "images": [image(7, "btv1_f2.jpg"), image(3, "btv1_f1.jpg"), image(9, "bpt6_f1.jpg", book=6)],
        "annotations": [
            box(1, 7, [1.5, 2, 10, 20.25], iscrowd=0, area=202.5),
            box(2, 7, [30, 2, 10, 20], category_id=2),
            box(3, 3, [0, 0, 60, 40]),
        ],
        "categories": [{"id": 1, "name": "MainZone"}, {"id": 2, "name": "GraphicZone", "supercategory": "z"}],
    }
    return whole | changed


def items_of(root: Path, content: Any, **fields: Any) -> list[SourceItem]:
    for seed, name in enumerate(("btv1_f1.jpg", "btv1_f2.jpg", "bpt6_f1.jpg")):
        put(root, f"images/{name}", page_bytes(seed))
    put(root, "coco.json", content if isinstance(content, str | bytes) else json.dumps(content))
    values = {
        "annotations": str(root / "coco.json"),
        "images": str(root / "images"),
        "group_field": "book",
        "licence": "CC0-1.0",
        **fields,
    }
    return coco_items(parse_settings(values, CocoSettings, "the test"), CLASSES, ["GraphicZone"])


def collection_fault(root: Path, content: Any, **fields: Any) -> str:
    with pytest.raises(SourceError) as caught:
        items_of(root, content, **fields)
    return str(caught.value)


def test_pages_with_their_zones(tmp_path: Path) -> None:
    items = items_of(tmp_path, coco(), source_url="https://example.org/{group}/{item_id}")
    assert [(item.item_id, item.group, item.label) for item in items] == [
        ("bpt6_f1", "6", "plain"),
        ("btv1_f1", "btv1", "plain"),
        ("btv1_f2", "btv1", "illustrated"),
    ]
    assert items[2].read() == ZonedImage(
        page_bytes(1), (Zone("MainZone", 1.5, 2, 11.5, 22.25), Zone("GraphicZone", 30, 2, 40, 22))
    )
    assert items[0].read() == ZonedImage(page_bytes(2), ())
    assert items[2].source_url == "https://example.org/btv1/btv1_f2"
    assert {item.licence for item in items} == {"CC0-1.0"}


def test_images_in_folders_and_a_byte_order_mark(tmp_path: Path) -> None:
    put(tmp_path, "images/a/b.png", page_bytes(5))
    content = b"\xef\xbb\xbf" + json.dumps(coco(images=[image(1, "a/b.png")], annotations=[])).encode()
    (item,) = items_of(tmp_path, content)
    assert item.item_id == "a/b"


@pytest.mark.parametrize(
    ("bbox", "said"),
    [
        ([50, 2, 13, 20], "reaches 3 px over the edge"),
        ([-2.5, 2, 13, 20], "reaches 2.5 px over the edge"),
        ([10, 2, -5, 20], "is turned over"),
        ([10, 2, 0, 20], "has no area"),
    ],
)
def test_a_box_that_does_not_fit_costs_the_page(tmp_path: Path, bbox: list[float], said: str) -> None:
    items = items_of(tmp_path, coco(annotations=[box(1, 7, bbox), box(2, 3, [1, 1, 5, 5])]))
    with pytest.raises(ImageError, match=said):
        items[2].read()
    assert isinstance(items[1].read(), ZonedImage)


def test_numbers_that_are_none_cost_the_page(tmp_path: Path) -> None:
    text = json.dumps(coco(annotations=[box(1, 7, [float("nan"), 2, 5, 5])]))
    assert "NaN" in text
    with pytest.raises(ImageError, match="no number"):
        items_of(tmp_path, text)[2].read()


def test_a_size_that_disagrees_costs_the_page(tmp_path: Path) -> None:
    (item,) = items_of(tmp_path, coco(images=[image(7, "btv1_f2.jpg", width=120, height=80)], annotations=[]))
    with pytest.raises(ImageError, match="60 × 40 pixels, not 120 × 80"):
        item.read()


def test_faults_of_the_collection_are_said_at_once(tmp_path: Path) -> None:
    content = coco(
        images=[
            image(7, "btv1_f2.jpg"),
            image(7, "btv1_f1.jpg"),
            image(8, "btv1_f1.jpg"),
            image(9, "gone.jpg"),
            image(10, "../coco.json"),
            image(11, "bpt6_f1.jpg", book=" "),
        ],
        annotations=[
            box(1, 7, [1, 2, 3, 4], category_id=5),
            box(1, 99, [1, 2, 3, 4]),
            box(2, 7, [1, 2, 3, 4], category_id=3),
            box(3, 7, [1, 2, 3, 4], iscrowd=1),
        ],
        categories=[*coco()["categories"], {"id": 3, "name": "MusicZone"}, {"id": 3, "name": "Other"}],
    )
    said = collection_fault(tmp_path, content)
    for fault in (
        "1 images with one id (7 (2 times))",
        "1 annotations with one id (1 (2 times))",
        "1 categories with one id (3 (2 times))",
        "1 images with one file name (btv1_f1 (2 times))",
        "1 files that are missing (image 9: 'gone.jpg')",
        "1 paths that are empty or leave the folder (image 10: '../coco.json')",
        "1 images without 'book' (image 11)",
        "1 annotations of a category that is not listed (annotation 1: category 5)",
        "1 annotations of an image that is not listed (annotation 1: image 99)",
        "1 annotations of a class that the configuration lacks (annotation 2: 'Other')",
        "1 annotations of a crowd (annotation 3)",
    ):
        assert fault in said


def test_a_category_that_nothing_uses_may_be_unknown(tmp_path: Path) -> None:
    categories = [*coco()["categories"], {"id": 3, "name": "MusicZone"}]
    assert len(items_of(tmp_path, coco(categories=categories))) == 3


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "Invalid JSON"),
        ('{"images": [', "Invalid JSON"),
        ("[]", "the whole"),
        ("[" * 100_000, "Invalid JSON"),
        (b'{"images": "\xff"}', "Invalid JSON"),
        (coco(images=[]), "1 files without an image"),
        (coco(annotations=None), "annotations"),
        (coco(annotations=[box(1, 7, [1, 2, 3])] * 3), r"3 × annotations.bbox: Field required"),
        (coco(annotations=[{"id": 1, "image_id": 7, "category_id": 1}]), "1 × annotations.bbox"),
        (coco(images=[{"id": 1, "width": 60, "height": 40}]), "1 × images.file_name: Field required"),
    ],
)
def test_files_of_another_form(tmp_path: Path, content: Any, said: str) -> None:
    assert said in collection_fault(tmp_path, content)


def test_another_field_than_the_files_names_the_group(tmp_path: Path) -> None:
    assert "3 images without 'volume' (image 7, image 3, image 9)" in collection_fault(
        tmp_path, coco(), group_field="volume"
    )


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none\.json cannot be read"):
        items_of(tmp_path, coco(), annotations=str(tmp_path / "none.json"))
    assert "is missing" in collection_fault(tmp_path, coco(), images=str(tmp_path / "nowhere"))


def test_unknown_settings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="source_url names page"):
        items_of(tmp_path, coco(), source_url="{page}")


@pytest.mark.skipif(not (SHARED / "layout/early_prints").is_dir(), reason="early_prints is not on this disk")
def test_the_early_prints() -> None:
    folder = SHARED / "layout/early_prints"
    settings = CocoSettings(
        annotations=folder / "coco.json", images=folder / "images", group_field="book", licence="CC0-1.0"
    )
    classes = [category["name"] for category in json.loads((folder / "coco.json").read_text())["categories"]]
    items = coco_items(settings, classes, ["GraphicZone"])
    assert Counter(item.label for item in items) == {"plain": 210, "illustrated": 109}
    assert len({item.group for item in items}) == 20
    found = items[0].read()
    assert isinstance(found, ZonedImage)
    assert found.zones
