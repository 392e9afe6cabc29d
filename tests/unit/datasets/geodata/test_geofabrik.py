"""Extracts from a server on the loopback: found by region, resumed, checked, and not fetched twice."""

import gzip
import hashlib
import json

import pytest

from tests.unit.datasets.geodata.osm_extract import SHARED, write_extract
from tests.unit.datasets.ndl_server import Fault, NdlServer, quick_client
from zuroku.datasets.geodata.geofabrik import GeofabrikSettings, geofabrik_extract, region_url
from zuroku.datasets.geodata.osm import OsmSettings, read_roads
from zuroku.errors import ConfigError, DownloadError, IntegrityError

PBF = "/asia/japan/kanto-latest.osm.pbf"


@pytest.fixture
def published(tmp_path):
    """A server with an index, an extract and its MD5; and the extract's bytes."""
    data = write_extract(tmp_path / "published.osm.pbf").read_bytes()
    with NdlServer() as server:
        region = {"properties": {"id": "kanto", "parent": "japan", "urls": {"pbf": server.url(PBF)}}}
        server.files["/index.json"] = json.dumps({"features": [region]}).encode()
        server.files[PBF] = data
        server.files[f"{PBF}.md5"] = f"{hashlib.md5(data).hexdigest()}  kanto-latest.osm.pbf\n".encode()
        yield server, data


def _settings(server, folder, region="kanto", **http):
    return GeofabrikSettings(
        region=region,
        destination=folder,
        index_url=server.url("/index.json"),
        http={"requests_per_second": 1000, **http},
    )


def _fetch(server, folder, **more):
    with quick_client() as client:
        return geofabrik_extract(_settings(server, folder, **more), client)


def test_an_extract_is_fetched_once_and_checked_from_then_on(published, tmp_path):
    server, data = published
    path = _fetch(server, tmp_path / "osm")
    assert path.read_bytes() == data
    asked = len(server.requests)
    assert _fetch(server, tmp_path / "osm") == path
    assert len(server.requests) == asked
    path.write_bytes(data + b"x")
    with pytest.raises(IntegrityError, match="delete both"):
        _fetch(server, tmp_path / "osm")


def test_a_fetch_that_breaks_off_goes_on(published, tmp_path):
    server, data = published
    # The checksum's path begins like the extract's, and is asked for first.
    server.misbehave(PBF, Fault(), Fault(cut_after=len(data) // 2))
    path = _fetch(server, tmp_path / "osm")
    assert path.read_bytes() == data
    asked = [headers.get("Range") for path, headers in server.requests if path == PBF]
    assert asked == [None, f"bytes={len(data) // 2}-"]


def test_a_wrong_checksum_leaves_nothing_behind(published, tmp_path):
    server, _ = published
    server.files[f"{PBF}.md5"] = b"0" * 32 + b"  kanto-latest.osm.pbf\n"
    with pytest.raises(DownloadError, match="as published beside it"):
        _fetch(server, tmp_path / "osm")
    assert [file.name for file in (tmp_path / "osm").iterdir() if not file.name.startswith(".")] == []


@pytest.mark.parametrize("answer", [b"<html>", b"d41d8cd98f", b""])
def test_a_checksum_that_is_none_is_refused_before_the_extract_is_fetched(published, tmp_path, answer):
    server, _ = published
    server.files[f"{PBF}.md5"] = answer
    with pytest.raises(DownloadError, match="MD5 in hexadecimal"):
        _fetch(server, tmp_path / "osm")
    assert PBF not in [path for path, _ in server.requests]


def test_an_unknown_region_and_an_index_that_is_none_are_told(published, tmp_path):
    server, _ = published
    with pytest.raises(ConfigError, match=r"'kant'(.|\n)*kanto"):
        _fetch(server, tmp_path / "osm", region="kant")
    server.files["/index.json"] = b"<html>"
    with pytest.raises(DownloadError, match="index_url"):
        _fetch(server, tmp_path / "osm")


def test_roads_are_read_from_what_was_fetched(published, tmp_path):
    server, _ = published
    settings = OsmSettings(source="geofabrik", geofabrik=_settings(server, "osm"), engine="osmium")
    assert len(read_roads(settings, tmp_path)) == 3
    assert (tmp_path / "osm" / "kanto.osm.pbf").exists()


def test_the_real_index_knows_its_regions():
    index = SHARED / "fixtures" / "geofabrik_index.geojson.gz"
    if not index.exists():
        pytest.skip(f"no {index}")
    data = gzip.decompress(index.read_bytes())
    assert region_url(data, "kanto") == "https://download.geofabrik.de/asia/japan/kanto-latest.osm.pbf"
    with pytest.raises(ConfigError, match="japan"):
        region_url(data, "Japan")
