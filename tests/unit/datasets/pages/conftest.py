"""A library with IIIF and a client that asks it, for the tests of fetched pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.datasets.ndl_server import quick_client
from tests.unit.datasets.pages.iiif_server import (
    IiifServer,
)
from zuroku.datasets.http import PoliteClient


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[IiifServer]:
    # Where manifests are kept unless the settings say otherwise.
    monkeypatch.chdir(tmp_path)
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with IiifServer() as running:
        yield running


@pytest.fixture(scope="module")
def client() -> Iterator[PoliteClient]:
    """One for all tests, because opening it loads every certificate of the system."""
    with quick_client(max_tries=2) as opened:
        yield opened
