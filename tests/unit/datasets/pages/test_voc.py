"""NDL-DocL's layouts: what is read from them, what stops the collection, what costs one page."""

import pickle
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.datasets.pages.page_files import SHARED, SIZE, Box, page_bytes, put, voc_xml
from zuroku.config import parse_settings
from zuroku.datasets.pages.voc import VocSettings, voc_items
from zuroku.datasets.source import SourceItem
from zuroku.datasets.zones import Zone, ZonedImage
from zuroku.errors import ConfigError, ImageError, SourceError

TITLED = "2568591(機巧図彙 2巻首1巻[1])"
FIGURE: Box = ("4_illustration", 5, 6, 20, 30)
LINE: Box = ("2_handwritten", 30, 2, 34.5, 38)


def items_of(root: Path, **fields: Any) -> list[SourceItem]:
    return voc_items(parse_settings({"root": str(root), "licence": "PDM", **fields}, VocSettings, "the test"))


def put_page(root: Path, name: str, boxes: Sequence[Box] = (FIGURE,), seed: int = 0) -> None:
    put(root, f"{name}.jpg", page_bytes(seed))
    put(root, f"{name}.xml", voc_xml(boxes))


def put_annotated(root: Path, xml: str | bytes, image: bytes | None = None) -> SourceItem:
    """Write the one page of a collection and return its item."""
    put(root, "1/1_1.jpg", page_bytes() if image is None else image)
    put(root, "1/1_1.xml", xml)
    return items_of(root)[0]


def collection_fault(root: Path, **fields: Any) -> str:
    with pytest.raises(SourceError) as caught:
        items_of(root, **fields)
    return str(caught.value)


def page_fault(item: SourceItem) -> str:
    with pytest.raises(ImageError) as caught:
        item.read()
    return str(caught.value)


def test_annotations_beside_the_images(tmp_path: Path) -> None:
    put_page(tmp_path, f"kotenseki/{TITLED}/2568591_14", [FIGURE, LINE])
    put_page(tmp_path, "kindai/1029114/1029114_0005", [("8_textline", 1, 2, 3, 4)], seed=1)
    put(tmp_path, "type.json", "{}")
    plain, illustrated = items_of(tmp_path, source_url="https://dl.ndl.go.jp/pid/{group}#{item_id}")
    assert (plain.item_id, plain.group, plain.title, plain.label) == (
        "1029114_0005",
        "1029114",
        "",
        "plain",
    )
    assert plain.source_url == "https://dl.ndl.go.jp/pid/1029114#1029114_0005"
    assert (illustrated.item_id, illustrated.group) == ("2568591_14", "2568591")
    assert (illustrated.title, illustrated.label) == ("機巧図彙 2巻首1巻[1]", "illustrated")
    assert (illustrated.licence, illustrated.retrieved, illustrated.reviewed) == ("PDM", False, True)
    assert illustrated.read() == ZonedImage(
        page_bytes(),
        (Zone("4_illustration", 5, 6, 20, 30), Zone("2_handwritten", 30, 2, 34.5, 38)),
    )


def test_annotations_in_a_folder_of_their_own(tmp_path: Path) -> None:
    put(tmp_path, "2544473(栄花物語)/image/2544473_01.jpg", page_bytes())
    put(tmp_path, "2544473(栄花物語)/xml/2544473_01.xml", voc_xml([LINE]))
    put(tmp_path, "2544473(栄花物語)/binder.json", "{}")
    (item,) = items_of(tmp_path)
    assert (item.item_id, item.group, item.title) == ("2544473_01", "2544473", "栄花物語")
    found = item.read()
    assert isinstance(found, ZonedImage)
    assert len(found.zones) == 1


def test_a_page_without_objects_has_no_zones(tmp_path: Path) -> None:
    item = put_annotated(tmp_path, voc_xml())
    assert item.label == "plain"
    assert item.read() == ZonedImage(page_bytes(), ())


def test_figure_classes_decide_the_label(tmp_path: Path) -> None:
    put_page(tmp_path, "1/1_1", [("x", 1, 2, 3, 4)])
    settings = VocSettings(root=tmp_path, licence="PDM")
    assert voc_items(settings, ["x"], ["x"])[0].label == "illustrated"
    assert voc_items(settings, ["x"])[0].label == "plain"


def test_items_travel_to_workers(tmp_path: Path) -> None:
    put_page(tmp_path, "1/1_1")
    (item,) = items_of(tmp_path)
    assert pickle.loads(pickle.dumps(item)).read() == item.read()


