"""Collections of places by configuration: opened, ingested, checked."""

import io
import json
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from PIL import Image
from shapely import box

from tests.unit.datasets.places.place_files import encoded, gps_tags, photo, picture, put
from tests.workspace import SHARED
from zuroku.config import parse_settings
from zuroku.datasets.ingest import ingest
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.places.collection import SKIPPED, PlaceCollectionSettings, open_places
from zuroku.datasets.places.exif import exif_position
from zuroku.datasets.places.findings import PLACE_CHECKS, place_findings
from zuroku.datasets.places.google import GoogleStreetViewSettings, google_street_view
from zuroku.datasets.places.provider import PlaceItem
from zuroku.datasets.places.table import PLACES, read_places
from zuroku.datasets.source import NOT_STATED, SourceItem
from zuroku.errors import ConfigError, QuarantineError

ABOUT: dict[str, Any] = {
    "kind": "places",
    "name": "places",
    "description": "Photographs with coordinates.",
    "licence": "CC BY 4.0",
    "url": "https://example.org",
}


def settings_of(source: str, section: dict[str, Any] | None = None, **fields: Any) -> PlaceCollectionSettings:
    values = ABOUT | {"source": source} | ({} if section is None else {source: section}) | fields
    return parse_settings(values, PlaceCollectionSettings, "the test")


def folder_settings(**fields: Any) -> PlaceCollectionSettings:
    return settings_of("folder", {"root": "photos", "table": "places.csv"}, **fields)


def photo_folder(root: Path) -> Path:
    put(root, "photos/0.jpg", encoded(picture(0), gps=gps_tags(), Orientation=6, Artist="Hanako"))
    put(root, "photos/1.png", encoded(picture(1, (300, 200)), "PNG"))
    put(
        root,
        "photos/places.csv",
        "file,latitude,longitude,author\n0.jpg,-35.25,-139.75,花子\n1.png,1,2,Ann\n",
    )
    return root


def ingested(root: Path, settings: PlaceCollectionSettings, **options: Any) -> Dataset:
    return ingest(
        open_places(settings, root, **options), root / "dataset", settings.ingest, {"name": "places"}
    )


def failed(dataset: Dataset, boundary: Any = None) -> dict[str, str]:
    findings = place_findings(dataset, boundary)
    assert tuple(finding.check for finding in findings) == PLACE_CHECKS
    return {finding.check: finding.says for finding in findings if not finding.passed}


def drawn() -> list[PlaceItem]:
    items = []
    for number in range(3):
        item = SourceItem(f"v{number}", "", f"g{number}", "", "CC0-1.0", "", _Drawing(number))
        items.append(PlaceItem(item, 35.0 + number, 139.0))
    return items


