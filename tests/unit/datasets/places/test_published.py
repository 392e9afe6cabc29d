"""The published sets, in the layouts in which they were published."""

import bz2
import struct
from pathlib import Path
from typing import Any

import pytest
from shapely import box

from tests.unit.datasets.places.place_files import encoded, gps_tags, photo, picture, put
from tests.workspace import SHARED
from zuroku.datasets.places.provider import Places, position_group
from zuroku.datasets.places.published import yfcc
from zuroku.datasets.places.published.gldv2 import Gldv2, Gldv2Settings
from zuroku.datasets.places.published.im2gps import Im2gps, Im2gpsSettings
from zuroku.datasets.places.published.message_shards import sharded_images
from zuroku.datasets.places.published.mp16 import Mp16, Mp16Settings
from zuroku.datasets.places.published.yfcc import Yfcc, YfccSettings
from zuroku.errors import ImageError, SourceError

JAPAN = box(122, 24, 154, 46)


def ids(places: Places) -> list[str]:
    return [place.item.item_id for place in places.items]


class TestIm2gps:
    TABLE = (
        "IMG_ID,AUTHOR,LAT,LON,S3_Label\n"
        "2_b_3_7@N00.jpg,7@N00,35.5,139.5,1\n1_a_3_8@N00.jpg,8@N00,-16.6,145.5,1\n3_c_3_9@N00.jpg,9@N00,,,1\n"
    )

    def found(self, root: Path, table: str | None, boundary: Any = None) -> Places:
        settings = Im2gpsSettings(images=Path("img"), table=table)
        return Im2gps(settings, root, "CC", "https://e.org").places(boundary)

    def test_table(self, tmp_path: Path) -> None:
        put(tmp_path, "im2gps.csv", self.TABLE)
        put(tmp_path, "img/2_b_3_7@N00.jpg", photo(2))
        found = self.found(tmp_path, "im2gps.csv")
        assert ids(found) == ["1_a_3_8@N00.jpg", "2_b_3_7@N00.jpg"]
        assert found.skipped == {"without coordinates": 1}
        place = found.items[1]
        assert (place.author, place.item.group, place.longitude) == ("7@N00", "7@N00", 139.5)
        assert place.item.read() == photo(2)
        with pytest.raises(FileNotFoundError):
            found.items[0].item.read()
        assert ids(self.found(tmp_path, "im2gps.csv", JAPAN)) == ["2_b_3_7@N00.jpg"]

    def test_texts_beside_the_photographs_or_exif(self, tmp_path: Path) -> None:
        put(tmp_path, "img/1_a_3_8@N00.jpg", photo(1))
        put(tmp_path, "img/1_a_3_8@N00.txt", "-16.663606 145.563537\n")
        put(tmp_path, "img/2.jpg", photo(2, gps=True))
        put(tmp_path, "img/3.jpg", photo(3))
        put(tmp_path, "img/4.jpg", encoded(picture(4), gps=gps_tags() | {1: "?"}))
        found = self.found(tmp_path, None)
        assert [(place.latitude, place.longitude) for place in found.items] == [
            (-16.663606, 145.563537),
            pytest.approx((35.658581, 139.745433), abs=1e-7),
        ]
        assert found.items[0].author == "8@N00"
        assert found.skipped == {"without coordinates": 1}
        with pytest.raises(ImageError, match="latitude or its reference"):
            found.refused[0].read()

    def test_other_tables_and_names_that_lead_out(self, tmp_path: Path) -> None:
        put(tmp_path, "im2gps.csv", "id,lat\n1,2\n")
        with pytest.raises(SourceError, match="IMG_ID"):
            self.found(tmp_path, "im2gps.csv")
        put(tmp_path, "im2gps.csv", "IMG_ID,LAT,LON\n../x.jpg,35,139\n")
        with pytest.raises(SourceError, match="names the file"):
            self.found(tmp_path, "im2gps.csv")
        with pytest.raises(SourceError, match="cannot be read"):
            self.found(tmp_path, "none.csv")

    def test_the_published_table_has_237_places(self, tmp_path: Path) -> None:
        table = SHARED / "data" / "protocols" / "geolocation" / "meta" / "im2gps_places365.csv"
        if not table.is_file():
            pytest.skip("no published table beside the repository (shared/data/protocols/geolocation)")
        found = self.found(tmp_path, str(table))
        assert len(found.items) == 237
        assert found.skipped == {}
        first = {place.item.item_id: place for place in found.items}[
            "104123223_7410c654ba_19_19355699@N00.jpg"
        ]
        assert (first.latitude, first.longitude) == (-16.663606, 145.563537)
        assert first.author == "19355699@N00"


