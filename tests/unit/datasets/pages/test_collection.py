"""Page collections by configuration: every source, the two kinds of file, what the cards and checks say."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.unit.datasets.ndl_server import NdlServer
from tests.unit.datasets.pages.page_files import page_bytes, put, voc_xml
from tests.unit.datasets.pages.test_docl import RARE, published_zip
from zuroku.config import parse_settings
from zuroku.datasets.collection import (
    CollectionSettings,
    collection_fingerprint,
    ingest_collection,
    load_collection,
    open_collection,
)
from zuroku.datasets.findings import DATASET_CHECKS, dataset_findings, page_findings
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.pages.collection import PageCollectionSettings, open_pages
from zuroku.datasets.zones import NDL_DOCL_CLASSES, ZonedImage
from zuroku.errors import ConfigError, SourceError

ABOUT = {
    "kind": "pages",
    "name": "pages",
    "description": "pages of a test",
    "licence": "CC0-1.0",
    "url": "https://example.org",
}
VOC = {"root": "docl", "licence": "PDM"}


def settings_of(source: str, section: dict[str, Any], **fields: Any) -> PageCollectionSettings:
    values = ABOUT | {"source": source, source: section} | fields
    return parse_settings(values, PageCollectionSettings, "the test")


def docl(root: Path) -> PageCollectionSettings:
    """Put two annotated pages of two books below ``root``."""
    boxes = [("1_overall", 0, 0, 60, 40), ("4_illustration", 5, 6, 20, 30), ("4_illustration", 25, 6, 50, 30)]
    put(root, "docl/1(図録)/1_1.jpg", page_bytes(1))
    put(root, "docl/1(図録)/1_1.xml", voc_xml(boxes))
    put(root, "docl/2/2_1.jpg", page_bytes(2))
    put(root, "docl/2/2_1.xml", voc_xml(boxes[:1]))
    return settings_of("voc", VOC)


def ingested(root: Path, settings: PageCollectionSettings) -> Dataset:
    return ingest_collection(settings, root / "out", root)


def findings_of(dataset: Dataset, floor: int = 1, **changed: Any) -> dict[str, str]:
    """Return what the checks that fail say."""
    given = {"classes": NDL_DOCL_CLASSES, "labelled": True, "floor": floor} | changed
    found = page_findings(dataset, **given)
    assert tuple(finding.check for finding in found) == DATASET_CHECKS
    return {finding.check: finding.says for finding in found if not finding.passed}


class TestSources:
    def test_pascal_voc(self, tmp_path: Path) -> None:
        dataset = ingested(tmp_path, docl(tmp_path))
        assert [(row.item_id, row.label, row.title, len(dataset.zones(row))) for row in dataset.rows()] == [
            ("1_1", "illustrated", "図録", 3),
            ("2_1", "plain", "", 1),
        ]
        card = dataset.card
        assert card["zones"] == {"1_overall": 2, "4_illustration": 2}
        assert card["counts"] == {"illustrated": 1, "plain": 1}
        assert (card["kind"], card["classes"]) == ("pages", list(NDL_DOCL_CLASSES))
        assert json.loads((dataset.root / "croissant.json").read_text())["name"] == "pages"

    def test_coco(self, tmp_path: Path) -> None:
        put(tmp_path, "prints/images/a_1.jpg", page_bytes())
        content = {
            "images": [{"id": 1, "file_name": "a_1.jpg", "width": 60, "height": 40, "book": "a"}],
            "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 20]}],
            "categories": [{"id": 1, "name": "GraphicZone"}],
        }
        put(tmp_path, "prints/coco.json", json.dumps(content))
        section = {
            "annotations": "prints/coco.json",
            "images": "prints/images",
            "group_field": "book",
            "licence": "CC0-1.0",
        }
        zone_classes = {"classes": ["GraphicZone"], "figure_classes": ["GraphicZone"]}
        settings = settings_of("coco", section, **zone_classes)
        (item,) = open_pages(settings, tmp_path).items
        assert (item.item_id, item.group, item.label) == ("a_1", "a", "illustrated")
        before = collection_fingerprint(settings, tmp_path, tmp_path)
        os.utime(tmp_path / "prints/coco.json", (1, 1))
        assert collection_fingerprint(settings, tmp_path, tmp_path) != before

    def test_a_download(self, tmp_path: Path, server: NdlServer) -> None:
        archives = [{"archive_url": server.url(RARE)}]
        http = {"requests_per_second": 1000}
        settings = settings_of("download", {"destination": "docl", "archives": archives, "http": http})
        collection = open_pages(settings, tmp_path)
        assert [item.item_id for item in collection.items] == ["2000000_0003"]
        assert isinstance(collection.items[0].read(), ZonedImage)
        assert open_pages(settings, tmp_path).fingerprint == collection.fingerprint
        assert collection_fingerprint(settings, tmp_path, tmp_path) is None
        assert (tmp_path / "docl/dataset_kotenseki.zip").is_file()

    def test_a_generated_collection(self, tmp_path: Path) -> None:
        section = {"seed": 3, "books": 1, "pages_per_book": 2, "long_side_px": 640}
        settings = settings_of("generated", section)
        collection = open_collection(settings, tmp_path, tmp_path)
        assert collection.workers == "process"
        assert {item.label for item in collection.items} == {"illustrated", "plain"}
        assert all(isinstance(item.read(), ZonedImage) for item in collection.items)
        assert collection_fingerprint(settings, tmp_path, tmp_path) == collection.fingerprint

    def test_a_folder_of_images(self, tmp_path: Path) -> None:
        for number, name in enumerate(("100_3.jpg", "100_4.PNG", "200_1_0.jpg", "cover.jpg")):
            put(tmp_path, f"scans/{name}", page_bytes(number))
        put(tmp_path, "scans/notes.txt", "about")
        put(tmp_path, "scans/cover.png", page_bytes(9))
        collection = open_pages(folder_settings(), tmp_path)
        assert [(item.item_id, item.group) for item in collection.items] == [
            ("100_3", "100"),
            ("100_4", "100"),
            ("200_1_0", "200"),
            ("cover.jpg", "scans"),
            ("cover.png", "scans"),
        ]
        assert collection.items[0].read() == page_bytes(0)
        with pytest.raises(Exception, match="several images claim the id cover"):
            collection.items[3].read()

    def test_a_folder_per_book(self, tmp_path: Path) -> None:
        put(tmp_path, "scans/100/100_3.jpg", page_bytes())
        put(tmp_path, "scans/200/p1.jpg", page_bytes(1))
        collection = open_pages(folder_settings(), tmp_path)
        assert [(item.item_id, item.group) for item in collection.items] == [
            ("100_3", "100"),
            ("200/p1", "200"),
        ]
        put(tmp_path, "scans/stray.jpg", page_bytes(2))
        with pytest.raises(SourceError, match="images outside a book folder"):
            open_pages(folder_settings(), tmp_path)

    def test_books_over_iiif(self, tmp_path: Path, server: NdlServer) -> None:
        put(tmp_path, "pids.txt", "1017141\n")
        section = {
            "pids_file": "pids.txt",
            "manifests": "kept",
            "manifest_url": server.url("/gone/{pid}/manifest.json"),
            "licence": "PDM",
            "http": {"requests_per_second": 1000},
        }
        settings = settings_of("iiif", section, labelled=False)
        collection = open_pages(settings, tmp_path)
        assert [item.item_id for item in collection.items] == ["1017141_manifest"]
        assert collection_fingerprint(settings, tmp_path, tmp_path) is None

    def test_a_corpus_has_neither_zones_nor_labels(self, tmp_path: Path) -> None:
        labelled = docl(tmp_path)
        dataset = ingested(tmp_path, labelled.model_copy(update={"labelled": False}))
        assert set(dataset.manifest["label"]) == {""}
        assert dataset.zone_column.null_count == len(dataset.manifest)
        assert "zones" not in dataset.card
        assert findings_of(dataset, labelled=False) == {}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NdlServer]:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with NdlServer() as running:
        running.files = {RARE: published_zip("kotenseki")}
        yield running


def folder_settings() -> PageCollectionSettings:
    return settings_of("folder", {"root": "scans", "licence": "PDM"}, labelled=False)


class TestSettings:
    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"source": "voc"}, "no section 'voc'"),
            ({"source": "paper", "paper": {}}, "source: Input should be"),
            ({"source": "voc", "voc": VOC | {"depth": 3}}, r"voc\.depth"),
            ({"source": "folder", "folder": {"root": "x", "licence": "PDM"}}, "set labelled: false"),
            (
                {"source": "voc", "voc": VOC, "figure_classes": ["map"]},
                r"\['map'\], which classes lacks",
            ),
            ({"source": "voc", "voc": VOC, "overall_classes": ["0_all"]}, r"\['0_all'\]"),
            ({"source": "voc", "voc": VOC, "hierarchy": {}}, "hierarchy"),
        ],
    )
    def test_what_cannot_be_is_refused(self, values: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigError, match=said):
            parse_settings(ABOUT | values, PageCollectionSettings, "the test")

    def test_the_kind_of_a_file_decides(self, tmp_path: Path) -> None:
        figures = {key: ABOUT[key] for key in ("name", "description", "licence", "url")} | {
            "hierarchy": {"stamp": []},
            "source": "folder",
            "folder": {"root": "x", "layout": "class_folders", "licence": "PDM"},
        }
        zones = {"classes": ["a", "b"], "figure_classes": ["b"], "overall_classes": ["a"]}
        put(tmp_path, "figures.yaml", yaml.safe_dump(figures))
        put(tmp_path, "figures_by_name.yaml", yaml.safe_dump(figures | {"kind": "figures"}))
        put(tmp_path, "page_zones.yaml", yaml.safe_dump(zones))
        pages = ABOUT | {"include": "page_zones.yaml", "source": "voc", "voc": VOC}
        put(tmp_path, "pages.yaml", yaml.safe_dump(pages))
        put(tmp_path, "other.yaml", yaml.safe_dump(ABOUT | {"kind": "maps"}))
        assert isinstance(load_collection(tmp_path / "figures.yaml"), CollectionSettings)
        assert load_collection(tmp_path / "figures.yaml") == load_collection(
            tmp_path / "figures_by_name.yaml"
        )
        loaded = load_collection(tmp_path / "pages.yaml")
        assert isinstance(loaded, PageCollectionSettings)
        assert (loaded.classes, loaded.overall_classes) == (["a", "b"], ["a"])
        with pytest.raises(ConfigError, match="kind: Input should be 'figures', 'pages', 'photos', 'places'"):
            load_collection(tmp_path / "other.yaml")
        with pytest.raises(ConfigError, match="no configuration file"):
            load_collection(tmp_path / "missing.yaml")


class TestFingerprint:
    def test_it_follows_files_and_configuration(self, tmp_path: Path) -> None:
        settings = docl(tmp_path)
        first = collection_fingerprint(settings, tmp_path, tmp_path)
        assert collection_fingerprint(settings, tmp_path, tmp_path) == first
        assert ingested(tmp_path, settings).card["fingerprint"] == first
        other = settings.model_copy(update={"figure_classes": ["5_stamp"]})
        assert collection_fingerprint(other, tmp_path, tmp_path) != first
        put(tmp_path, "docl/2/2_1.xml", voc_xml())
        assert collection_fingerprint(settings, tmp_path, tmp_path) != first


class TestFindings:
    def test_a_sound_dataset_passes(self, tmp_path: Path) -> None:
        assert findings_of(ingested(tmp_path, docl(tmp_path)), floor=2) == {}

    def test_classes_are_those_of_the_zones(self, tmp_path: Path) -> None:
        dataset = ingested(tmp_path, docl(tmp_path))
        assert findings_of(dataset, classes=["1_overall"]) == {
            "classes": "classes that the configuration lacks: 4_illustration"
        }
        assert findings_of(dataset, floor=3) == {
            "class_floor": "classes below 3 items: {'1_overall': 2, '4_illustration': 2}"
        }

    def test_labelled_pages_are_annotated_and_others_are_not(self, tmp_path: Path) -> None:
        dataset = ingested(tmp_path, docl(tmp_path))
        assert set(findings_of(dataset, labelled=False)) == {"classes"}
        corpus = ingest_collection(
            docl(tmp_path).model_copy(update={"labelled": False}), tmp_path / "corpus", tmp_path
        )
        assert findings_of(corpus) == {"classes": "classes that the configuration lacks: (no class)"}

    def test_a_manifest_of_other_columns(self, tmp_path: Path) -> None:
        dataset = ingested(tmp_path, docl(tmp_path))
        dataset.manifest.to_parquet(dataset.root / "manifest.parquet")
        failed = findings_of(Dataset(dataset.root))
        assert set(failed) == set(DATASET_CHECKS)
        assert "zones: missing" in failed["schema"]

    def test_figures_are_checked_by_their_labels(self, tmp_path: Path) -> None:
        dataset = ingested(tmp_path, docl(tmp_path))
        found = dataset_findings(dataset, {"illustrated": []}, True, 1)
        assert [finding.says for finding in found if not finding.passed] == [
            "classes that the configuration lacks: plain"
        ]
