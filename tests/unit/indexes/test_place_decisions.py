"""Decisions to pass on an index: kept in order, complete, and without secrets."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.indexes.place_photographs import built
from zuroku.errors import BundleError
from zuroku.indexes.place_bundle import PlaceBundle, read_place_bundle
from zuroku.indexes.place_decisions import record_decision


@pytest.fixture
def bundle(tmp_path: Path) -> PlaceBundle:
    return read_place_bundle(built(tmp_path / "index", 5).path)


def test_decisions_are_appended_with_time_seal_and_address(bundle: PlaceBundle, tmp_path: Path) -> None:
    log = tmp_path / "var" / "uploads.jsonl"
    for decision in (" the owner:\nfor a test ", "館長が許可"):
        record_decision(log, bundle, "http://places:6333", decision)
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    assert [line["decision"] for line in lines] == ["the owner:\nfor a test", "館長が許可"]
    for line in lines:
        assert (line["index"], line["seal"], line["address"]) == ("places", bundle.sha256, "places:6333")
        assert abs(datetime.now(UTC) - datetime.fromisoformat(line["time"])) < timedelta(minutes=1)


@pytest.mark.parametrize(
    "address",
    [
        "https://user:hush@places:6333/path?api_key=hush#hush",
        "user:hush@places:6333",
        "places:6333?api_key=hush",
        "https://places:6333/hush",
    ],
)
def test_of_an_address_host_and_port_are_kept(bundle: PlaceBundle, tmp_path: Path, address: str) -> None:
    record_decision(tmp_path / "log", bundle, address, "the owner")
    line = (tmp_path / "log").read_text()
    assert json.loads(line)["address"] == "places:6333"
    assert "hush" not in line


def test_an_empty_decision_is_none(bundle: PlaceBundle, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no decision to pass on places, which is restricted"):
        record_decision(tmp_path / "log", bundle, "http://places:6333", " \n")
    assert not (tmp_path / "log").exists()
