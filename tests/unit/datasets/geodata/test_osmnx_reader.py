"""Places and boxes by OSMnx, from a server on the loopback: its answers, and what it refuses."""

import gzip
import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import osmnx
import pytest

from tests.unit.datasets.geodata.osm_extract import SHARED
from zuroku.datasets.geodata.osm import OsmSettings, read_landmarks, read_roads
from zuroku.datasets.http import UnavailableError
from zuroku.errors import DownloadError, GeoDataError

BBOX = (139.0, 35.0, 139.01, 35.01)


def _node(number, **tags):
    return {"type": "node", "id": number, "lon": 139 + number * 1e-3, "lat": 35 + number * 1e-3, "tags": tags}


def _way(number, nodes, **tags):
    return {"type": "way", "id": number, "nodes": nodes, "tags": tags}


ELEMENTS = [
    *(_node(number) for number in range(1, 5)),
    _node(5, tourism="museum", name="Hall"),
    _way(1, [1, 2, 3], highway="primary", name="Main"),
    _way(2, [3, 4], highway="footway"),
]
OUTLINE = {
    "type": "Polygon",
    "coordinates": [[[139, 35], [139.01, 35], [139.01, 35.01], [139, 35.01], [139, 35]]],
}
PLACE = {
    "place_id": 1,
    "osm_type": "relation",
    "osm_id": 7,
    "boundingbox": ["35", "35.01", "139", "139.01"],
    "lat": "35",
    "lon": "139",
    "display_name": "Town",
    "class": "boundary",
    "type": "administrative",
    "importance": 0.5,
    "geojson": OUTLINE,
}


