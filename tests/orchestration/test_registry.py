"""Restricted models leave this machine only with a decision on record; others, and to here, without."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import create_autospec

import pytest
from mlflow import MlflowClient

from orchestration.resources.registry import ModelRegistry, is_here
from zuroku.artifacts import Artifact, build
from zuroku.errors import ConfigError

HERE = "sqlite:////var/mlflow.db", "file:///var/artifacts/1/2/artifacts"
SERVER = "http://user:hush@mlflow.example:5000", "mlflow-artifacts:/1/2/artifacts"
STORE = HERE[0], "s3://bucket/mlflow/1/2/artifacts"


class SentError(Exception):
    """The first thing that the client would send."""


def client_of(tracking_uri: str, artifact_uri: str) -> Any:
    """Return a client that knows no version, and whose first sending is ``SentError``."""
    client = create_autospec(MlflowClient, instance=True)
    client.tracking_uri = tracking_uri
    client.search_model_versions.return_value = []
    client.get_run.return_value.info.artifact_uri = artifact_uri
    client.create_logged_model.side_effect = SentError
    return client


def bundle(folder: Path, **card: str) -> Artifact:
    return build(folder, lambda work: (work / "card.json").write_text(json.dumps(card)) and None)


@pytest.mark.parametrize("addresses", [SERVER, STORE])
def test_without_a_decision_nothing_restricted_is_sent_elsewhere(
    tmp_path: Path, addresses: tuple[str, str]
) -> None:
    client = client_of(*addresses)
    registry = ModelRegistry(client, " ", tmp_path / "uploads.jsonl")
    with pytest.raises(ConfigError, match="geolocator is restricted") as caught:
        registry.register("geolocator", bundle(tmp_path / "model", release="restricted"), "run")
    assert "ZUROKU_DECISION" in caught.value.expected
    assert "hush" not in str(caught.value)
    client.create_logged_model.assert_not_called()
    assert not (tmp_path / "uploads.jsonl").exists()


@pytest.mark.parametrize(("addresses", "host"), [(SERVER, "mlflow.example:5000"), (STORE, "bucket")])
def test_the_decision_is_on_record_before_anything_is_sent(
    tmp_path: Path, addresses: tuple[str, str], host: str
) -> None:
    registry = ModelRegistry(client_of(*addresses), "the owner: a test", tmp_path / "uploads.jsonl")
    model = bundle(tmp_path / "model", release="restricted")
    with pytest.raises(SentError):
        registry.register("geolocator", model, "run")
    (line,) = map(json.loads, (tmp_path / "uploads.jsonl").read_text().splitlines())
    assert line.pop("time")
    assert line == {
        "model": "geolocator", "seal": model.sha256, "address": host, "decision": "the owner: a test"
    }  # fmt: skip


def test_what_is_registered_already_needs_no_second_decision(tmp_path: Path) -> None:
    client = client_of(*SERVER)
    model = bundle(tmp_path / "model", release="restricted")
    tags = {"bundle.sha256": model.sha256}
    client.search_model_versions.return_value = [SimpleNamespace(version="1", run_id="run", tags=tags)]
    assert ModelRegistry(client, "", tmp_path / "log").register("geolocator", model, "run").version == "1"


@pytest.mark.parametrize(
    ("addresses", "card"),
    [
        (HERE, {"release": "restricted"}),
        (SERVER, {"name": "figure_tagger"}),
        (STORE, {"name": "figure_tagger"}),
    ],
)
def test_what_stays_here_and_what_is_not_restricted_needs_none(
    tmp_path: Path, addresses: tuple[str, str], card: dict[str, str]
) -> None:
    with pytest.raises(SentError):
        ModelRegistry(client_of(*addresses), "", tmp_path / "log").register(
            "model", bundle(tmp_path / "model", **card), "run"
        )
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:////var/mlflow.db",
        "file:///var/artifacts",
        "/var/artifacts",
        "http://127.0.0.1:5000",
        "http://localhost:5000",
        "https://user:password@[::1]:5000/mlflow",
        "postgresql+psycopg2://user:password@localhost/mlflow",
        "mlflow-artifacts:/1/2",
    ],
)
def test_a_folder_and_loopback_are_this_machine(address: str) -> None:
    assert is_here(address)


@pytest.mark.parametrize(
    "address",
    [
        "http://mlflow.example:5000",
        "http://10.0.0.2:5000",
        "http://localhost@mlflow.example",
        "http://127.0.0.1.mlflow.example",
        "postgresql://user:password@db/mlflow",
        "s3://bucket/mlflow",
        "gs://localhost.bucket",
        "dbfs:/models",
        "file://share/mlflow",
        "mlflow-artifacts://mlflow.example/1",
    ],
)
def test_everything_else_is_not(address: str) -> None:
    assert not is_here(address)