@pytest.mark.parametrize("size", [None, ("", " ")])
def test_a_missing_size_leaves_it_to_the_image(tmp_path: Path, size: tuple[str, str] | None) -> None:
    item = put_annotated(tmp_path, voc_xml([FIGURE], size=size))
    assert isinstance(item.read(), ZonedImage)


def test_a_box_may_reach_two_pixels_over_the_edge(tmp_path: Path) -> None:
    item = put_annotated(tmp_path, voc_xml([("5_stamp", -2, 0, 62, 40)]))
    found = item.read()
    assert isinstance(found, ZonedImage)
    assert found.zones == (Zone("5_stamp", 0, 0, *SIZE),)


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        (
            ("5_stamp", 0, 0, 62.5, 40),
            r"zone 2 (5_stamp, x 0 to 62.5, y 0 to 40) reaches 2.5 px over the edge",
        ),
        (("5_stamp", -3, 0, 10, 40), "reaches 3 px over the edge"),
        (("5_stamp", 20, 5, 10, 30), "is turned over"),
        (("5_stamp", 10, 30, 20, 5), "is turned over"),
        (("5_stamp", 10, 5, 10, 30), "has no area"),
        (("5_stamp", 60, 5, 61, 30), "has no area inside the image"),
        (("5_stamp", "nan", 5, 10, 30), "a coordinate that is no number"),
        (("5_stamp", 1, 5, "inf", 30), "a coordinate that is no number"),
        (("5_stamp", "", 5, 10, 30), "xmin '' for object 2 (5_stamp)"),
        (("5_stamp", 1, "five", 10, 30), "ymin 'five' for object 2 (5_stamp)"),
        ((" \t", 1, 5, 10, 30), "no class for object 2"),
    ],
)
def test_a_box_that_does_not_fit_costs_the_page(tmp_path: Path, box: Box, reason: str) -> None:
    assert reason in page_fault(put_annotated(tmp_path, voc_xml([FIGURE, box])))


@pytest.mark.parametrize(
    ("size", "reason"),
    [
        ((40, 60), "1_1.jpg has 60 × 40 pixels, not 40 × 60"),
        ((0, 0), "not 0 × 0"),
        (("60", "wide"), "a size of '60' × 'wide'"),
        (("60", ""), "a size of '60' × ''"),
    ],
)
def test_a_wrong_size_costs_the_page(tmp_path: Path, size: tuple[object, object], reason: str) -> None:
    assert reason in page_fault(put_annotated(tmp_path, voc_xml([FIGURE], size=size)))


def test_an_exif_orientation_that_is_none_turns_nothing(tmp_path: Path) -> None:
    item = put_annotated(tmp_path, voc_xml([FIGURE]), page_bytes(orientation=9))
    assert isinstance(item.read(), ZonedImage)


def test_an_image_that_exif_turns_costs_the_page(tmp_path: Path) -> None:
    item = put_annotated(tmp_path, voc_xml([FIGURE]), page_bytes(orientation=3))
    assert "turned by its EXIF orientation (3)" in page_fault(item)


def test_an_image_that_does_not_decode_costs_the_page(tmp_path: Path) -> None:
    item = put_annotated(tmp_path, voc_xml([FIGURE]), page_bytes()[:-400])
    assert "does not decode" in page_fault(item)


BOMB = (
    '<?xml version="1.0"?>\n<!DOCTYPE annotation [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]>\n'
    "<annotation><object><name>&b;</name></object></annotation>"
)


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("", "no element found"),
        (voc_xml([FIGURE])[:-10], "is broken"),
        ("<annotation><object></annotation>", "mismatched tag"),
        (b"<annotation>\xff</annotation>", "is broken"),
        (b'<?xml version="1.0" encoding="Shift_JIS"?><annotation/>', "is broken"),
        (b'<?xml version="1.0" encoding="klingon"?><annotation/>', "is broken"),
        ("<html/>", "begins with <html>"),
        (BOMB, "declares a DOCTYPE"),
        (BOMB.replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16"), "declares a DOCTYPE"),
        ('<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation/>', "declares a DOCTYPE"),
        (
            "<annotation><object><name>5_stamp</name></object></annotation>",
            "0 boxes for object 1 (5_stamp)",
        ),
        (voc_xml([FIGURE]).replace("</bndbox>", "</bndbox><bndbox/>"), "2 boxes for object 1"),
        (b"<annotation>" + b" " * (16 << 20) + b"</annotation>", "bytes"),
    ],
)
def test_a_broken_annotation_costs_the_page(tmp_path: Path, xml: str | bytes, reason: str) -> None:
    item = put_annotated(tmp_path, xml)
    assert reason in page_fault(item)
    assert (item.item_id, item.label) == ("1_1", "")


