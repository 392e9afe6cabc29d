"""A folder of geotagged photographs: EXIF, CSV and GeoJSON, as people bring them."""

import hashlib
import json
import math
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from shapely import box

from tests.unit.datasets.places.place_files import encoded, gps_tags, photo, picture, put
from zuroku.datasets.places.photo_folder import PhotoFolder, PlaceFolderSettings
from zuroku.datasets.places.photo_table import PlaceColumns
from zuroku.datasets.places.provider import Places
from zuroku.errors import GeoDataError, ImageError, SourceError

HEADER = "file,latitude,longitude\n"


def listed(root: Path, table: str | None = "places.csv", boundary: Any = None, **columns: str) -> Places:
    settings = PlaceFolderSettings(root=root, table=table, columns=PlaceColumns(**columns))
    return PhotoFolder(settings, "CC0", "https://example.org").places(boundary)


def with_csv(root: Path, text: str | bytes, photos: int = 2) -> Path:
    for number in range(photos):
        put(root, f"{number}.jpg", photo(number))
    put(root, "places.csv", text)
    return root


def reasons(places: Places) -> dict[str, str]:
    """Return what reading each refused item says."""
    said = {}
    for item in places.refused:
        with pytest.raises(ImageError) as caught:
            item.read()
        said[item.item_id] = caught.value.found
    return said


