"""Layouts whose file names say everything: UKBench, Holidays, Oxford and class folders; and iMet's tables."""

import re
from pathlib import Path

import pytest

from tests.unit.datasets.photos.photo_files import photo, put
from zuroku.datasets.photos.class_folders import folder_items
from zuroku.datasets.photos.holidays import holidays_items
from zuroku.datasets.photos.imet2019 import imet_items
from zuroku.datasets.photos.oxford import ground_truth_texts, oxford_items
from zuroku.datasets.photos.ukbench import ukbench_items
from zuroku.errors import ImageError, SourceError

TERMS, URL = "terms", "https://example.org"


class TestUkbench:
    def test_four_consecutive_photographs_are_an_object(self, tmp_path: Path) -> None:
        for number in (5, 4, 7, 6, 0, 1, 2, 3):
            put(tmp_path, f"full/ukbench{number:05}.jpg", photo(number))
            put(tmp_path, f"thumbnails/ukbench{number:05}.jpg", photo(100 + number))
        put(tmp_path, "index.html", "about")
        items = ukbench_items([tmp_path], TERMS, URL)
        assert [item.item_id for item in items] == [f"ukbench{n:05}" for n in range(8)]
        assert [item.group for item in items] == ["00000"] * 4 + ["00001"] * 4
        assert items[4].read() == photo(4)
        assert {(item.label, item.licence, item.source_url) for item in items} == {("", TERMS, URL)}

    def test_what_is_amiss_is_listed_at_once(self, tmp_path: Path) -> None:
        for number in (0, 1, 2):
            put(tmp_path, f"ukbench{number:05}.jpg", photo(number))
        put(tmp_path, "ukbench7.jpg", photo(7))
        with pytest.raises(SourceError, match="2 faults") as caught:
            ukbench_items([tmp_path], TERMS, URL)
        assert "objects without 4 photographs (00000: 3)" in caught.value.found
        assert "ukbench7.jpg" in caught.value.found

    @pytest.mark.parametrize("missing", [True, False])
    def test_no_folder_and_an_empty_one(self, tmp_path: Path, missing: bool) -> None:
        root = tmp_path / "nowhere" if missing else tmp_path
        with pytest.raises(SourceError, match="is missing" if missing else "without an image"):
            ukbench_items([root], TERMS, URL)

    def test_a_number_that_stands_twice_is_refused_in_both_places(self, tmp_path: Path) -> None:
        for number in range(4):
            put(tmp_path, f"a/ukbench{number:05}.jpg", photo(number))
        put(tmp_path, "b/ukbench00002.jpg", photo(9))
        items = {item.item_id: item for item in ukbench_items([tmp_path], TERMS, URL)}
        assert set(items) == {
            "ukbench00000",
            "ukbench00001",
            "ukbench00003",
            "a/ukbench00002.jpg",
            "b/ukbench00002.jpg",
        }
        with pytest.raises(ImageError, match="several images claim the id ukbench00002"):
            items["a/ukbench00002.jpg"].read()


class TestHolidays:
    def test_scenes_from_two_archives(self, tmp_path: Path) -> None:
        put(tmp_path, "one/jpg/100000.jpg", photo(0))
        put(tmp_path, "two/jpg/100001.jpg", photo(1))
        put(tmp_path, "two/jpg/149900.jpg", photo(2))
        put(tmp_path, "one/jpg/149902.jpg", photo(3))
        items = holidays_items([tmp_path / "one", tmp_path / "two"], TERMS, URL)
        assert [(item.item_id, item.group) for item in items] == [
            ("100000", "1000"),
            ("100001", "1000"),
            ("149900", "1499"),
            ("149902", "1499"),
        ]

    def test_scenes_that_cannot_be_asked_for(self, tmp_path: Path) -> None:
        put(tmp_path, "100001.jpg", photo(0))
        put(tmp_path, "100100.jpg", photo(1))
        put(tmp_path, "10020.jpg", photo(2))
        with pytest.raises(SourceError, match="3 faults") as caught:
            holidays_items([tmp_path], TERMS, URL)
        for said in ("without their query (100000)", "nothing but their query (100100)", "10020.jpg"):
            assert said in caught.value.found


def ground_truth(root: Path, queries: tuple[str, ...] = ("all_souls_1",)) -> None:
    for query in queries:
        put(root, f"{query}_query.txt", f"oxc1_{query[:-2]}_000013 136.5 34.1 648.5 955.7\n")
        for part in ("good", "ok", "junk"):
            put(root, f"{query}_{part}.txt", "all_souls_000013\n" if part == "good" else "")


