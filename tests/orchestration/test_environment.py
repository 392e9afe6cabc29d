"""What the environment says, and the state that is made ready before anything runs."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.definitions import build_tracker
from orchestration.environment import Environment, environment, prepare_state
from tests.workspace import REPOSITORY
from zuroku.errors import ConfigError
from zuroku.profile import Profile

INSTANCES = REPOSITORY / "orchestration" / "instance"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """An environment with a server for MLflow, so that no database is made, and a Dagster home."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    return Environment(
        profile=Profile("sample", tmp_path),
        instance="local",
        tracking_uri="http://mlflow.example:5000",
        artifact_root="unused",
        mlflow_port=5000,
        dagster_port=3000,
    )


def test_the_instance_is_written_and_replaced_by_another_of_ours(settings: Environment) -> None:
    written = settings.dagster_home / "dagster.yaml"
    for name in ("local", "postgres", "local"):
        prepare_state(replace(settings, instance=name))
        assert written.read_bytes() == (INSTANCES / f"{name}.yaml").read_bytes()
    assert [path.name for path in settings.dagster_home.iterdir()] == ["dagster.yaml"]


@pytest.mark.parametrize("own", ["telemetry:\n  enabled: true\n", ""])
def test_a_configuration_of_the_user_s_own_is_left_alone(settings: Environment, own: str) -> None:
    settings.dagster_home.mkdir()
    (settings.dagster_home / "dagster.yaml").write_text(own)
    with pytest.raises(ConfigError, match="not written by zuroku") as caught:
        prepare_state(settings)
    assert "DAGSTER_HOME" in caught.value.remedy
    assert (settings.dagster_home / "dagster.yaml").read_text() == own


def test_an_unknown_instance_is_refused_with_the_choices(settings: Environment) -> None:
    with pytest.raises(ConfigError, match="local, postgres"):
        prepare_state(replace(settings, instance="prod"))
    assert not (settings.dagster_home / "dagster.yaml").exists()


def test_every_instance_starts_with_a_line_of_its_own() -> None:
    """By that line a file that was written is known as ours."""
    first = [path.read_text().splitlines()[0] for path in INSTANCES.glob("*.yaml")]
    assert len(set(first)) == len(first)
    assert all(line.startswith("# Dagster's instance ") for line in first)


def test_the_home_is_told_to_dagster(settings: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    prepare_state(settings)
    assert os.environ["DAGSTER_HOME"] == str(settings.dagster_home)


def test_every_root_and_profile_has_a_home_of_its_own(
    settings: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings.dagster_home == tmp_path / "home"
    monkeypatch.delenv("DAGSTER_HOME")
    for name in ("sample", "full"):
        named = replace(settings, profile=Profile(name, tmp_path))
        assert named.dagster_home == tmp_path / "var" / name / "dagster"
    # What make exports would count as the user's word.
    assert "DAGSTER_HOME" not in (REPOSITORY / "Makefile").read_text()


def test_links_lead_to_the_server_that_has_the_runs(settings: Environment) -> None:
    local = replace(settings, tracking_uri="sqlite:///mlflow.db", mlflow_port=5050)
    assert local.mlflow_url == "http://127.0.0.1:5050"
    assert build_tracker(local).ui_url == local.mlflow_url
    for address in ("https://mlflow.example/kept/", "https://anyone:hush@mlflow.example/kept"):
        remote = replace(settings, tracking_uri=address)
        assert remote.mlflow_url == "https://mlflow.example/kept"
        assert build_tracker(remote).ui_url == remote.mlflow_url
        assert build_tracker(remote).tracking_uri == address


def test_a_decision_reaches_the_tracker(settings: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZUROKU_DECISION", "the owner: a test")
    tracker = build_tracker(environment.__wrapped__())
    assert tracker.decision == "the owner: a test"
    assert build_tracker(settings).decision == ""
    assert build_tracker(settings).decisions == settings.profile.var / "uploads.jsonl"


def test_addresses_are_not_printed(settings: Environment) -> None:
    secret = replace(
        settings, tracking_uri="postgresql://anyone:hush@db/mlflow", artifact_root="s3://k:hush@b"
    )
    assert "hush" not in repr(secret)