def test_a_page_without_an_annotation_or_with_two(tmp_path: Path) -> None:
    put(tmp_path, "1/1_1.jpg", page_bytes())
    put(tmp_path, "1/image/1_2.jpg", page_bytes())
    put(tmp_path, "1/image/1_2.xml", voc_xml())
    put(tmp_path, "1/xml/1_2.xml", voc_xml())
    bare, doubly = items_of(tmp_path)
    assert "1_1.jpg has 0 annotations\n" in page_fault(bare)
    assert "1_2.jpg has 2 annotations (1/image/1_2.xml, 1/xml/1_2.xml)" in page_fault(doubly)


def test_images_that_claim_one_id_are_all_refused(tmp_path: Path) -> None:
    put_page(tmp_path, "old/1/1_1")
    put_page(tmp_path, "new/1/1_1")
    items = items_of(tmp_path)
    assert [item.item_id for item in items] == ["new/1/1_1.jpg", "old/1/1_1.jpg"]
    assert all("several images claim the id 1_1" in page_fault(item) for item in items)


def test_faults_of_the_collection_are_said_at_once(tmp_path: Path) -> None:
    put_page(tmp_path, "1/1_1", [FIGURE, ("4_ilustration", 1, 2, 3, 4), ("Kopf", 1, 2, 3, 4)])
    put(tmp_path, "1/1_2.xml", voc_xml())
    put(tmp_path, "1/cover.jpg", page_bytes())
    said = collection_fault(tmp_path)
    assert (
        "2 zones of a class that the configuration lacks (1_1.xml: '4_ilustration', 1_1.xml: 'Kopf')" in said
    )
    assert "1 annotations without an image (1/1_2.xml)" in said
    assert r"1 file names not of the form (\d+)_\d+ (1/cover.jpg)" in said


def test_roots_that_hold_nothing(tmp_path: Path) -> None:
    assert "1 folders without an image" in collection_fault(tmp_path)
    assert "is missing" in collection_fault(tmp_path / "nowhere")


def test_links_that_leave_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "root"
    put_page(root, "1/1_1")
    (root / "1/1_2.jpg").symlink_to(put(tmp_path, "secret.jpg", page_bytes()))
    assert "links that leave the folder (1/1_2.jpg)" in collection_fault(root)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"group_pattern": r"\d+"}, "nothing names the group"),
        ({"group_pattern": "("}, "not a regular expression"),
        ({"source_url": "https://x/{pid}"}, "source_url names pid; known are group, item_id"),
        ({"source_url": "https://x/{item_id:d}"}, "source_url"),
        ({"licence": ""}, "licence"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, fields: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        items_of(tmp_path, **fields)


def test_other_names_by_another_pattern(tmp_path: Path) -> None:
    put_page(tmp_path, "v/genji-03-012")
    (item,) = items_of(tmp_path, group_pattern=r"([a-z]+)-\d+-\d+")
    assert (item.item_id, item.group) == ("genji-03-012", "genji")


@pytest.mark.skipif(not (SHARED / "ndl/docl").is_dir(), reason="the samples of NDL-DocL are not on this disk")
class TestRealSamples:
    def test_annotations_beside_the_images(self) -> None:
        items = items_of(SHARED / "ndl/docl/sample")
        assert Counter((item.group, item.title, item.label) for item in items) == {
            ("1029114", "", "plain"): 2,
            ("2568591", "機巧図彙 2巻首1巻[1]", "illustrated"): 7,
        }
        assert zone_counts(items) == {
            "1_overall": 9,
            "2_handwritten": 221,
            "3_typography": 29,
            "4_illustration": 25,
            "5_stamp": 1,
            "6_headline": 7,
            "8_textline": 88,
        }

    def test_annotations_in_a_folder_of_their_own(self) -> None:
        items = items_of(SHARED / "ndl/docl/tugidigi-annotation/sample/data")
        assert [item.item_id for item in items] == [f"2544473_0{n}" for n in range(1, 6)]
        assert sum(zone_counts(items).values()) == 62


def zone_counts(items: list[SourceItem]) -> Counter[str]:
    pages = [item.read() for item in items]
    return Counter(zone.label for page in pages if isinstance(page, ZonedImage) for zone in page.zones)