class TestOxford:
    def test_the_group_is_what_was_asked_of_flickr(self, tmp_path: Path) -> None:
        put(tmp_path, "all_souls_000013.jpg", photo(0))
        put(tmp_path, "paris/defense/paris_defense_000605.jpg", photo(1))
        put(tmp_path, "radcliffe_camera_000000.jpg", photo(2))
        items = oxford_items([tmp_path], TERMS, URL)
        assert [(item.item_id, item.group) for item in items] == [
            ("all_souls_000013", "all_souls"),
            ("paris_defense_000605", "paris_defense"),
            ("radcliffe_camera_000000", "radcliffe_camera"),
        ]

    def test_a_file_that_does_not_decode_stays_in_the_list(self, tmp_path: Path) -> None:
        put(tmp_path, "louvre/paris_louvre_000136.jpg", photo(0)[:50])
        assert oxford_items([tmp_path], TERMS, URL)[0].read() == photo(0)[:50]

    def test_a_strange_name(self, tmp_path: Path) -> None:
        put(tmp_path, "IMG_1.jpg", photo(0))
        with pytest.raises(SourceError, match=r"IMG_1\.jpg"):
            oxford_items([tmp_path], TERMS, URL)

    @pytest.mark.parametrize("below", ["", "gt_files/"])
    def test_texts_are_handed_on(self, tmp_path: Path, below: str) -> None:
        ground_truth(tmp_path / below, ("all_souls_1", "keble_5"))
        put(tmp_path, f"{below}README.txt", "about")
        texts = ground_truth_texts(tmp_path)
        assert len(texts) == 8
        assert texts["all_souls_1_query.txt"] == "oxc1_all_souls_000013 136.5 34.1 648.5 955.7\n"
        assert texts["keble_5_junk.txt"] == ""

    def test_texts_that_are_missing_or_unreadable(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="without a text of a query"):
            ground_truth_texts(tmp_path)
        ground_truth(tmp_path)
        (tmp_path / "all_souls_1_ok.txt").unlink()
        with pytest.raises(SourceError, match=r"all_souls_1_ok\.txt"):
            ground_truth_texts(tmp_path)
        put(tmp_path, "all_souls_1_ok.txt", "万霊".encode("cp932"))
        with pytest.raises(SourceError, match="cannot be read"):
            ground_truth_texts(tmp_path)


class TestClassFolders:
    EACH = re.compile("(.+)")

    def test_class_folders(self, tmp_path: Path) -> None:
        put(tmp_path, "daisy/1.jpg", photo(0))
        put(tmp_path, "rose/1.jpg", photo(1))
        items = folder_items([tmp_path], TERMS, URL, self.EACH)
        assert [(i.item_id, i.label, i.group) for i in items] == [
            ("daisy/1", "daisy", "daisy/1"),
            ("rose/1", "rose", "rose/1"),
        ]

    def test_a_flat_folder_has_no_classes_and_may_have_groups(self, tmp_path: Path) -> None:
        put(tmp_path, "hall_3.jpg", photo(0))
        put(tmp_path, "hall_4.png", photo(1, kind="PNG"))
        items = folder_items([tmp_path], TERMS, URL, re.compile(r"(.+)_\d"))
        assert [(i.item_id, i.label, i.group) for i in items] == [
            ("hall_3", "", "hall"),
            ("hall_4", "", "hall"),
        ]

    def test_faults(self, tmp_path: Path) -> None:
        put(tmp_path, "a/b/deep.jpg", photo(0))
        put(tmp_path, "a/one.jpg", photo(1))
        put(tmp_path, "a/one.png", photo(2, kind="PNG"))
        put(tmp_path, "a/two words.jpg", photo(3))
        with pytest.raises(SourceError, match="3 faults") as caught:
            folder_items([tmp_path], TERMS, URL, re.compile(r"(\w+)"))
        for said in ("a/b/deep.jpg", "images with one id (a/one)", "a/two words.jpg"):
            assert said in caught.value.found


LABELS = "attribute_id,attribute_name\n0,culture::french\n1,tag::vases\n2,tag::flowers\n"


def imet(root: Path, rows: str, labels: str | bytes = LABELS, images: tuple[str, ...] = ("a1", "b2")) -> Path:
    put(root, "labels.csv", labels)
    put(root, "train.csv", "id,attribute_ids\n" + rows)
    for number, name in enumerate(images):
        put(root, f"train/{name}.png", photo(number, kind="PNG"))
    return root


class TestImet:
    def test_attributes_become_labels(self, tmp_path: Path) -> None:
        items = imet_items(imet(tmp_path, "b2,1\na1,2 0 2\n"), TERMS, URL)
        assert [(i.item_id, i.labels, i.label, i.group) for i in items] == [
            ("a1", ("culture::french", "tag::flowers"), "", "a1"),
            ("b2", ("tag::vases",), "", "b2"),
        ]
        assert items[0].read() == photo(0, kind="PNG")

    @pytest.mark.parametrize(
        ("rows", "said"),
        [
            ("a1,0\nc3,1\n", "images that are missing (line 3: 'c3')"),
            ("a1,0 9\n", "attributes that labels.csv lacks (line 2: 'a1': '9')"),
            ("a1,\n", "objects without an attribute (line 2: 'a1')"),
            ("a1,0\na1,1\n", "images listed twice (line 3: a1)"),
            ("../a1,0\n", "ids that are no plain names (line 2: '../a1')"),
            ("a1,0,0\n", "rows without exactly 2 cells (line 2: 3)"),
            ("", "tables without a row"),
        ],
    )
    def test_rows_with_faults(self, tmp_path: Path, rows: str, said: str) -> None:
        with pytest.raises(SourceError) as caught:
            imet_items(imet(tmp_path, rows), TERMS, URL)
        assert said in caught.value.found

    @pytest.mark.parametrize(
        ("labels", "said"),
        [
            ("id,name\n0,x\n", "has no column attribute_id"),
            (LABELS.encode("utf-16"), "UTF-16"),
            ("attribute_id,attribute_name\n0,culture::仏\n".encode("cp932"), "Shift-JIS"),
            ("", "is empty"),
            (LABELS + "1,tag::again\n", "attributes named twice"),
        ],
    )
    def test_tables_of_attributes_with_faults(self, tmp_path: Path, labels: str | bytes, said: str) -> None:
        with pytest.raises(SourceError, match=said):
            imet_items(imet(tmp_path, "a1,0\n", labels), TERMS, URL)
