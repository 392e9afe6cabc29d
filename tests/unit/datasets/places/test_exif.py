"""Positions in EXIF: written precisely and alone, read from what cameras write."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from tests.unit.datasets.places.place_files import encoded, gps_tags, photo, picture, put
from zuroku.datasets.places.exif import exif_position, positioned_webp
from zuroku.errors import GeoDataError, ImageError
from zuroku.geo.distances import geodesic_km

EDGES = [(0.0, 180.0), (90.0, 0.0), (-90.0, -180.0), (59.9999999, -0.00000001), (-33.999999999, 151.2093)]


class TestWriting:
    def test_position_returns_within_a_centimetre_everywhere(self) -> None:
        rng = np.random.default_rng(1)
        places = np.column_stack([rng.uniform(-90, 90, 40), rng.uniform(-180, 180, 40)]).tolist() + EDGES
        found = [exif_position(positioned_webp(picture(size=(8, 8)), *place)) for place in places]
        assert geodesic_km(places, found).max() * 1e5 < 1

    def test_is_webp_of_the_same_picture(self) -> None:
        original = picture(3)
        with Image.open(io.BytesIO(positioned_webp(original, 1, 2))) as image:
            assert (image.format, image.mode, image.size) == ("WEBP", "RGB", original.size)
            difference = np.asarray(image, dtype=float) - np.asarray(original, dtype=float)
        assert np.abs(difference).mean() < 8

    def test_equal_pictures_give_equal_bytes(self) -> None:
        assert positioned_webp(picture(), 1, 2) == positioned_webp(picture(), 1, 2)

    def test_orientation_is_applied_and_every_other_tag_dropped(self) -> None:
        data = encoded(picture(), gps=gps_tags(), Orientation=6, Artist="Hanako", Model="Phone")
        with Image.open(io.BytesIO(data)) as image:
            image.info["icc_profile"] = b"profile"
            image.info["xmp"] = b"<x:xmpmeta/>"
            written = positioned_webp(image, -12.5, -77.25)
        assert b"Hanako" not in written
        with Image.open(io.BytesIO(written)) as turned:
            assert turned.size == (32, 48)
            exif = turned.getexif()
            assert set(exif) == {ExifTags.IFD.GPSInfo}
            gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
            assert not {"icc_profile", "xmp"} & set(turned.info)
        assert set(gps) == {0, 1, 2, 3, 4, 18}
        assert (gps[1], gps[3]) == ("S", "W")

    @pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
    def test_every_mode_becomes_rgb(self, mode: str) -> None:
        with Image.open(io.BytesIO(positioned_webp(picture().convert(mode), 1, 2))) as image:
            assert image.mode == "RGB"

    def test_refuses_no_places_and_sides_that_webp_cannot_hold(self) -> None:
        with pytest.raises(GeoDataError, match="swapped"):
            positioned_webp(picture(), 139.7, 35.6)
        with pytest.raises(ImageError, match="16384 × 1"):
            positioned_webp(Image.new("RGB", (16384, 1)), 1, 2)


class TestReading:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
    def test_formats(self, kind: str, tmp_path: Path) -> None:
        data = encoded(picture(), kind, gps_tags())
        (tmp_path / "photo").write_bytes(data)
        for source in (data, tmp_path / "photo"):
            assert exif_position(source) == pytest.approx((35.658581, 139.745433), abs=1e-7)

    @pytest.mark.parametrize(
        ("reference", "sign"), [("N", 1), ("S", -1), ("s", -1), (b"S\0", -1), ("N\0", 1), ("South", -1)]
    )
    def test_references(self, reference: str | bytes, sign: int) -> None:
        data = encoded(picture(), gps=gps_tags() | {1: reference})
        assert exif_position(data) == pytest.approx((sign * 35.658581, 139.745433), abs=1e-7)

    @pytest.mark.parametrize("latitude", [(35.5,), (35.0, 30.0), (35.0, 29.0, 60.0)])
    def test_fewer_parts_count(self, latitude: tuple[float, ...]) -> None:
        found = exif_position(encoded(picture(), gps=gps_tags(latitude)))
        assert found is not None
        assert found[0] == pytest.approx(35.5, abs=1e-6)

    def test_none_without_gps_or_with_only_the_time(self) -> None:
        assert exif_position(photo()) is None
        assert exif_position(encoded(picture(), Artist="Hanako")) is None
        assert exif_position(encoded(picture(), gps={29: "2024:01:02"})) is None

    @pytest.mark.parametrize(
        ("gps", "reason"),
        [
            (gps_tags() | {1: ""}, "latitude or its reference"),
            (gps_tags() | {3: "X"}, "longitude or its reference"),
            ({1: "N", 2: (35.0, 0.0, 0.0)}, "longitude or its reference"),
            (gps_tags((IFDRational(0, 0),) * 3), "latitude is no number"),
            (gps_tags((IFDRational(35, 0), IFDRational(1), IFDRational(1))), "no number|no place"),
            (gps_tags((35.0, 61.0, 0.0)), "minutes or seconds above 60"),
            (gps_tags((35.0, 1.0, 1.0, 1.0)), "no number"),
            (gps_tags((91.0, 0.0, 0.0)), "91, 139.745 is no place"),
            (gps_tags(longitude=(181.0, 0.0, 0.0)), "is no place"),
            (gps_tags((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), "0, 0"),
        ],
    )
    def test_malformed_positions_give_a_reason(self, gps: dict[int, object], reason: str) -> None:
        with pytest.raises(GeoDataError, match=reason):
            exif_position(encoded(picture(), gps=gps))

    @pytest.mark.parametrize("data", [b"", b"no image", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"])
    def test_what_is_no_image_is_said(self, data: bytes) -> None:
        with pytest.raises(ImageError, match="cannot be read"):
            exif_position(data)

    def test_what_phones_write_is_named_with_the_conversion(self, tmp_path: Path) -> None:
        path = put(tmp_path, "phone.jpg", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic")
        for source in (path, path.read_bytes()):
            with pytest.raises(ImageError, match="in HEIC") as raised:
                exif_position(source)
            assert raised.value.remedy == "convert it to JPEG, keeping its metadata"

    def test_damaged_metadata_never_escape_as_another_error(self) -> None:
        data = bytearray(photo(gps=True))
        start = data.index(b"Exif")
        rng = np.random.default_rng(0)
        for _ in range(150):
            broken = bytearray(data)
            for place in rng.integers(start, start + 180, 4):
                broken[place] = rng.integers(0, 256)
            try:
                found = exif_position(bytes(broken))
            except (GeoDataError, ImageError):
                continue
            assert found is None or (abs(found[0]) <= 90 and abs(found[1]) <= 180)
