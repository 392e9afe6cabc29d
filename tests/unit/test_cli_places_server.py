"""An index of places on a server, from the command line; the server is Qdrant's in this process."""

import json
from pathlib import Path

import pytest
from qdrant_client import QdrantClient
from typer.testing import CliRunner, Result

from tests.unit.indexes.place_photographs import built
from zuroku.cli import app
from zuroku.indexes import place_server


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> QdrantClient:
    client = QdrantClient(":memory:")
    asked: list[tuple[str, str | None]] = []

    def connect(address: str, api_key: str | None = None) -> QdrantClient:
        asked.append((address, api_key))
        assert asked == [("http://places:6333", "key")]
        return client

    monkeypatch.setattr(place_server, "connect", connect)
    monkeypatch.setenv("QDRANT_API_KEY", "key")
    return client


def upload(bundle: Path, var: Path, address: str, *options: str) -> Result:
    return CliRunner().invoke(app, ["upload", address, "--index", str(bundle), "--var", str(var), *options])


def test_an_index_is_loaded_under_its_alias(client: QdrantClient, tmp_path: Path) -> None:
    bundle = built(tmp_path / "index", 20, 0).path
    result = upload(bundle, tmp_path / "var", "http://places:6333", "--decision", "the owner: a test")
    assert result.exit_code == 0, result.output
    aliases = {one.alias_name: one.collection_name for one in client.get_aliases().aliases}
    (collection,) = aliases.values()
    assert collection in result.output
    assert client.count(collection).count > 0


def test_nothing_is_sent_without_a_decision(client: QdrantClient, tmp_path: Path) -> None:
    bundle = built(tmp_path / "index", 20, 0).path
    assert upload(bundle, tmp_path / "var", "http://places:6333").exit_code == 2
    assert upload(bundle, tmp_path / "var", "http://places:6333", "--decision", "").exit_code == 1
    assert client.get_collections().collections == []


def test_the_decision_is_on_record_before_anything_is_sent(tmp_path: Path) -> None:
    bundle = built(tmp_path / "index", 20, 0).path
    result = upload(bundle, tmp_path / "var", "http://127.0.0.1:9", "--decision", "the owner: a test")
    assert result.exit_code == 1
    assert "remedy" in result.output
    (line,) = (tmp_path / "var" / "uploads.jsonl").read_text().splitlines()
    assert json.loads(line)["decision"] == "the owner: a test"
