"""An index of places on a server, from the command line; the server is Qdrant's in this process."""

from pathlib import Path

import pytest
from qdrant_client import QdrantClient
from typer.testing import CliRunner

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


def test_an_index_is_loaded_under_its_alias(client: QdrantClient, tmp_path: Path) -> None:
    bundle = built(tmp_path / "index", 20, 0).path
    result = CliRunner().invoke(app, ["upload", "http://places:6333", "--index", str(bundle)])
    assert result.exit_code == 0, result.output
    aliases = {one.alias_name: one.collection_name for one in client.get_aliases().aliases}
    (collection,) = aliases.values()
    assert collection in result.output
    assert client.count(collection).count > 0


def test_a_server_that_does_not_answer_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    bundle = built(tmp_path / "index", 20, 0).path
    result = CliRunner().invoke(app, ["upload", "http://127.0.0.1:9", "--index", str(bundle)])
    assert result.exit_code == 1
    assert "remedy" in result.output