class _Drawing:
    """Draws when it is called; travels to another process."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self) -> bytes:
        return photo(self.number)


class TestIngest:
    def test_photographs_are_written_anew_with_the_coordinates_of_the_table(self, tmp_path: Path) -> None:
        dataset = ingested(photo_folder(tmp_path), folder_settings(longest_px=150))
        places = read_places(dataset.root)
        assert places["item_id"].tolist() == ["0.jpg", "1.png"]
        assert places["author"].tolist() == ["花子", "Ann"]
        first, second = dataset.rows()
        assert (first.media_type, first.width, first.height) == ("image/webp", 32, 48)
        assert (second.width, second.height) == (150, 100)
        assert exif_position(dataset.read(first)) == pytest.approx((-35.25, -139.75), abs=1e-7)
        assert b"Hanako" not in dataset.read(first)
        assert Image.open(io.BytesIO(dataset.read(second))).format == "WEBP"
        assert failed(dataset) == {}
        assert failed(dataset, box(-150, -40, 10, 10)) == {}
        assert (
            "1 items outside the bounds (1.png)"
            in failed(dataset, box(-150, -40, -130, 10))["places_within_bounds"]
        )

    def test_twice_gives_the_same_dataset(self, tmp_path: Path) -> None:
        photo_folder(tmp_path)
        versions, tables = set(), set()
        for _ in range(2):
            dataset = ingested(tmp_path, folder_settings())
            versions.add(dataset.version)
            tables.add((dataset.root / PLACES).read_bytes())
        assert len(versions) == len(tables) == 1

    def test_several_sources_become_one_dataset(self, tmp_path: Path) -> None:
        photo_folder(tmp_path)
        put(tmp_path, "img/0.jpg", photo(7))
        put(tmp_path, "img/1.jpg", photo(8))
        put(tmp_path, "t.csv", "IMG_ID,LAT,LON,AUTHOR\n0.jpg,35.5,139.5,Bob\n1.jpg,80,80,Bob\n")
        published = {"source": "im2gps", "im2gps": {"images": "img", "table": "t.csv"}}
        settings = folder_settings(also=[published | {"licence": "CC BY 2.0", "url": "https://example.net"}])
        dataset = ingested(tmp_path, settings, boundary=box(-180, -90, 180, 70))
        rows = dataset.rows()
        assert [row.item_id for row in rows] == ["0.jpg", "1.png", "im2gps/0.jpg"]
        assert [row.licence for row in rows] == [settings.licence, settings.licence, "CC BY 2.0"]
        assert rows[2].source_url == "https://example.net"
        assert read_places(dataset.root)["author"].tolist() == ["花子", "Ann", "Bob"]
        assert json.loads((dataset.root / SKIPPED).read_text()) == {"im2gps: outside the boundary": 1}
        assert failed(dataset) == {}
        before = open_places(settings, tmp_path).fingerprint
        put(tmp_path, "img/0.jpg", photo(9, (33, 44)))
        assert open_places(settings, tmp_path).fingerprint != before

    def test_what_cannot_be_read_is_quarantined_and_leaves_the_table(self, tmp_path: Path) -> None:
        photo_folder(tmp_path)
        put(tmp_path, "photos/broken.jpg", photo(5)[:-200])
        with (tmp_path / "photos/places.csv").open("a") as table:
            table.write("broken.jpg,1,2,\ngone.jpg,1,2,\n2.jpg,,,\n")
        with pytest.raises(QuarantineError, match="3 of 5 items are bad"):
            ingested(tmp_path, folder_settings())
        dataset = ingested(tmp_path, folder_settings(ingest={"max_quarantined_share": 0.6}))
        assert len(read_places(dataset.root)) == len(dataset.manifest) == 2
        bad = pq.read_table(dataset.root / "quarantine.parquet").to_pandas().set_index("item_id")["reason"]
        assert "does not decode" in bad["broken.jpg"]
        assert "not in the folder" in bad["gone.jpg"]
        assert failed(dataset) == {}

    def test_counts_of_what_was_left_out_lie_beside(self, tmp_path: Path) -> None:
        dataset = ingested(photo_folder(tmp_path), folder_settings(), boundary=box(0, 0, 10, 10))
        assert json.loads((dataset.root / SKIPPED).read_text()) == {"outside the boundary": 1}

    def test_generated_items_by_a_hook(self, tmp_path: Path) -> None:
        settings = settings_of("generated")
        collection = open_places(settings, tmp_path, generated=drawn)
        assert collection.workers == "process"
        travelled = pickle.loads(pickle.dumps(collection.items))
        collection = replace(collection, items=travelled, workers="thread")
        dataset = ingest(collection, tmp_path / "dataset", settings.ingest, {})
        assert read_places(dataset.root)["latitude"].tolist() == [35.0, 36.0, 37.0]
        assert failed(dataset) == {}
        cut = open_places(settings, tmp_path, generated=drawn, boundary=box(138, 34, 140, 35.5))
        assert [item.item_id for item in cut.items] == ["v0"]


class TestFingerprint:
    def test_changes_with_whatever_an_item_is_made_of(self, tmp_path: Path) -> None:
        root = photo_folder(tmp_path)
        seen = [open_places(folder_settings(), root).fingerprint]
        assert open_places(folder_settings(), root).fingerprint == seen[0]
        seen.append(open_places(folder_settings(longest_px=100), root).fingerprint)
        put(root, "photos/0.jpg", photo(8))
        seen.append(open_places(folder_settings(), root).fingerprint)
        table = root / "photos/places.csv"
        table.write_text(table.read_text().replace("1,2,Ann", "1,2.5,Ann"))
        seen.append(open_places(folder_settings(), root).fingerprint)
        assert len(set(seen)) == 4


class TestFindings:
    def test_each_fault_fails_its_check(self, tmp_path: Path) -> None:
        dataset = ingested(photo_folder(tmp_path), folder_settings())
        path = dataset.root / PLACES
        table = pq.read_table(path)

        def rewrite(frame: pd.DataFrame) -> dict[str, str]:
            pq.write_table(table.from_pandas(frame, schema=table.schema, preserve_index=False), path)
            return failed(Dataset(dataset.root))

        frame = table.to_pandas()
        assert set(rewrite(frame.assign(latitude=frame["latitude"] + 1e-4))) == {"exif_equals_places"}
        assert set(rewrite(frame.assign(author=""))) == {"attribution"}
        assert set(rewrite(frame.assign(latitude=0.0, longitude=0.0))) == {
            "exif_equals_places",
            "places_within_bounds",
        }
        assert set(rewrite(frame.iloc[1:])) == set(PLACE_CHECKS[3:])
        path.unlink()
        assert "no places.parquet" in failed(Dataset(dataset.root))["places_cover_items"]

    def test_credit_is_only_needed_where_the_licence_asks_for_it(self, tmp_path: Path) -> None:
        photo_folder(tmp_path)
        put(tmp_path, "photos/places.csv", "file,latitude,longitude\n0.jpg,1,2\n1.png,1,3\n")
        dataset = ingested(tmp_path, folder_settings(licence="CC0-1.0"))
        assert failed(dataset) == {}
        again = ingested(tmp_path, folder_settings(licence="CC BY-SA 4.0"))
        assert "2 items that need a credit" in failed(again)["attribution"]

    def test_a_licence_that_nobody_stated_is_none(self, tmp_path: Path) -> None:
        photo_folder(tmp_path)
        put(tmp_path, "photos/places.csv", "file,latitude,longitude,licence\n0.jpg,1,2,CC0\n1.png,1,3,\n")
        dataset = ingested(tmp_path, folder_settings(licence=NOT_STATED))
        assert failed(dataset) == {
            "licences": "1 items without a stated licence (1.png): state it in the configuration, a table or "
            "with --licence before any of this is passed on"
        }

    def test_without_a_manifest_nothing_is_looked_at(self, tmp_path: Path) -> None:
        assert set(failed(Dataset(tmp_path))) == set(PLACE_CHECKS)


class TestSettings:
    def test_the_section_of_the_source_is_needed(self) -> None:
        with pytest.raises(ConfigError, match="no section 'yfcc'"):
            settings_of("yfcc")

    @pytest.mark.parametrize("source", ["generated", "mapillary"])
    def test_what_a_source_needs_besides(self, source: str, tmp_path: Path) -> None:
        section = {"destination": "found"} if source == "mapillary" else None
        with pytest.raises(ConfigError, match="nothing gives"):
            open_places(settings_of(source, section), tmp_path)

    @pytest.mark.parametrize(
        ("source", "section"),
        [
            ("im2gps", {"images": "img", "table": "t.csv"}),
            ("yfcc", {"images": "img", "table": "t.tsv"}),
            ("mp16", {"images": "img", "table": "t.csv"}),
            ("gldv2", {"images": "img", "train": "t.csv", "coordinates": "c.csv"}),
        ],
    )
    def test_published_sets_are_opened_below_the_root(
        self, source: str, section: dict[str, Any], tmp_path: Path
    ) -> None:
        put(tmp_path, "img/1.jpg", photo(1))
        cells = ["1", "7@N00", *[""] * 8, "139.5", "35.5", "16", *[""] * 8, "jpg", "0"]
        put(tmp_path, "t.tsv", "\t".join(cells) + "\n")
        put(tmp_path, "c.csv", "landmark_id,latitude,longitude\n7,35.5,139.5\n")
        gldv2 = "id,url,landmark_id\n0123,http://u,7\n"
        put(tmp_path, "t.csv", gldv2 if source == "gldv2" else "IMG_ID,LAT,LON\n1.jpg,35.5,139.5\n")
        collection = open_places(settings_of(source, section), tmp_path)
        assert len(collection.items) == 1
        assert set(collection.beside) == {PLACES, SKIPPED}

    def test_a_source_is_named_once_more_at_most(self) -> None:
        one = {"source": "im2gps", "licence": "CC BY 4.0", "url": "", "im2gps": {"images": "img"}}
        with pytest.raises(ConfigError, match="also names a source twice: im2gps, im2gps"):
            folder_settings(also=[one, one])
        with pytest.raises(ConfigError, match="no section 'yfcc'"):
            folder_settings(also=[one | {"source": "yfcc"}])

    def test_google_street_view_refuses_and_says_why(self) -> None:
        with pytest.raises(ConfigError, match="terms forbid") as caught:
            google_street_view(GoogleStreetViewSettings())
        assert "own_agreement: true" in caught.value.expected
        with pytest.raises(ConfigError, match="on purpose"):
            google_street_view(GoogleStreetViewSettings(own_agreement=True, key="k"))


class TestRealData:
    def test_photographs_of_japan(self, tmp_path: Path) -> None:
        folder = SHARED / "data" / "geo" / "photos_jp"
        if not folder.is_dir():
            pytest.skip("no photographs beside the repository (shared/data/geo/photos_jp)")
        columns = {"latitude": "lat", "longitude": "lon", "group": "place"}
        section = {"root": str(folder), "table": "manifest.csv", "columns": columns}
        collection = open_places(
            settings_of("folder", section, longest_px=64), tmp_path, boundary=box(122, 24, 154, 46)
        )
        assert len(collection.items) == 137
        assert len({item.group for item in collection.items}) == 31
        assert json.loads(collection.beside[SKIPPED]) == {}
        data = collection.items[0].read()
        assert isinstance(data, bytes)
        assert exif_position(data) == pytest.approx((34.6814, 135.8484), abs=1e-7)

    def test_street_level_metadata(self, tmp_path: Path) -> None:
        folder = SHARED / "data" / "geo" / "fixtures" / "global_streetscapes"
        if not folder.is_dir():
            pytest.skip("no metadata beside the repository (shared/data/geo/fixtures)")
        table = pd.read_csv(folder / "02_metadata_common_attributes.csv", dtype=str, keep_default_na=False)
        table["file"] = table["uuid"] + ".jpg"
        put(tmp_path, "photos/places.csv", table.to_csv(index=False))
        for number in range(3):
            put(tmp_path, f"photos/{table['file'][number]}", photo(number))
        columns = {
            "latitude": "lat",
            "longitude": "lon",
            "sequence": "sequence_id",
            "captured_at": "datetime_local",
            "heading": "heading",
        }
        settings = settings_of("folder", {"root": "photos", "table": "places.csv", "columns": columns})
        # The other photographs are not published with it: nearly everything is refused.
        collection = open_places(settings, tmp_path)
        assert len(collection.items) == len(table) > 1000
        places = pq.read_table(io.BytesIO(collection.beside[PLACES])).to_pandas().set_index("item_id")
        expected = table.head(3).set_index("file")
        assert len(places) == 3
        for name, row in expected.iterrows():
            assert places.loc[name, "latitude"] == float(row["lat"])
            assert places.loc[name, "longitude"] == float(row["lon"])
            assert places.loc[name, "heading"] == float(row["heading"])
            assert places.loc[name, "sequence"] == row["sequence_id"]
            assert places.loc[name, "captured_at"].startswith(row["datetime_local"][:10])
