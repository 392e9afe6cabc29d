"""Mapillary, against a server that answers as its API v4 does: what is chosen, and what it may say."""

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import SecretStr
from shapely import box

from tests.unit.datasets.ndl_server import FakeTime, quick_client
from tests.unit.datasets.places.mapillary_searches import (
    HOME,
    METRE,
    around,
    opened,
    points,
    provider,
    searched,
)
from tests.unit.datasets.places.mapillary_server import (
    BAD_TOKEN,
    REQUEST_LIMIT,
    TOKEN,
    MapillaryServer,
)
from tests.workspace import SHARED
from zuroku.config import canonical_json, config_hash
from zuroku.datasets.http import HttpSettings, PoliteClient
from zuroku.datasets.places.mapillary import Mapillary, MapillarySettings
from zuroku.datasets.places.mapillary_api import Around, MapillaryApi
from zuroku.errors import ConfigError, DownloadError


class TestChoice:
    def test_four_headings_become_one_panorama_with_credits(
        self, server: MapillaryServer, tmp_path: Path
    ) -> None:
        server.images += [around(21, 1.0, metres=20), around(22, 89.0, metres=60)]
        found = searched(server, tmp_path)
        (place,) = found.items
        assert place.item.item_id == "p000000"
        assert place.item.title == "Mapillary 11, 12, 13, 14"
        page = "https://www.mapillary.com/app/?pKey="
        assert place.author == (
            f"N: user11 {page}11, E: user12 {page}12, S: user13 {page}13, W: user14 {page}14"
        )
        assert (place.item.licence, place.item.group) == ("CC BY-SA 4.0", "7nfcwfvjdtphz7yj6zat6a")
        assert place.sequence == place.item.group
        assert place.item.source_url == "https://www.mapillary.com/app/?pKey=11"
        assert place.captured_at == "2019-07-21T14:57:52.195000+00:00"
        assert math.isnan(place.heading)
        assert (place.latitude, place.longitude) == pytest.approx((HOME[0] + 10 * METRE, HOME[1]))
        assert found.skipped == {}

    def test_a_panorama_is_of_all_its_sequences_and_its_group_is_the_most_frequent(
        self, server: MapillaryServer, tmp_path: Path
    ) -> None:
        for image, sequence in zip(server.images, ("c", "b", "a", "b"), strict=True):
            image["sequence"] = sequence
        (place,) = searched(server, tmp_path).items
        assert (place.item.group, place.sequence) == ("b", "b; a; c")

    def test_who_is_not_named_is_said_and_nobody_named_is_no_credit(
        self, server: MapillaryServer, tmp_path: Path
    ) -> None:
        for image in server.images[1:]:
            del image["creator"]
        (place,) = searched(server, tmp_path / "a").items
        assert place.author.startswith(
            "N: user11 https://www.mapillary.com/app/?pKey=11, E: not named https:"
        )
        del server.images[0]["creator"]
        (place,) = searched(server, tmp_path / "b").items
        assert place.author == ""

    def test_the_panorama_shows_north_east_south_west_at_one_height(
        self, server: MapillaryServer, tmp_path: Path
    ) -> None:
        server.images[2]["size"] = (96, 96)
        joined = opened(searched(server, tmp_path))
        assert joined.size == (4 * 48, 48)
        for left, image_id in [(0, "11"), (48, "12"), (144, "14")]:
            view = Image.open(io.BytesIO(server.thumbnail(image_id))).crop((8, 0, 56, 48))
            assert joined.crop((left, 0, left + 48, 48)).tobytes() == view.tobytes()

    def test_the_nearest_of_a_heading_wins_and_then_the_least_id(
        self, server: MapillaryServer, tmp_path: Path
    ) -> None:
        server.images += [around(10, 350.0), around(31, 100.0, metres=5)]
        (place,) = searched(server, tmp_path).items
        assert place.item.title == "Mapillary 10, 31, 13, 14"

    def test_fewer_headings_are_skipped_and_counted_or_taken_singly(
        self, server: MapillaryServer, tmp_path: Path
    ) -> None:
        server.images = [
            around(11, 2.0),
            around(13, 179.0, sequence="other"),
            around(15, None, compass_angle=None),
        ]
        empty = (36.0, 140.0)
        found = searched(server, tmp_path / "a", HOME, empty)
        assert found.items == []
        assert found.skipped == {"points without all four headings": 1, "points without an image": 1}
        single = searched(server, tmp_path / "b", HOME, empty, incomplete="single").items
        assert [(p.item.item_id, p.heading, p.sequence) for p in single] == [
            ("p000000_N", 2.0, "7nfcwfvjdtphz7yj6zat6a"),
            ("p000000_S", 179.0, "other"),
        ]
        assert single[0].item.read() == server.thumbnail("11")

    def test_a_360_degree_image_is_cut_where_four_are_missing(
        self, server: MapillaryServer, tmp_path: Path
    ) -> None:
        server.images = [around(11, 2.0), around(40, 90.0, is_pano=True, size=(128, 64))]
        found = searched(server, tmp_path / "a")
        assert found.items[0].item.title == "Mapillary 40"
        assert math.isnan(found.items[0].heading)
        assert opened(found).size == (128, 32)
        assert searched(server, tmp_path / "b", cut_panoramas=False).items == []

    def test_points_outside_the_boundary_are_not_asked_for(
        self, server: MapillaryServer, tmp_path: Path
    ) -> None:
        found = provider(server, tmp_path, HOME, (10.0, 10.0)).places(box(139, 35, 140, 36))
        assert len(found.items) == 1
        assert found.skipped == {"outside the boundary": 1}
        assert len(server.requests) == 1