@contextmanager
def _server(answers):
    """A server that gives ``answers`` (status, body) in turn, the last for ever; and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, body=""):
            asked.append((self.path, body, dict(self.headers)))
            status, answer = answers.pop(0) if len(answers) > 1 else answers[0]
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self):
            self._answer()

        def do_POST(self):
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

        def log_message(self, format, *args):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{http.server_port}", asked
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    monkeypatch.setattr("zuroku.datasets.http.FIRST_WAIT_S", 0.0)


def _settings(url, tries=3, cache=None, rate_limit=False, **source):
    overpass = {
        "overpass_url": f"{url}/api",
        "nominatim_url": url,
        "rate_limit": rate_limit,
        "cache": cache,
        "http": {"max_tries": tries, "timeout_s": 5},
    }
    return OsmSettings(**(source or {"source": "bbox", "bbox": BBOX}), overpass=overpass)


def test_a_box_gives_roads_and_landmarks(tmp_path):
    with _server([(200, {"elements": ELEMENTS})]) as (url, asked):
        roads = read_roads(_settings(url), tmp_path)
        landmarks = read_landmarks(_settings(url), tmp_path)
    assert roads[["feature_id", "name", "kind"]].to_numpy().tolist() == [["way/1", "Main", "primary"]]
    assert landmarks[["feature_id", "name", "kind"]].to_numpy().tolist() == [
        ["node/5", "Hall", "tourism=museum"]
    ]
    path, body, headers = asked[0]
    assert path == "/api/interpreter"
    assert "primary_link" in parse_qs(body)["data"][0]
    assert headers["User-Agent"].startswith("zuroku/")


def test_a_place_is_looked_up_and_its_outline_asked_for(tmp_path):
    with _server([(200, [PLACE]), (200, {"elements": ELEMENTS})]) as (url, asked):
        roads = read_roads(_settings(url, source="place", place="Town"), tmp_path)
    assert roads["feature_id"].tolist() == ["way/1"]
    assert "q=Town" in asked[0][0]
    assert "35.01" in asked[1][1]


def test_a_place_that_nobody_knows_is_told(tmp_path):
    with _server([(200, [])]) as (url, _), pytest.raises(GeoDataError, match="'Nowhere'"):
        read_roads(_settings(url, source="place", place="Nowhere"), tmp_path)


def test_a_busy_server_is_asked_again_but_not_without_end(tmp_path):
    with _server([(429, b""), (504, b""), (200, {"elements": ELEMENTS})]) as (url, asked):
        assert len(read_roads(_settings(url), tmp_path)) == 1
        assert len(asked) == 3
    with _server([(429, b"")]) as (url, asked):
        with pytest.raises(DownloadError, match=r"failed 3 times in a row.*429"):
            read_roads(_settings(url), tmp_path)
        assert len(asked) == 3


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((200, {"elements": ELEMENTS[:2], "remark": "runtime error: Query timed out"}), "Query timed out"),
        ((200, b"<html>blocked</html>"), "blocked"),
        ((400, b"<p>parse error</p>"), "parse error"),
    ],
)
def test_answers_that_are_not_whole_are_refused_at_once(tmp_path, answer, told):
    with _server([answer]) as (url, asked):
        with pytest.raises(DownloadError, match=told):
            read_roads(_settings(url), tmp_path)
        assert len(asked) == 1


@pytest.mark.parametrize("elements", [[], [_node(1, highway="crossing")]])
def test_a_box_without_roads_is_told(tmp_path, elements):
    told = pytest.raises(GeoDataError, match="knows no roads there")
    with _server([(200, {"elements": elements})]) as (url, _), told:
        read_roads(_settings(url), tmp_path)


def test_a_server_that_is_not_there_is_told(tmp_path):
    with _server([(200, b"")]) as (url, _):
        pass
    with pytest.raises(UnavailableError, match="2 times"):
        read_roads(_settings(url, tries=2), tmp_path)


def test_answers_are_kept_where_a_cache_is_configured(tmp_path):
    with _server([(200, {"elements": ELEMENTS})]) as (url, asked):
        settings = _settings(url, cache="cache")
        first, second = read_roads(settings, tmp_path), read_roads(settings, tmp_path)
    assert first.equals(second)
    assert len(asked) == 1
    assert list((tmp_path / "cache").iterdir())


def test_the_state_of_a_busy_server_is_asked_for(tmp_path):
    slots = b"Connected as: 1\nCurrent time: 2026-01-01T00:00:00Z\nRate limit: 2\n\n2 slots available now.\n"
    with _server([(200, slots), (200, {"elements": ELEMENTS})]) as (url, asked):
        assert len(read_roads(_settings(url, rate_limit=True), tmp_path)) == 1
    assert [path for path, _, _ in asked] == ["/api/status", "/api/interpreter"]


def test_what_osmnx_and_the_process_had_set_is_put_back(tmp_path, monkeypatch):
    monkeypatch.setattr(osmnx.settings, "overpass_url", "http://mine")
    resolve = socket.getaddrinfo
    with _server([(400, b"")]) as (url, _), pytest.raises(DownloadError):
        read_roads(_settings(url), tmp_path)
    assert osmnx.settings.overpass_url == "http://mine"
    assert osmnx.settings.requests_kwargs == {}
    assert socket.getaddrinfo is resolve


def test_a_recorded_answer_of_a_real_overpass_server_is_read(tmp_path):
    recorded = SHARED / "fixtures" / "osmnx_recorded" / "overpass-response-2.json.gz"
    if not recorded.exists():
        pytest.skip(f"no {recorded}")
    answer = json.loads(gzip.decompress(recorded.read_bytes()))
    drawn = {f"{e['type']}/{e['id']}" for e in answer["elements"] if "building" in e.get("tags", {})}
    with _server([(200, answer)]) as (url, _):
        settings = _settings(url, source="bbox", bbox=(-122.5, 37.7, -122.4, 37.8))
        found = read_landmarks(settings.model_copy(update={"landmarks": ("building=*",)}), tmp_path)
    assert set(found["feature_id"]) == drawn
    assert len(drawn) > 500
    assert set(found.geometry.geom_type) <= {"Polygon", "MultiPolygon", "Point"}


@pytest.mark.parametrize(
    ("place", "outlined"), [("Piedmont, California, USA", True), ("350 5th Ave, New York, NY", False)]
)
def test_recorded_answers_of_a_real_gazetteer_are_read(tmp_path, place, outlined):
    recorded = SHARED / "fixtures" / "osmnx_recorded" / "nominatim-responses.txt"
    if not recorded.exists():
        pytest.skip(f"no {recorded}")
    lines = recorded.read_text().splitlines()
    known = json.loads(lines[lines.index(place) + 1])
    with _server([(200, known), (200, {"elements": []})]) as (url, asked):
        told = "knows no roads there" if outlined else "knows no area"
        with pytest.raises(GeoDataError, match=told):
            read_roads(_settings(url, source="place", place=place), tmp_path)
    assert [path.split("?")[0] for path, _, _ in asked] == ["/search", "/api/interpreter"][: 1 + outlined]
    assert not outlined or "37.8236" in asked[1][1]
