"""Fixtures of the tests of places."""

from collections.abc import Iterator

import pytest

from tests.unit.datasets.places.mapillary_searches import four
from tests.unit.datasets.places.mapillary_server import (
    MapillaryServer,
)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MapillaryServer]:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with MapillaryServer(four()) as running:
        yield running
