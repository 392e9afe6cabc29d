"""Collections of photographs by configuration: opened from folders and servers, ingested, checked."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlcroissant as mlc
import pytest
import yaml

from tests.unit.datasets.ndl_server import Fault, NdlServer
from tests.unit.datasets.photos.photo_files import (
    CLASSES,
    image_id,
    photo,
    published_open_images,
    put,
    tarball,
)
from zuroku.config import parse_settings
from zuroku.datasets.collection import (
    collection_fingerprint,
    ingest_collection,
    load_collection,
    open_collection,
)
from zuroku.datasets.findings import photo_findings, split_findings
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.photos.collection import PhotoCollectionSettings, open_photos
from zuroku.datasets.splits import SplitSettings, extend_splits
from zuroku.datasets.zones import Zone
from zuroku.errors import ConfigError, DownloadError, IntegrityError, SourceError

ABOUT: dict[str, Any] = {
    "kind": "photos",
    "name": "photos",
    "description": "Photographs.",
    "licence": "research use",
    "url": "https://example.org/photos",
}
HTTP = {"requests_per_second": 1000, "timeout_s": 5}


def settings_of(layout: str, source: str, section: dict[str, Any], **fields: Any) -> PhotoCollectionSettings:
    labelled = layout not in ("ukbench", "holidays", "oxford")
    values = ABOUT | {"layout": layout, "source": source, source: section, "labelled": labelled} | fields
    return parse_settings(values, PhotoCollectionSettings, "the test")


def open_images_folder(root: Path) -> PhotoCollectionSettings:
    for name, text in published_open_images().items():
        put(root, f"oid/{name}", text)
    for number in (1, 2):
        put(root, f"oid/train/{image_id(number)}.jpg", photo(number))
    return settings_of("open_images", "folder", {"root": "oid"})


def ingested(root: Path, settings: PhotoCollectionSettings) -> Dataset:
    return ingest_collection(settings, root / "dataset", root)


def failed(
    dataset: Dataset, classes: list[str] | None, labelled: bool = True, floor: int = 1
) -> dict[str, str]:
    found = photo_findings(dataset, classes, labelled, floor)
    return {finding.check: finding.says for finding in found if not finding.passed}


class TestManyLabels:
    def test_labels_and_boxes_reach_the_manifest(self, tmp_path: Path) -> None:
        dataset = ingested(tmp_path, open_images_folder(tmp_path))
        rows = dataset.rows()
        assert [list(row.labels) for row in rows] == [["Vase", "Wine glass"]] * 2
        assert [row.label for row in rows] == ["", ""]
        assert dataset.zones(rows[0])[1] == Zone("Vase", 0.0, 0.0, 20.0, 10.0)
        assert dataset.card["counts"] == {"Vase": 2, "Wine glass": 2}
        assert (dataset.card["items"], dataset.card["layout"]) == (2, "open_images")
        assert dataset.card["zones"] == {"Vase": 1, "Wine glass": 1}

    def test_the_croissant_describes_the_list_of_labels(self, tmp_path: Path) -> None:
        dataset = ingested(tmp_path, open_images_folder(tmp_path))
        card = json.loads((dataset.root / "croissant.json").read_text(encoding="utf-8"))
        (labels,) = [f for f in card["recordSet"][0]["field"] if f["name"] == "labels"]
        assert (labels["cr:isArray"], labels["dataType"]) == (True, "sc:Text")
        records = mlc.Dataset(jsonld=dataset.root / "croissant.json").records("items")
        assert [list(record["items/labels"]) for record in records] == [[b"Vase", b"Wine glass"]] * 2

    def test_classes_that_are_not_wanted_fall_away(self, tmp_path: Path) -> None:
        for number, name in enumerate(("a", "b", "c")):
            put(tmp_path, f"imet/train/{name}.png", photo(number, kind="PNG"))
        put(tmp_path, "imet/labels.csv", "attribute_id,attribute_name\n0,x\n1,y\n2,z\n")
        put(tmp_path, "imet/train.csv", "id,attribute_ids\na,0 1\nb,2\nc,1 2\n")
        collection = open_photos(
            settings_of("imet2019", "folder", {"root": "imet"}, classes=["y", "x"]), tmp_path
        )
        assert {item.item_id: item.labels for item in collection.items} == {"a": ("x", "y"), "c": ("y",)}
        with pytest.raises(ConfigError, match="no photograph has the labels w"):
            open_photos(settings_of("imet2019", "folder", {"root": "imet"}, classes=["w", "x"]), tmp_path)

    def test_class_folders_keep_the_classes_that_are_named(self, tmp_path: Path) -> None:
        for number, name in enumerate(("daisy/1", "rose/1", "tulip/1")):
            put(tmp_path, f"flowers/{name}.jpg", photo(number))
        settings = settings_of("folders", "folder", {"root": "flowers"}, classes=["rose", "tulip"])
        rows = ingested(tmp_path, settings).rows()
        assert [(row.label, list(row.labels)) for row in rows] == [("rose", ["rose"]), ("tulip", ["tulip"])]

    def test_a_corpus_has_no_labels(self, tmp_path: Path) -> None:
        settings = open_images_folder(tmp_path).model_copy(update={"labelled": False})
        dataset = ingested(tmp_path, settings)
        assert [list(row.labels) for row in dataset.rows()] == [[], []]
        assert failed(dataset, None, labelled=False) == {}

    def test_a_missing_photograph_is_quarantined(self, tmp_path: Path) -> None:
        settings = open_images_folder(tmp_path)
        (tmp_path / f"oid/train/{image_id(2)}.jpg").unlink()
        lenient = settings.model_copy(
            update={"ingest": settings.ingest.model_copy(update={"max_quarantined_share": 0.5})}
        )
        dataset = ingested(tmp_path, lenient)
        assert (dataset.card["items"], dataset.card["quarantined"]) == (1, 1)


class TestFindings:
    def test_sound_datasets_pass(self, tmp_path: Path) -> None:
        dataset = ingested(tmp_path, open_images_folder(tmp_path))
        assert failed(dataset, None, floor=2) == {}
        assert failed(dataset, list(CLASSES.values())) == {}

    def test_classes_and_their_floor(self, tmp_path: Path) -> None:
        dataset = ingested(tmp_path, open_images_folder(tmp_path))
        assert failed(dataset, ["Vase"]) == {"classes": "classes that the configuration lacks: Wine glass"}
        assert set(failed(dataset, None, floor=3)) == {"class_floor"}
        assert set(failed(dataset, None, labelled=False)) == {"classes"}

    def test_unlabelled_photographs_where_labels_are_due(self, tmp_path: Path) -> None:
        put(tmp_path, "flat/1.jpg", photo(1))
        dataset = ingested(tmp_path, settings_of("folders", "folder", {"root": "flat"}))
        assert failed(dataset, None) == {"classes": "classes that the configuration lacks: (no class)"}

    def test_a_split_lacks_a_class_that_is_only_among_several(self, tmp_path: Path) -> None:
        for number, name in enumerate(("a", "b", "c")):
            put(tmp_path, f"imet/train/{name}.png", photo(number, kind="PNG"))
        put(tmp_path, "imet/labels.csv", "attribute_id,attribute_name\n0,x\n1,y\n")
        put(tmp_path, "imet/train.csv", "id,attribute_ids\na,0\nb,0\nc,0 1\n")
        dataset = ingested(tmp_path, settings_of("imet2019", "folder", {"root": "imet"}))
        splits = extend_splits(["a", "b", "c"], ["", "", ""], SplitSettings())
        (found,) = [f for f in split_findings(dataset, splits, "group") if not f.passed]
        assert found.check == "every_class_in_every_split"
        assert found.says.count("['y']") == 2


class TestFolders:
    def test_the_ground_truth_lies_beside_the_manifest(self, tmp_path: Path) -> None:
        put(tmp_path, "ox/all_souls_000013.jpg", photo(0))
        for part in ("query", "good", "ok", "junk"):
            put(tmp_path, f"gt/all_souls_1_{part}.txt", f"{part}\n")
        settings = settings_of("oxford", "folder", {"root": "ox", "ground_truth": "gt"})
        dataset = ingested(tmp_path, settings)
        texts = {path.name: path.read_text() for path in (dataset.root / "ground_truth").iterdir()}
        assert texts == {f"all_souls_1_{part}.txt": f"{part}\n" for part in ("query", "good", "ok", "junk")}
        before = collection_fingerprint(settings, tmp_path, tmp_path)
        put(tmp_path, "gt/all_souls_1_good.txt", "all_souls_000013\n")
        assert collection_fingerprint(settings, tmp_path, tmp_path) != before

    def test_damaged_photographs_of_paris_are_quarantined(self, tmp_path: Path) -> None:
        for number in range(10):
            put(
                tmp_path,
                f"paris/louvre/paris_louvre_{number:06}.jpg",
                photo(number)[: 60 if number == 3 else None],
            )
        settings = settings_of("oxford", "folder", {"root": "paris"}, ingest={"max_quarantined_share": 0.1})
        dataset = ingested(tmp_path, settings)
        assert (dataset.card["items"], dataset.card["quarantined"]) == (9, 1)

    @pytest.mark.parametrize(
        ("layout", "names"),
        [
            ("ukbench", [f"ukbench{number:05}.jpg" for number in range(4)]),
            ("holidays", ["100000.jpg", "100001.jpg", "100100.jpg", "100101.jpg"]),
            ("oxford", [f"all_souls_{number:06}.jpg" for number in range(4)]),
        ],
    )
    def test_equal_photographs_of_a_retrieval_set_all_count(
        self, tmp_path: Path, layout: str, names: list[str]
    ) -> None:
        for number, name in enumerate(names):
            put(tmp_path, f"set/{name}", photo(min(number, 2)))
        settings = settings_of(layout, "folder", {"root": "set"})
        dataset = ingested(tmp_path, settings)
        assert (dataset.card["items"], dataset.card["quarantined"]) == (4, 0)
        (found,) = [f for f in photo_findings(dataset, None, False, 0, True) if f.check == "unique_items"]
        assert found.passed
        assert set(failed(dataset, None, labelled=False)) == {"unique_items"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NdlServer]:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with NdlServer() as running:
        running.files = {}
        yield running


def holidays_download(server: NdlServer, **fields: Any) -> PhotoCollectionSettings:
    first = {f"jpg/{scene}00.jpg": photo(scene) for scene in (1000, 1001)}
    second = {f"jpg/{scene}01.jpg": photo(2000 + scene) for scene in (1000, 1001)}
    server.files = {"/jpg1.tar.gz": tarball(first), "/jpg2.tar.gz": tarball(second)}
    archives = [{"url": server.url(name)} for name in server.files]
    return settings_of(
        "holidays", "download", {"destination": "kept", "archives": archives, "http": HTTP, **fields}
    )


def open_images_download(server: NdlServer) -> PhotoCollectionSettings:
    tables = published_open_images()
    server.files = {f"/{name}": text.encode() for name, text in tables.items()}
    server.files |= {f"/train/{image_id(n)}.jpg": photo(n) for n in (1, 2)}
    subset = {
        "images": server.url("/train-images-boxable-with-rotation.csv"),
        "labels": server.url("/train-annotations-human-imagelabels-boxable.csv"),
        "boxes": server.url("/oidv6-train-annotations-bbox.csv"),
    }
    section = {
        "class_descriptions": server.url("/class-descriptions-boxable.csv"),
        "subsets": {"train": subset},
        "image_url": server.url("/{subset}/{image_id}.jpg"),
    }
    download = {"destination": "kept", "http": HTTP}
    return settings_of("open_images", "download", download, open_images=section)


class TestDownloads:
    def test_archives_are_unpacked_and_read_together(self, server: NdlServer, tmp_path: Path) -> None:
        settings = holidays_download(server)
        collection = open_photos(settings, tmp_path)
        assert [item.item_id for item in collection.items] == ["100000", "100001", "100100", "100101"]
        assert collection.items[0].read() == photo(1000)
        assert collection_fingerprint(settings, tmp_path, tmp_path) is None
        server.requests.clear()
        assert open_photos(settings, tmp_path).fingerprint == collection.fingerprint
        assert server.requests == []

    def test_a_broken_download_goes_on(self, server: NdlServer, tmp_path: Path) -> None:
        settings = holidays_download(server)
        server.misbehave("/jpg1.tar.gz", Fault(cut_after=900))
        assert len(open_photos(settings, tmp_path).items) == 4
        assert sum(server.sent_bytes) == sum(map(len, server.files.values()))

    def test_other_bytes_than_at_first_are_refused(self, server: NdlServer, tmp_path: Path) -> None:
        settings = holidays_download(server)
        open_photos(settings, tmp_path)
        put(tmp_path, "kept/jpg1.tar.gz", b"other bytes")
        with pytest.raises(IntegrityError, match=r"jpg1\.tar\.gz has SHA-256"):
            open_photos(settings, tmp_path)

    def test_a_page_instead_of_an_archive(self, server: NdlServer, tmp_path: Path) -> None:
        settings = holidays_download(server)
        server.misbehave("/jpg1.tar.gz", Fault(body=b"<html>sign in</html>"))
        with pytest.raises(DownloadError, match="something else than an archive"):
            open_photos(settings, tmp_path)
        assert len(open_photos(settings, tmp_path).items) == 4

    def test_a_ground_truth_is_fetched_beside(self, server: NdlServer, tmp_path: Path) -> None:
        texts = {f"keble_1_{part}.txt": part.encode() for part in ("query", "good", "ok", "junk")}
        server.files = {
            "/oxbuild_images-v1.tgz": tarball({"keble_000001.jpg": photo(0)}),
            "/gt_files_170407.tgz": tarball(texts),
        }
        images, truth = ({"url": server.url(name)} for name in server.files)
        section = {"destination": "kept", "archives": [images], "ground_truth": truth, "http": HTTP}
        collection = open_photos(settings_of("oxford", "download", section), tmp_path)
        assert [item.item_id for item in collection.items] == ["keble_000001"]
        assert collection.beside == {f"ground_truth/{name}": text for name, text in texts.items()}

    def test_open_images_from_tables_and_bucket(self, server: NdlServer, tmp_path: Path) -> None:
        settings = open_images_download(server)
        server.misbehave("/oidv6", Fault(cut_after=40))
        dataset = ingested(tmp_path, settings)
        assert dataset.card["counts"] == {"Vase": 2, "Wine glass": 2}
        assert [dataset.read(row) for row in dataset.rows()] == [photo(1), photo(2)]
        assert len(json.loads((dataset.root / "dataset.json").read_text())["fingerprint"]) == 64
        assert (tmp_path / "kept/class-descriptions-boxable.csv.sha256").is_file()
        server.requests.clear()
        open_photos(settings, tmp_path)
        assert server.requests == []

    def test_photographs_gone_from_the_bucket(self, server: NdlServer, tmp_path: Path) -> None:
        settings = open_images_download(server)
        del server.files[f"/train/{image_id(2)}.jpg"]
        lenient = settings.model_copy(
            update={"ingest": settings.ingest.model_copy(update={"max_quarantined_share": 0.5})}
        )
        dataset = ingested(tmp_path, lenient)
        assert [row.item_id for row in dataset.rows()] == [image_id(1)]

    def test_a_page_instead_of_a_table(self, server: NdlServer, tmp_path: Path) -> None:
        settings = open_images_download(server)
        server.misbehave("/class-descriptions", Fault(body=b" <!doctype html>"))
        with pytest.raises(DownloadError, match="something else than a table"):
            open_photos(settings, tmp_path)
        assert len(open_photos(settings, tmp_path).items) == 2

    def test_an_address_that_names_no_table(self, server: NdlServer, tmp_path: Path) -> None:
        settings = open_images_download(server)
        broken = settings.open_images.model_copy(update={"class_descriptions": server.url("/classes")})
        with pytest.raises(ConfigError, match="the address of a table is"):
            open_photos(settings.model_copy(update={"open_images": broken}), tmp_path)


class TestSettings:
    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"layout": "folders", "source": "folder"}, "no section 'folder'"),
            ({"layout": "cubes", "source": "folder", "folder": {"root": "x"}}, "layout: Input should be"),
            ({"layout": "ukbench", "source": "folder", "folder": {"root": "x"}}, "set labelled: false"),
            (
                {"layout": "folders", "source": "generated", "generated": {"subjects": 3}},
                "nothing is generated for layout 'folders'",
            ),
            (
                {"layout": "imet2019", "source": "download", "download": {"destination": "x"}},
                "archives is empty",
            ),
            (
                {"layout": "folders", "source": "folder", "folder": {"root": "x"}, "group_pattern": ".+"},
                "without a parenthesis nothing names the group",
            ),
            (
                {"layout": "folders", "source": "folder", "folder": {"root": "x"}, "group_pattern": "("},
                "not a regular expression",
            ),
            ({"layout": "folders", "source": "folder", "folder": {"root": "x"}, "classes": []}, "classes"),
        ],
    )
    def test_what_cannot_be_is_refused(self, values: dict[str, Any], said: str) -> None:
        with pytest.raises(ConfigError, match=said):
            parse_settings(ABOUT | values, PhotoCollectionSettings, "the test")

    def test_the_kind_of_a_file_decides(self, tmp_path: Path) -> None:
        values = ABOUT | {"layout": "folders", "source": "folder", "folder": {"root": "flowers"}}
        put(tmp_path, "photos.yaml", yaml.safe_dump(values))
        put(tmp_path, "flowers/daisy/1.jpg", photo(0))
        settings = load_collection(tmp_path / "photos.yaml")
        assert isinstance(settings, PhotoCollectionSettings)
        assert [item.item_id for item in open_collection(settings, tmp_path, tmp_path).items] == ["daisy/1"]

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        (tmp_path / "flowers").mkdir()
        with pytest.raises(SourceError, match="folders without an image"):
            open_photos(settings_of("folders", "folder", {"root": "flowers"}), tmp_path)

    @pytest.mark.parametrize("profile", ["sample", "full"])
    @pytest.mark.parametrize("name", ["open_images", "imet2019", "ukbench", "holidays", "oxford5k"])
    def test_the_configurations_of_the_profiles_are_read(self, profile: str, name: str) -> None:
        root = Path(__file__).parents[4]
        settings = load_collection(root / f"configs/{profile}/{name}.yaml")
        assert isinstance(settings, PhotoCollectionSettings)
        assert (settings.name, settings.source == "generated") == (name, profile == "sample")
