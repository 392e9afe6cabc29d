"""What tests ask of the imitated library, and how they look at the answers."""

from pathlib import Path
from typing import Any

import pytest

from tests.unit.datasets.pages.iiif_server import (
    IiifServer,
)
from zuroku.config import parse_settings
from zuroku.datasets.http import GoneError, UnusableError
from zuroku.datasets.pages.iiif import IiifSettings
from zuroku.datasets.source import SourceItem
from zuroku.errors import DownloadError

HTML = b"<!DOCTYPE html><title>under maintenance</title>"
CONFIGURED = "CC0-1.0"
SHARED = Path(__file__).parents[5] / "shared"


def settings_for(server: IiifServer, *pids: str, **fields: Any) -> IiifSettings:
    values = {"manifest_url": server.manifest_url, "licence": CONFIGURED, **fields}
    return parse_settings(values | ({"pids": list(pids)} if pids else {}), IiifSettings, "the test")


def refusal(item: SourceItem) -> DownloadError:
    """Read an item that must go to quarantine and return why."""
    with pytest.raises((GoneError, UnusableError)) as caught:
        item.read()
    assert caught.value.expected
    assert caught.value.remedy
    return caught.value


def ids(items: list[SourceItem]) -> list[str]:
    return [item.item_id for item in items]
