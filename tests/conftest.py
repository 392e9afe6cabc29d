"""Fixtures shared by all tests."""

from pathlib import Path

import pytest

from orchestration.environment import Environment
from tests.workspace import tiny_workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """A fresh tiny workspace with a Dagster home of its own."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "var" / "dagster"))
    return tiny_workspace(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """A workspace in which the demo has run once; tests must not change it."""
    from orchestration.demo import run_jobs

    root = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(root / "var" / "dagster"))
        settings = tiny_workspace(root)
        run_jobs(settings, ["demo_job"])
    return settings
