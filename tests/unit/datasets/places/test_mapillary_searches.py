"""Long searches of Mapillary: resumed and recorded, points that fail, boxes with too many images."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from tests.unit.datasets.ndl_server import quick_client
from tests.unit.datasets.places.mapillary_searches import HOME, around, four, searched
from tests.unit.datasets.places.mapillary_server import (
    BAD_TOKEN,
    TOKEN,
    MapillaryServer,
)
from zuroku.config import canonical_json
from zuroku.datasets.http import GoneError, UnavailableError
from zuroku.datasets.places import search_record
from zuroku.datasets.places.mapillary_api import QUARTERINGS, MapillaryApi, bounding_box
from zuroku.errors import DownloadError
from zuroku.geo.distances import haversine_km


class TestResume:
    def test_a_killed_search_goes_on_where_it_was(self, server: MapillaryServer, tmp_path: Path) -> None:
        places = [(HOME[0] + number, HOME[1]) for number in range(4)]
        # The third search fails for good.
        server.answers.extend([(200, {"data": []}), (200, {"data": []}), BAD_TOKEN])
        with pytest.raises(DownloadError):
            searched(server, tmp_path, *places)
        before = len(server.requests)
        searched(server, tmp_path, *places)
        assert len(server.requests) - before == 2
        searched(server, tmp_path, *places)
        assert len(server.requests) - before == 2

    def test_a_line_cut_short_is_searched_again(self, server: MapillaryServer, tmp_path: Path) -> None:
        first = searched(server, tmp_path)
        record = tmp_path / "found.jsonl"
        whole = record.read_bytes()
        record.write_bytes(whole[:-40])
        second = searched(server, tmp_path)
        assert len(server.requests) == 2
        assert record.read_bytes() == whole
        assert first.items[0].item.title == second.items[0].item.title

    def test_another_search_or_another_place_begins_anew(
        self, server: MapillaryServer, tmp_path: Path
    ) -> None:
        for values in ({}, {"radius_m": 30.0}, {"radius_m": 30.0, "incomplete": "single"}):
            searched(server, tmp_path, **values)
        assert len(server.requests) == 2
        searched(server, tmp_path, (HOME[0] + 1, HOME[1]), radius_m=30.0)
        assert len(server.requests) == 3

    def test_a_search_by_mistake_costs_no_other(
        self, server: MapillaryServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        for radius_m in (50.0, 5.0, 50.0, 5.0):
            found = searched(server, tmp_path, radius_m=radius_m)
            assert len(found.items) == (radius_m == 50.0)
        assert len(server.requests) == 2
        assert len(list(tmp_path.glob("found-*.jsonl"))) == 1
        assert caplog.text.count("is of another search or format: kept as") == 3

    def test_a_kill_while_two_records_change_places_costs_neither(
        self, server: MapillaryServer, tmp_path: Path
    ) -> None:
        for radius_m in (50.0, 5.0):
            searched(server, tmp_path, radius_m=radius_m)
        (tmp_path / "found.jsonl").rename(tmp_path / "found-elsewhere.jsonl")
        assert len(searched(server, tmp_path, radius_m=50.0).items) == 1
        assert len(server.requests) == 2

    def test_a_record_of_another_format_is_put_aside_with_a_warning(
        self,
        server: MapillaryServer,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        with caplog.at_level(logging.WARNING):
            searched(server, tmp_path)
            record = tmp_path / "found.jsonl"
            whole = record.read_text()
            head, line = map(json.loads, whole.splitlines())
            del head["format"]
            # Lines that were written before there was a format number.
            line["images"] = line.pop("around")["images"]
            earlier = f"{canonical_json(head)}\n{canonical_json(line)}\n"
            record.write_text(earlier)
            assert caplog.text == ""
            again = searched(server, tmp_path)
        assert [place.item.item_id for place in again.items] == ["p000000"]
        assert len(server.requests) == 2
        assert f"{record} is of another search or format" in caplog.text
        assert record.read_text() == whole
        assert [path.read_text() for path in tmp_path.glob("found-*.jsonl")] == [earlier]
        monkeypatch.setattr(search_record, "FORMAT", search_record.FORMAT + 1)
        searched(server, tmp_path)
        assert len(server.requests) == 3

    def test_what_was_found_is_read_again_as_it_was(self, server: MapillaryServer, tmp_path: Path) -> None:
        places = [(HOME[0] + number, HOME[1]) for number in range(3)]
        server.images += [around(21, 5.0, metres=111_195 + 8), around(22, None, metres=111_195 + 9)]
        first = searched(server, tmp_path, *places, incomplete="single")
        whole = (tmp_path / "found.jsonl").read_bytes()
        again = searched(server, tmp_path, *places, incomplete="single")
        assert [place.item.title for place in again.items] == [place.item.title for place in first.items]
        assert again.items[-1].item.item_id == "p000001_N"
        assert again.skipped == first.skipped == {"points without an image": 1}
        assert (tmp_path / "found.jsonl").read_bytes() == whole

    def test_only_images_that_may_be_chosen_are_kept(self, server: MapillaryServer, tmp_path: Path) -> None:
        server.images += [around(100 + number, 3.0 * number, metres=20) for number in range(100)]
        server.images += [around(300 + number, 3.0, metres=5 + number, is_pano=True) for number in range(9)]
        searched(server, tmp_path)
        entry = json.loads((tmp_path / "found.jsonl").read_text().splitlines()[1])
        kept = [image["id"] for image in entry["around"]["images"]]
        assert kept == ["300", "11", "12", "13", "14"]


class TestFailures:
    PLACES = tuple((HOME[0] + number, HOME[1]) for number in range(3))
    REFUSAL = (400, {"error": {"message": "Unsupported get request", "code": 100}})

    @pytest.mark.parametrize("answers", [[REFUSAL], [(500, {})] * 5, [(200, b"<html>")]])
    def test_a_point_that_fails_is_counted_and_asked_again(
        self, server: MapillaryServer, tmp_path: Path, answers: list[tuple[int, Any]]
    ) -> None:
        server.answers.extend(answers)
        found = searched(server, tmp_path, *self.PLACES)
        assert found.skipped == {"points whose search failed": 1, "points without an image": 2}
        again = searched(server, tmp_path, *self.PLACES)
        assert [place.item.item_id for place in again.items] == ["p000000"]
        assert again.skipped == {"points without an image": 2}

    def test_too_many_stop_the_search(self, server: MapillaryServer, tmp_path: Path) -> None:
        server.answers.extend([(200, {"data": []}), self.REFUSAL, self.REFUSAL])
        with pytest.raises(DownloadError, match=r"2 of 3 searches failed, the last time: .*code 100"):
            searched(server, tmp_path, *self.PLACES)
        server.answers.extend([self.REFUSAL] * 2)
        found = searched(server, tmp_path, *self.PLACES, max_failed_share=0.5)
        assert found.skipped == {"points whose search failed": 2, "points without an image": 1}

    def test_a_refused_token_and_a_silent_server_concern_every_point(
        self, server: MapillaryServer, tmp_path: Path
    ) -> None:
        server.answers.append(BAD_TOKEN)
        with pytest.raises(DownloadError, match="Invalid OAuth"):
            searched(server, tmp_path, *self.PLACES, max_failed_share=1.0)
        assert len(server.requests) == 1
        with pytest.raises(UnavailableError, match="failed 5 times"):
            searched(server, tmp_path, *self.PLACES, max_failed_share=1.0, api_url="http://127.0.0.1:9")

    def test_an_image_that_was_withdrawn_costs_the_item_and_a_refused_token_does_not(
        self, server: MapillaryServer, tmp_path: Path
    ) -> None:
        (place,) = searched(server, tmp_path).items
        for answer, kind in ((self.REFUSAL, GoneError), ((200, {"id": "11"}), GoneError), (BAD_TOKEN, None)):
            server.expired = {"11"}
            server.answers.append(answer)
            with pytest.raises(DownloadError) as raised:
                place.item.read()
            assert isinstance(raised.value, GoneError) == (kind is GoneError)


class TestDenseBoxes:
    def test_a_full_answer_is_quartered_until_all_images_are_told(self, server: MapillaryServer) -> None:
        # The far ones come first in an answer.
        offsets = [30 - number for number in range(60)]
        server.images = [around(100 + number, 2.0, metres=metres) for number, metres in enumerate(offsets)]
        with quick_client() as client:
            found = MapillaryApi(server.url, SecretStr(TOKEN), "2048", client).images_around(*HOME, 50, 20)
        assert sorted(image.id for image in found.images) == [image["id"] for image in server.images]
        assert found.full_boxes == 0

    def test_the_nearest_is_found_behind_a_full_answer(self, server: MapillaryServer, tmp_path: Path) -> None:
        server.images = [around(100 + number, 2.0, metres=40) for number in range(20)] + four()
        (place,) = searched(server, tmp_path, limit=20).items
        assert place.item.title == "Mapillary 11, 12, 13, 14"

    def test_quartering_ends_and_is_counted(self, server: MapillaryServer, tmp_path: Path) -> None:
        server.images += [around(100 + number, 2.0, metres=10.3) for number in range(9)]
        for _ in range(2):
            found = searched(server, tmp_path, limit=3)
            assert found.skipped["points with more images than the server tells"] == 1
        assert len(server.requests) <= sum(4**depth for depth in range(QUARTERINGS + 1))


@pytest.mark.parametrize("place", [(0.0, 0.0), (60.0, 179.9999), (-89.9999, 10.0), (35.0, -180.0)])
def test_the_box_holds_the_circle(place: tuple[float, float]) -> None:
    west, south, east, north = bounding_box(*place, 100)
    assert -180 <= west <= east <= 180
    assert -90 <= south <= north <= 90
    for latitude, longitude in [(south, place[1]), (north, place[1]), (place[0], west), (place[0], east)]:
        on_edge = abs(latitude) == 90 or abs(longitude) == 180 or east - west == 360
        assert on_edge or haversine_km([place], [(latitude, longitude)])[0] * 1000 >= 99.999