class TestExif:
    def test_the_author_of_the_folder_is_that_of_rows_without_one(self, tmp_path: Path) -> None:
        with_csv(tmp_path, "file,latitude,longitude,author\n0.jpg,1,2,Ann\n1.jpg,1,2,\n")
        settings = PlaceFolderSettings(root=tmp_path, table="places.csv", author="Hanako")
        found = PhotoFolder(settings, "CC0", "").places(None)
        assert [place.author for place in found.items] == ["Ann", "Hanako"]

    def test_photographs_without_a_usable_position_are_refused_with_their_reason(
        self, tmp_path: Path
    ) -> None:
        put(tmp_path, "b/good.JPG", photo(1, gps=True))
        put(tmp_path, "good.webp", encoded(picture(2), "WEBP", gps_tags()))
        put(tmp_path, "bare.jpg", photo(3))
        put(tmp_path, "zero.jpg", encoded(picture(4), gps=gps_tags((0.0,), (0.0,))))
        put(tmp_path, "phone.HEIC", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        put(tmp_path, "notes.txt", "no photograph")
        found = listed(tmp_path, None)
        assert [place.item.item_id for place in found.items] == ["b/good.JPG", "good.webp"]
        place = found.items[0]
        assert (place.latitude, place.longitude) == pytest.approx((35.658581, 139.745433), abs=1e-7)
        assert (place.item.licence, place.item.source_url) == ("CC0", "https://example.org")
        assert math.isnan(place.heading)
        said = reasons(found)
        assert said["bare.jpg"] == "no coordinates"
        assert "0, 0" in said["zero.jpg"]
        assert said["phone.HEIC"] == (
            "an image in HEIC, which cannot be read here; convert it to JPEG, keeping its metadata"
        )
        assert len(said) == 3

    def test_photographs_at_one_place_are_one_group(self, tmp_path: Path) -> None:
        for number in range(2):
            put(tmp_path, f"{number}.jpg", photo(number, gps=True))
        put(tmp_path, "far.jpg", encoded(picture(9), gps=gps_tags((36.0, 0.0, 0.0))))
        groups = [place.item.group for place in listed(tmp_path, None).items]
        assert groups[0] == groups[1] != groups[2]
        assert groups[0] == hashlib.sha256(b"35.6586,139.7454").hexdigest()[:16]

    def test_empty_and_missing_folders(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="without a photograph"):
            listed(tmp_path, None)
        with pytest.raises(SourceError, match="missing"):
            listed(tmp_path / "none", None)

    def test_links_out_of_the_folder_are_never_followed(self, tmp_path: Path) -> None:
        secret = put(tmp_path, "outside/secret.jpg", photo(gps=True))
        root = put(tmp_path, "in/a.jpg", photo(gps=True)).parent
        (root / "link.jpg").symlink_to(secret)
        with pytest.raises(SourceError, match="links that leave the folder"):
            listed(root, None)


class TestTable:
    def test_every_column_arrives(self, tmp_path: Path) -> None:
        text = (
            "file,latitude,longitude,group,sequence,author,licence,captured_at,heading,slice,title,source_url\n"
            "1.jpg, 35.5 ,139.5,,walk,花子,CC BY 4.0,2024-05-06 07:08:09+09:00,-90,night,Bridge,https://e.org/1\n"
            "0.jpg,-35.5,-139.5,temple,walk,,,,,,,\n"
        )
        second, first = reversed(listed(with_csv(tmp_path, text)).items)
        assert (first.item.item_id, first.item.group, first.latitude) == ("0.jpg", "temple", -35.5)
        assert (second.item.group, second.sequence, second.author) == ("walk", "walk", "花子")
        assert (second.item.licence, second.item.title) == ("CC BY 4.0", "Bridge")
        assert (second.captured_at, second.heading) == ("2024-05-06T07:08:09+09:00", 270.0)
        assert (second.slice, second.item.source_url) == ("night", "https://e.org/1")
        assert (first.item.licence, first.item.source_url) == ("CC0", "https://example.org")
        assert second.item.read() == photo(1)

    def test_columns_by_other_names(self, tmp_path: Path) -> None:
        root = with_csv(tmp_path, "name,lat,lon,place\n0.jpg,35,139,A\n1.jpg,36,139,A\n")
        found = listed(root, file="name", latitude="lat", longitude="lon", group="place")
        assert {place.item.group for place in found.items} == {"A"}
        with pytest.raises(SourceError, match=r"columns that are missing .author_name"):
            listed(root, file="name", latitude="lat", longitude="lon", author="author_name")
        with pytest.raises(SourceError, match="no column file, latitude, longitude"):
            listed(root)

    def test_bad_rows_are_refused_and_unnamed_photographs_counted(self, tmp_path: Path) -> None:
        text = f"{HEADER}0.jpg,,\n1.jpg,35,\n2.jpg,0,0.0\ngone.jpg,35,139\n../x.jpg,35,139\n3.jpg,35,139\n"
        found = listed(with_csv(tmp_path, text, photos=6))
        assert [place.item.item_id for place in found.items] == ["3.jpg"]
        assert reasons(found) == {
            "../x.jpg": "the table names it, but it is not in the folder",
            "0.jpg": "no coordinates",
            "1.jpg": "no coordinates",
            "2.jpg": "no coordinates",
            "gone.jpg": "the table names it, but it is not in the folder",
        }
        assert found.skipped == {"photographs that the table does not name": 2}

    def test_swapped_columns_are_guessed(self, tmp_path: Path) -> None:
        root = with_csv(tmp_path, f"{HEADER}0.jpg,139.7,35.6\n1.jpg,135.7,35.0\n")
        with pytest.raises(GeoDataError, match=r"2 rows .*line 2: 139.7, 35.6.*look swapped"):
            listed(root)
        assert len(listed(root, latitude="longitude", longitude="latitude").items) == 2

    def test_out_of_range_without_a_guess(self, tmp_path: Path) -> None:
        root = with_csv(tmp_path, f"{HEADER}0.jpg,35,139\n1.jpg,35,239\n")
        with pytest.raises(GeoDataError, match="1 rows") as caught:
            listed(root)
        assert "swapped" not in str(caught.value)

    @pytest.mark.parametrize(
        ("cells", "kind"),
        [
            ('"35,6","139,7"', "2 numbers with a decimal comma"),
            ("35°39'N,139°44'E", "2 numbers in degrees and minutes"),
            ("N35.65,139 44 43", "2 numbers in degrees and minutes"),
            ("north,139", "1 cells that are no numbers"),
            ("inf,139", "1 cells that are no numbers"),
        ],
    )
    def test_coordinates_that_are_no_decimal_degrees(self, tmp_path: Path, cells: str, kind: str) -> None:
        with pytest.raises(SourceError, match=rf"{kind} \(line 2"):
            listed(with_csv(tmp_path, f"{HEADER}0.jpg,{cells}\n"))

    def test_all_faults_of_a_table_at_once(self, tmp_path: Path) -> None:
        text = (
            "file,latitude,longitude,captured_at,slice\n0.jpg,35,139,yesterday,\n0.jpg,35,139,,dusk\n"
            ",35,139,,\n1.jpg,35\n"
        )
        with pytest.raises(SourceError) as caught:
            listed(with_csv(tmp_path, text))
        for kind in (
            "not ISO 8601 (line 2",
            "unknown slices (line 3",
            "2 photographs listed twice",
            "5 cells (line 5",
        ):
            assert kind in str(caught.value)

    @pytest.mark.parametrize("separator", [";", "\t"])
    def test_another_separator_is_named(self, tmp_path: Path, separator: str) -> None:
        root = with_csv(tmp_path, "file,latitude,longitude\n0.jpg,1,2\n".replace(",", separator))
        with pytest.raises(SourceError, match="seems to be separated by") as raised:
            listed(root)
        assert repr(separator) in raised.value.found

    def test_other_encodings_are_named(self, tmp_path: Path) -> None:
        text = "file,latitude,longitude,title\n0.jpg,35,139,東京タワー\n"
        with pytest.raises(SourceError, match=r"Shift-JIS \(cp932\), not UTF-8"):
            listed(with_csv(tmp_path, text.encode("cp932")))
        found = listed(with_csv(tmp_path, text.encode("utf-8-sig")))
        assert found.items[0].item.title == "東京タワー"

    def test_the_same_bytes_at_two_places_are_both_refused(self, tmp_path: Path) -> None:
        put(tmp_path, "copy.jpg", photo(0))
        text = f"{HEADER}0.jpg,35,139\ncopy.jpg,36,139\n1.jpg,35,139\n"
        found = listed(with_csv(tmp_path, text))
        assert [place.item.item_id for place in found.items] == ["1.jpg"]
        assert set(reasons(found).values()) == {"the same bytes stand at another position too"}

    def test_what_must_be_converted_is_no_item_wherever_it_was_taken(self, tmp_path: Path) -> None:
        put(tmp_path, "phone.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
        found = listed(with_csv(tmp_path, f"{HEADER}0.jpg,35,139\nphone.jpg,36,139\n"))
        assert [place.item.item_id for place in found.items] == ["0.jpg"]
        assert "HEIC, which cannot be read here; convert it to JPEG" in reasons(found)["phone.jpg"]

    def test_names_decomposed_by_macos_and_windows_slashes(self, tmp_path: Path) -> None:
        name = "橋/がっこう.jpg"
        put(tmp_path, unicodedata.normalize("NFD", name), photo())
        put(tmp_path, "places.csv", HEADER + name.replace("/", "\\") + ",35,139\n")
        assert listed(tmp_path).items[0].item.read() == photo()

    def test_boundary(self, tmp_path: Path) -> None:
        root = with_csv(tmp_path, f"{HEADER}0.jpg,35,139\n1.jpg,35,140.5\n")
        found = listed(root, boundary=box(138, 34, 140, 35))
        assert [place.item.item_id for place in found.items] == ["0.jpg"]
        assert found.skipped == {"outside the boundary": 1}


class TestGeoJson:
    def with_features(self, root: Path, *features: Any) -> Path:
        put(root, "0.jpg", photo(0))
        put(root, "places.geojson", json.dumps({"type": "FeatureCollection", "features": features}))
        return root

    def feature(self, geometry: Any, **properties: Any) -> dict[str, Any]:
        return {"type": "Feature", "geometry": geometry, "properties": properties}

    def test_points(self, tmp_path: Path) -> None:
        point = {"type": "Point", "coordinates": [139.5, 35.5, 12.0]}
        root = self.with_features(
            tmp_path, self.feature(point, file="0.jpg", author="花子", heading=45, group=None)
        )
        (place,) = listed(root, "places.geojson").items
        assert (place.latitude, place.longitude, place.author, place.heading) == (35.5, 139.5, "花子", 45.0)

    def test_features_without_a_point(self, tmp_path: Path) -> None:
        root = self.with_features(tmp_path, self.feature(None, file="0.jpg"))
        assert reasons(listed(root, "places.geojson")) == {"0.jpg": "no coordinates"}
        line = {"type": "LineString", "coordinates": [[139, 35], [140, 36]]}
        with pytest.raises(SourceError, match=r"features that are no points \(feature 0"):
            listed(self.with_features(tmp_path, self.feature(line, file="0.jpg")), "places.geojson")

    @pytest.mark.parametrize("coordinates", [None, []])
    def test_empty_points_are_no_positions(self, tmp_path: Path, coordinates: Any) -> None:
        point = {"type": "Point", "coordinates": coordinates}
        root = self.with_features(tmp_path, self.feature(point, file="0.jpg"))
        assert reasons(listed(root, "places.geojson")) == {"0.jpg": "no coordinates"}

    @pytest.mark.parametrize("geometry", ["POINT", [139, 35], {"type": "Point", "coordinates": "139,35"}, {}])
    def test_strange_geometries_are_no_points(self, tmp_path: Path, geometry: Any) -> None:
        root = self.with_features(tmp_path, self.feature(geometry, file="0.jpg"))
        with pytest.raises(SourceError, match=r"features that are no points \(feature 0"):
            listed(root, "places.geojson")

    def test_properties_without_names(self, tmp_path: Path) -> None:
        point = {"type": "Point", "coordinates": [139.5, 35.5]}
        root = self.with_features(tmp_path, {"geometry": point, "properties": ["0.jpg"]})
        with pytest.raises(SourceError, match=r"features whose properties have no names \(feature 0"):
            listed(root, "places.geojson")

    @pytest.mark.parametrize("text", ["", "[]", "{}", '{"features": [1]}', '{"features": {"a": 1}}'])
    def test_what_is_no_geojson(self, tmp_path: Path, text: str) -> None:
        put(tmp_path, "0.jpg", photo())
        put(tmp_path, "places.geojson", text)
        with pytest.raises(SourceError, match="cannot be read as GeoJSON"):
            listed(tmp_path, "places.geojson")

    def test_points_without_a_file(self, tmp_path: Path) -> None:
        point = {"type": "Point", "coordinates": [139.5, 35.5]}
        with pytest.raises(SourceError, match=r"columns that are missing .file"):
            listed(self.with_features(tmp_path, self.feature(point, name="0.jpg")), "places.geojson")