class TestServer:
    def test_the_token_travels_in_a_header_and_stands_nowhere_else(
        self, server: MapillaryServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("DEBUG")
        asked = provider(server, tmp_path)
        asked.places(None).items[0].item.read()
        assert server.tokens == [f"OAuth {TOKEN}"]
        settings = asked.settings
        bare = settings.model_copy(update={"token": None})
        said = [
            caplog.text,
            repr(settings),
            canonical_json(settings.model_dump(mode="json")),
            *server.requests,
        ]
        said += [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
        assert not [text for text in said if "secret" in text]
        assert config_hash(settings) == config_hash(bare)

    def test_without_a_token_or_with_a_wrong_one(self, server: MapillaryServer, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no access token"):
            searched(server, tmp_path, token=None)
        with pytest.raises(DownloadError, match="Invalid OAuth") as caught:
            searched(server, tmp_path, token=SecretStr("MLY|other"))
        assert "other" not in str(caught.value)
        assert "dashboard" in caught.value.remedy

    @pytest.mark.parametrize("status", [200, 400, 403])
    def test_the_request_limit_is_waited_for(self, server: MapillaryServer, status: int) -> None:
        server.answers.extend([(status, REQUEST_LIMIT[1]), (503, {})])
        time = FakeTime()
        with quick_client(time) as client:
            found = MapillaryApi(server.url, SecretStr(TOKEN), "2048", client).images_around(*HOME, 50, 10)
        assert [image.id for image in found.images] == ["11", "12", "13", "14"]
        assert max(time.slept) == 60

    def test_a_limit_that_stays_ends_in_an_error(self, server: MapillaryServer) -> None:
        server.answers.extend([REQUEST_LIMIT] * 5)
        with (
            quick_client() as client,
            pytest.raises(DownloadError, match="Application request limit reached"),
        ):
            MapillaryApi(server.url, SecretStr(TOKEN), "2048", client).images_around(*HOME, 50, 10)

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            ((200, b"<html>login</html>"), "<html>"),
            ((200, b'{"data": [{"id": "1"'), "data"),
            ((200, {"data": [{"id": "1", "creator": None}]}), None),
            ((200, {"data": [{"id": "1/../2"}]}), "not as documented"),
            ((200, {"data": [{"id": "1", "geometry": {"coordinates": [39.0, 139.0]}}]}), "not as documented"),
            ((200, {"data": [{"id": "1", "geometry": {"coordinates": ["x"]}}]}), "not as documented"),
            ((200, b""), "answered b''"),
            (BAD_TOKEN, "code 190"),
            ((400, {"error": {"message": "Unsupported get request", "code": 100}}), "code 100"),
            ((403, b"forbidden"), "answered 403"),
        ],
    )
    def test_strange_answers(
        self, server: MapillaryServer, answer: tuple[int, Any], said: str | None
    ) -> None:
        server.answers.append(answer)
        with quick_client() as client:
            api = MapillaryApi(server.url, SecretStr(TOKEN), "2048", client)
            if said is None:
                assert api.images_around(*HOME, 50, 10) == Around(images=())
            else:
                with pytest.raises(DownloadError, match=said):
                    api.images_around(*HOME, 50, 10)

    def test_expired_addresses_are_asked_anew(self, server: MapillaryServer, tmp_path: Path) -> None:
        found = searched(server, tmp_path)
        server.expired = {"12", "14"}
        assert opened(found).size == (192, 48)
        assert [path.split("?")[0] for path in server.paths("/1")] == ["/12", "/14"]

    def test_requests_keep_to_the_rate(self, server: MapillaryServer, tmp_path: Path) -> None:
        time = FakeTime()
        client = PoliteClient(HttpSettings(requests_per_second=4), time.clock, time.sleep, lambda: 1.0)
        settings = MapillarySettings(destination=tmp_path, api_url=server.url, token=SecretStr(TOKEN))
        places = [(HOME[0] + number, HOME[1]) for number in range(5)]
        Mapillary(settings, points(*places), tmp_path, client).places(None)
        assert time.now == pytest.approx(1.0)

    def test_recorded_answers_are_understood(self, server: MapillaryServer) -> None:
        recorded = SHARED / "data" / "geo" / "fixtures" / "mapillary_v4" / "graph"
        if not recorded.is_dir():
            pytest.skip("no recorded answers beside the repository (shared/data/geo/fixtures)")
        images = [json.loads(path.read_bytes()) for path in sorted(recorded.glob("*.json"))]
        images = [image for image in images if "compass_angle" in image]
        server.answers.extend(
            [
                (403, (recorded / "application_request_limit_reached.json").read_bytes()),
                (200, {"data": images}),
                (500, (recorded / "internal_server_error.json").read_bytes()),
                (400, (recorded / "internal_server_error.json").read_bytes()),
            ]
        )
        with quick_client() as client:
            api = MapillaryApi(server.url, SecretStr(TOKEN), "2048", client)
            found = api.images_around(39.07, -108.57, 500, 100).images
            assert len(found) == len(images) > 5
            assert found[0].latitude == 39.068354912098
            assert found[0].compass_deg == 1.2865829255371
            with pytest.raises(DownloadError, match="Invalid OAuth"):
                api.images_around(39.07, -108.57, 500, 100)
