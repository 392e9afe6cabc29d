"""Open Images from tables as published: labels, boxes, subsets, and tables that are not as published."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.unit.datasets.photos.photo_files import (
    BY,
    CLASSES,
    box_row,
    image_id,
    image_row,
    label_row,
    open_images_tables,
    photo,
    published_open_images,
    put,
)
from zuroku.datasets.photos import csv_stream
from zuroku.datasets.photos.open_images import (
    OpenImagesSettings,
    OpenImagesSubset,
    located_tables,
    open_images_items,
)
from zuroku.datasets.source import SourceItem
from zuroku.datasets.zones import Zone, ZonedImage
from zuroku.errors import ConfigError, ImageError, SourceError


def written(root: Path, tables: dict[str, str]) -> Path:
    for name, text in tables.items():
        put(root, name, text)
    return root


def listed(
    root: Path, classes: list[str] | None = None, settings: OpenImagesSettings | None = None
) -> list[SourceItem]:
    settings = settings or OpenImagesSettings()
    tables = located_tables(settings, lambda address: root / address.rsplit("/", 1)[-1])

    def reader(subset: str, name: str) -> Callable[[], bytes]:
        return (root / subset / f"{name}.jpg").read_bytes

    return open_images_items(tables, settings, classes, reader, "terms", False)


class TestItems:
    def test_labels_are_those_verified_and_those_boxed(self, tmp_path: Path) -> None:
        items = listed(written(tmp_path, published_open_images()))
        assert [(item.item_id, item.labels) for item in items] == [
            (image_id(1), ("Vase", "Wine glass")),
            (image_id(2), ("Vase", "Wine glass")),
        ]
        assert {item.label for item in items} == {""}

    def test_credit_licence_and_group_are_the_photographers(self, tmp_path: Path) -> None:
        first, second = listed(written(tmp_path, published_open_images()))
        assert first.title == "Three boys on a hill, by Karen"
        assert second.title == 'A "quoted" title, and a comma, by Ann'
        assert (first.licence, first.source_url) == (BY, "https://example.org/1")
        assert first.group == "https://www.flickr.com/people/Karen/"

    def test_without_an_author_each_photograph_is_a_group(self, tmp_path: Path) -> None:
        rows = [image_row(1, "", "x").replace(BY, "")]
        (item,) = listed(written(tmp_path, open_images_tables(rows, [label_row(1, "/m/02vase")], [])))
        assert (item.group, item.title, item.licence) == (image_id(1), "x", "terms")

    def test_boxes_become_zones_in_pixels(self, tmp_path: Path) -> None:
        written(tmp_path, published_open_images())
        put(tmp_path, f"train/{image_id(1)}.jpg", photo(1, (40, 20)))
        put(tmp_path, f"train/{image_id(2)}.jpg", photo(2))
        first, second = listed(tmp_path)
        assert first.read() == ZonedImage(
            photo(1, (40, 20)),
            (Zone("Wine glass", 10.0, 10.0, 30.0, 20.0), Zone("Vase", 0.0, 0.0, 20.0, 10.0)),
        )
        assert second.read() == ZonedImage(photo(2), ())

    def test_zones_may_be_left_out(self, tmp_path: Path) -> None:
        written(tmp_path, published_open_images())
        put(tmp_path, f"train/{image_id(1)}.jpg", photo(1))
        assert listed(tmp_path, settings=OpenImagesSettings(zones=False))[0].read() == photo(1)

    def test_a_photograph_that_is_missing_cannot_be_read(self, tmp_path: Path) -> None:
        item = listed(written(tmp_path, published_open_images()))[0]
        with pytest.raises(OSError, match=image_id(1)):
            item.read()

    def test_a_photograph_that_exif_turns_is_refused(self, tmp_path: Path) -> None:
        from PIL import Image

        written(tmp_path, published_open_images())
        exif = Image.Exif()
        exif[274] = 6
        buffer = io.BytesIO()
        Image.new("RGB", (8, 4)).save(buffer, "JPEG", exif=exif)
        put(tmp_path, f"train/{image_id(1)}.jpg", buffer.getvalue())
        with pytest.raises(ImageError, match="EXIF orientation"):
            listed(tmp_path)[0].read()


class TestChoice:
    def test_classes_choose_photographs_labels_and_boxes(self, tmp_path: Path) -> None:
        written(tmp_path, published_open_images())
        put(tmp_path, f"train/{image_id(1)}.jpg", photo(1))
        first, second = listed(tmp_path, ["Wine glass"])
        assert (first.labels, second.labels) == (("Wine glass",), ("Wine glass",))
        read = first.read()
        assert isinstance(read, ZonedImage)
        assert [zone.label for zone in read.zones] == ["Wine glass"]

    def test_a_class_that_is_not_described(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="classes names Dodo"):
            listed(written(tmp_path, published_open_images()), ["Dodo", "Vase"])

    def test_a_draw_depends_on_the_seed_and_not_on_the_order(self, tmp_path: Path) -> None:
        images = [image_row(n) for n in range(30)]
        labels = [label_row(n, "/m/02vase") for n in range(30)]
        one = written(tmp_path / "one", open_images_tables(images, labels, []))
        other = written(tmp_path / "other", open_images_tables(images[::-1], labels[::-1], []))
        settings = OpenImagesSettings(max_images=7, seed=3)
        drawn = [item.item_id for item in listed(one, settings=settings)]
        assert len(drawn) == 7
        assert drawn == sorted(drawn)
        assert drawn == [item.item_id for item in listed(other, settings=settings)]
        again = OpenImagesSettings(max_images=7, seed=4)
        assert drawn != [item.item_id for item in listed(one, settings=again)]
        more = [item.item_id for item in listed(one, settings=OpenImagesSettings(max_images=9, seed=3))]
        assert set(drawn) < set(more)

    def test_subsets_are_listed_one_after_another(self, tmp_path: Path) -> None:
        tables = published_open_images()
        written(tmp_path, tables)
        put(tmp_path, "validation-images.csv", tables["train-images-boxable-with-rotation.csv"])
        put(tmp_path, "validation-labels.csv", tables["train-annotations-human-imagelabels-boxable.csv"])
        subsets = OpenImagesSettings().subsets | {
            "validation": OpenImagesSubset(
                images="https://example.org/validation-images.csv", labels="validation-labels.csv"
            )
        }
        items = listed(tmp_path, settings=OpenImagesSettings(subsets=subsets))
        assert [item.item_id for item in items] == [image_id(n) for n in (1, 2, 1, 2)]
        # A subset without a table of boxes has no zones.
        put(tmp_path, f"validation/{image_id(1)}.jpg", photo(1))
        assert items[2].read() == photo(1)


class TestAgainstASlowReader:
    def test_many_rows_in_small_batches(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        rng = np.random.default_rng(5)
        mids = [*CLASSES, "/m/0other"]
        images = [image_row(int(n)) for n in rng.permutation(60)]
        labels = [
            label_row(int(rng.integers(70)), mids[int(rng.integers(4))], str(int(rng.integers(2))))
            for _ in range(400)
        ]
        corners = [np.sort(rng.random((2, 2)), 0).ravel().round(6) for _ in range(300)]
        boxes = [
            box_row(int(rng.integers(70)), mids[int(rng.integers(4))], tuple(map(float, c))) for c in corners
        ]
        tables = open_images_tables(images, labels, boxes)
        written(tmp_path, tables)
        stream = csv_stream.stream_rows
        monkeypatch.setattr(
            "zuroku.datasets.photos.open_images_tables.stream_rows",
            lambda path, columns: stream(path, columns, batch_bytes=700),
        )
        items = listed(tmp_path)
        expected_labels: dict[str, set[str]] = {}
        expected_boxes: dict[str, list[tuple[str, float]]] = {}
        known = {row.split(",")[0] for row in images}
        for row in csv.DictReader(io.StringIO(tables["train-annotations-human-imagelabels-boxable.csv"])):
            if row["Confidence"] == "1" and row["LabelName"] in CLASSES and row["ImageID"] in known:
                expected_labels.setdefault(row["ImageID"], set()).add(CLASSES[row["LabelName"]])
        for row in csv.DictReader(io.StringIO(tables["oidv6-train-annotations-bbox.csv"])):
            if row["LabelName"] in CLASSES and row["ImageID"] in known:
                expected_labels.setdefault(row["ImageID"], set()).add(CLASSES[row["LabelName"]])
                entry = (CLASSES[row["LabelName"]], float(row["XMin"]))
                expected_boxes.setdefault(row["ImageID"], []).append(entry)
        assert {item.item_id: set(item.labels) for item in items} == expected_labels
        for item in items:
            put(tmp_path, f"train/{item.item_id}.jpg", photo(0, (64, 64)))
            read = item.read()
            assert isinstance(read, ZonedImage)
            wanted = expected_boxes.get(item.item_id, [])
            assert [zone.label for zone in read.zones] == [name for name, _ in wanted]
            assert [zone.x_min for zone in read.zones] == pytest.approx([64 * x for _, x in wanted], abs=1e-4)


IMAGES = "train-images-boxable-with-rotation.csv"
LABELS = "train-annotations-human-imagelabels-boxable.csv"
BOXES = "oidv6-train-annotations-bbox.csv"
DESCRIPTIONS = "class-descriptions-boxable.csv"


class TestTablesNotAsPublished:
    @pytest.mark.parametrize(
        ("name", "old", "new", "said"),
        [
            (IMAGES, "ImageID", "image", "ImageID"),
            (IMAGES, ",Title,", ",Heading,", "Title"),
            (LABELS, "Confidence", "Score", "Confidence"),
            (BOXES, "XMax", "Right", "XMax"),
            (BOXES, "0.25", "left", "something else than numbers in XMin"),
            (LABELS, "1.0", "yes", "something else than numbers in Confidence"),
            (IMAGES, image_id(1), "../../etc/passwd", "1 ids of another form"),
            (IMAGES, image_id(3), image_id(2), "1 that stand twice"),
            (LABELS, "verification,/m/02vase,1", "verification,/m/02vase", "Expected 4 columns"),
            (DESCRIPTIONS, "/m/02vase,Vase", "/m/02vase", "2 labels"),
            (DESCRIPTIONS, "Wine glass", "Vase", "2 names"),
        ],
    )
    def test_faults_are_named(self, tmp_path: Path, name: str, old: str, new: str, said: str) -> None:
        tables = published_open_images()
        assert old in tables[name]
        tables[name] = tables[name].replace(old, new, 1)
        with pytest.raises(SourceError, match=said) as caught:
            listed(written(tmp_path, tables))
        assert name in caught.value.found

    @pytest.mark.parametrize("name", [IMAGES, LABELS, BOXES, DESCRIPTIONS])
    def test_empty_missing_and_foreign_files(self, tmp_path: Path, name: str) -> None:
        tables = published_open_images()
        for content in (b"", tables[name].replace("e", "表").encode("cp932"), None):
            written(tmp_path, tables)
            (tmp_path / name).unlink()
            if content is not None:
                put(tmp_path, name, content)
            with pytest.raises(SourceError, match=name):
                listed(tmp_path)

    def test_a_byte_order_mark_and_a_header_are_accepted(self, tmp_path: Path) -> None:
        tables = published_open_images()
        tables[DESCRIPTIONS] = "\ufeffLabelName,DisplayName\n" + tables[DESCRIPTIONS]
        tables[IMAGES] = "\ufeff" + tables[IMAGES]
        assert len(listed(written(tmp_path, tables))) == 2

    def test_no_wanted_label_at_all(self, tmp_path: Path) -> None:
        tables = open_images_tables([image_row(1)], [label_row(1, "/m/02vase", "0")], [])
        with pytest.raises(SourceError, match="none of its 1 photographs has a wanted label"):
            listed(written(tmp_path, tables))