def yfcc_row(number: int, longitude: str = "139.5", latitude: str = "35.5", **fields: str) -> list[str]:
    """Return the cells of the first publication, 23 of them."""
    values = {
        "photoid": str(number),
        "uid": "7@N00",
        "unickname": "Hana%2Bko+%E8%8A%B1",
        "title": "Tokyo%27s+tower",
        "datetaken": "2006-05-31 21:07:00.0",
        "longitude": longitude,
        "latitude": latitude,
        "accuracy": "16",
        "pageurl": f"http://www.flickr.com/photos/7@N00/{number}/",
        "licensename": "Attribution License",
        "ext": "jpg",
        "marker": "0",
        "description": '"quoted"',
        "usertags": "a,b",
    } | fields
    return [values.get(name, "") for name in yfcc._COLUMNS]


def with_hash(row: list[str]) -> list[str]:
    return ["0", row[0], f"abcdef{row[0]:0>26}", *row[1:]]


def lines(rows: list[list[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)


class TestYfcc:
    def found(self, root: Path, table: str, boundary: Any = None, **values: Any) -> Places:
        return Yfcc(YfccSettings(table=table, images="data/images", **values), root).places(boundary)

    def test_23_columns(self, tmp_path: Path) -> None:
        rows = [
            yfcc_row(1),
            yfcc_row(2, "", ""),
            yfcc_row(3, "null", "null", accuracy="null"),
            yfcc_row(4, marker="1"),
            yfcc_row(5, "-0.1", "51.5"),
            yfcc_row(6, "35.5", "139.5"),
            yfcc_row(7, datetaken="null"),
        ]
        put(tmp_path, "yfcc.tsv", lines(rows))
        put(tmp_path, "data/images/1.jpg", photo(1))
        found = self.found(tmp_path, "yfcc.tsv", JAPAN)
        assert ids(found) == ["yfcc_1", "yfcc_7"]
        assert found.skipped == {
            "videos": 1,
            "without coordinates": 2,
            "coordinates out of range": 1,
            "outside the boundary": 1,
        }
        place = found.items[0]
        assert (place.latitude, place.longitude) == (35.5, 139.5)
        assert (place.author, place.item.title, place.item.group) == ("Hana+ko 花", "Tokyo's tower", "7@N00")
        assert (place.item.licence, place.captured_at) == ("Attribution License", "2006-05-31T21:07:00")
        assert place.item.source_url == "http://www.flickr.com/photos/7@N00/1/"
        assert place.item.read() == photo(1)
        assert found.items[1].captured_at == ""

    def test_25_columns_compressed(self, tmp_path: Path) -> None:
        data = lines([with_hash(yfcc_row(number)) for number in (1, 2)]).encode()
        put(tmp_path, "yfcc100m_dataset.bz2", bz2.compress(data))
        put(tmp_path, f"data/images/abc/def/abcdef{2:026}.jpg", photo(2))
        found = self.found(tmp_path, "yfcc100m_dataset.bz2")
        assert ids(found) == ["yfcc_1", "yfcc_2"]
        assert found.items[1].item.read() == photo(2)

    def test_rough_coordinates_can_be_left_out(self, tmp_path: Path) -> None:
        rows = [
            yfcc_row(1, accuracy="11"),
            yfcc_row(2, accuracy="15"),
            yfcc_row(3),
            yfcc_row(4, "", "", accuracy=""),
        ]
        put(tmp_path, "yfcc.tsv", lines(rows))
        found = self.found(tmp_path, "yfcc.tsv", min_accuracy=12)
        assert ids(found) == ["yfcc_2", "yfcc_3"]
        assert found.skipped == {"coordinates too rough": 1, "without coordinates": 1}

    def test_many_batches_and_rows_of_another_length(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(yfcc, "BLOCK_BYTES", 4096)
        rows = [yfcc_row(number, "139.5" if number % 3 else "9.5") for number in range(300)]
        put(tmp_path, "yfcc.tsv", lines([*rows[:150], ["cut", "short"], *rows[150:]]))
        found = self.found(tmp_path, "yfcc.tsv", JAPAN)
        assert ids(found) == [f"yfcc_{number}" for number in range(300) if number % 3]
        assert found.skipped == {"rows with another number of columns": 1, "outside the boundary": 100}

    @pytest.mark.parametrize("data", [b"", b"a\tb\n", bytes([0xFF]) * 30 + b"\t" * 22 + b"\n"])
    def test_other_tables(self, tmp_path: Path, data: bytes) -> None:
        put(tmp_path, "yfcc.tsv", data)
        with pytest.raises(SourceError, match="is not as published"):
            self.found(tmp_path, "yfcc.tsv")
        with pytest.raises(SourceError, match="is not as published"):
            self.found(tmp_path, "none.tsv")


def packed(image_id: str, image: bytes, header: str = "bin32") -> bytes:
    """Return a MessagePack map of a photograph, written out by the specification."""
    name = image_id.encode()
    kinds = {
        "bin32": b"\xc6" + struct.pack(">I", len(image)),
        "str16": b"\xda" + struct.pack(">H", len(image)),
    }
    text = bytes([0xA0 | len(name)]) if len(name) < 32 else bytes([0xD9, len(name)])
    return b"\x82" + b"\xa5image" + kinds[header] + image + b"\xa2id" + text + name


class TestMp16:
    TABLE = (
        "IMG_ID,LAT,LON,S3_Label\n34/8d/2.jpg,35.5,139.5,1\n34/8d/1.jpg,35.5,139.5,1\n"
        "aa/bb/3.jpg,48.8,2.3,1\naa/bb/4.jpg,,,1\n"
    )

    def found(self, root: Path, boundary: Any = JAPAN, urls: str | None = None) -> Places:
        settings = Mp16Settings(table="mp16.csv", images="img", urls=urls)
        return Mp16(settings, root, "CC", "https://e.org").places(boundary)

    def test_folder(self, tmp_path: Path) -> None:
        put(tmp_path, "mp16.csv", self.TABLE)
        put(tmp_path, "urls.csv", "aa/bb/3.jpg,http://f/3.jpg\n34/8d/1.jpg,http://f/1.jpg\n34/8d/2.jpg,\n")
        put(tmp_path, "img/34/8d/1.jpg", photo(1))
        found = self.found(tmp_path, urls="urls.csv")
        assert ids(found) == ["34/8d/1.jpg", "34/8d/2.jpg"]
        assert found.items[0].item.read() == photo(1)
        assert found.items[0].item.source_url == "http://f/1.jpg"
        assert {place.item.group for place in found.items} == {position_group(35.5, 139.5)}
        assert found.skipped == {"without coordinates": 1, "outside the boundary": 1}

    def test_shards(self, tmp_path: Path) -> None:
        put(tmp_path, "mp16.csv", self.TABLE)
        put(
            tmp_path,
            "img/shard_0.msg",
            packed("aa/bb/3.jpg", photo(3)) + packed("34/8d/2.jpg", photo(2), "str16"),
        )
        found = self.found(tmp_path)
        assert ids(found) == ["34/8d/2.jpg"]
        assert found.items[0].item.read() == photo(2)
        with pytest.raises(ImageError, match="no shard holds it"):
            found.refused[0].read()

    def test_shards_agree_with_the_library(self, tmp_path: Path) -> None:
        msgpack = pytest.importorskip("msgpack")
        images = {
            f"{'x' * length}.jpg": bytes([length % 256]) * size
            for length, size in [(1, 5), (40, 255), (300, 256), (7, 70_000)]
        }
        records = [{"image": data, "id": name} for name, data in images.items()]
        records.append({"id": "first", "label": "no image", "image": b"last", "nothing": None})
        path = put(tmp_path, "s.msg", b"".join(msgpack.packb(record) for record in records))
        found = {name: image.read() for name, image in sharded_images(path)}
        assert found == images | {"first": b"last"}

    @pytest.mark.parametrize(
        "data",
        [
            b"\x93abc",
            packed("a", b"123")[:-3],
            packed("a", b"1")[:9],
            b"\x81\xa2id\xa1a",
            b"\x81\xa2id\x05",
            b"\x82",
        ],
    )
    def test_other_shards(self, tmp_path: Path, data: bytes) -> None:
        with pytest.raises(SourceError, match="no shard of images"):
            list(sharded_images(put(tmp_path, "s.msg", data)))


class TestGldv2:
    TRAIN = "id,url,landmark_id\n0123aa,http://u/1.jpg,7\n4567bb,http://u/2.jpg,8\n89abcc,http://u/3.jpg,9\n"
    CREDITS = (
        "id,url,author,license,title\n0123aa,https://commons.wikimedia.org/wiki/File:A.jpg,Hanako,"
        'https://creativecommons.org/licenses/by-sa/3.0/,"A, B"\n'
    )

    def found(self, root: Path, boundary: Any = None, **values: Any) -> Places:
        fields = {"train": "train.csv", "images": "train", "coordinates": "landmarks.csv"} | values
        return Gldv2(Gldv2Settings(**fields), root, "CC BY").places(boundary)

    def test_coordinates_of_landmarks(self, tmp_path: Path) -> None:
        put(tmp_path, "train.csv", self.TRAIN)
        put(tmp_path, "credits.csv", self.CREDITS)
        put(tmp_path, "landmarks.csv", "landmark_id,latitude,longitude\n7,35.5,139.5\n8,48.8,2.3\n")
        put(tmp_path, "train/0/1/2/0123aa.jpg", photo(1))
        found = self.found(tmp_path, JAPAN, attribution="credits.csv")
        (place,) = found.items
        assert (place.item.item_id, place.item.group, place.author) == ("0123aa", "7", "Hanako")
        assert (place.item.title, place.item.licence) == (
            "A, B",
            "https://creativecommons.org/licenses/by-sa/3.0/",
        )
        assert place.item.source_url == "https://commons.wikimedia.org/wiki/File:A.jpg"
        assert place.item.read() == photo(1)
        assert found.skipped == {"without coordinates": 1, "outside the boundary": 1}
        bare = self.found(tmp_path)
        assert ids(bare) == ["0123aa", "4567bb"]
        assert (bare.items[1].item.licence, bare.items[1].item.source_url) == ("CC BY", "http://u/2.jpg")

    def test_coordinates_of_images(self, tmp_path: Path) -> None:
        put(tmp_path, "train.csv", self.TRAIN)
        put(tmp_path, "geo.csv", "picture,lat,lon\n89abcc,35.5,139.5\n")
        found = self.found(
            tmp_path,
            coordinates="geo.csv",
            keyed_by="image",
            key_column="picture",
            latitude_column="lat",
            longitude_column="lon",
        )
        assert ids(found) == ["89abcc"]
        assert found.skipped == {"without coordinates": 2}

    def test_missing_columns(self, tmp_path: Path) -> None:
        put(tmp_path, "train.csv", self.TRAIN)
        put(tmp_path, "landmarks.csv", "id,latitude\n7,35.5\n")
        with pytest.raises(SourceError, match=r"landmarks.csv cannot be read as the published table"):
            self.found(tmp_path)
