"""How Overpass and Nominatim are asked: where, how politely, and which answers are refused.

What is asked, and what becomes of the answers, is in ``osmnx_reader``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from pydantic import Field

from zuroku.config import Settings
from zuroku.datasets.http import HttpSettings, TransientError
from zuroku.errors import DownloadError

_BUSY = (429, 502, 503, 504)
_MAX_SHOWN = 200


class OverpassSettings(Settings):
    """Where a place or a box is asked for, and how politely."""

    overpass_url: str = "https://overpass-api.de/api"
    nominatim_url: str = "https://nominatim.openstreetmap.org"
    cache: Path | None = Field(
        default=None, description="folder that keeps answers, so that none is asked for twice"
    )
    rate_limit: bool = Field(default=True, description="ask the server when a slot is free, and wait for it")
    http: HttpSettings = HttpSettings(timeout_s=180)


def once(ask: Callable[[], Any]) -> Any:
    """Return what ``ask`` returns; a connection that fails is worth another try.

    Raises:
        TransientError: the server was not reached, or did not answer in time.
    """
    try:
        return ask()
    except requests.RequestException as error:
        unreachable = isinstance(error, requests.ConnectionError)
        raise TransientError(f"{type(error).__name__} ({error})", unreachable=unreachable) from error


def check_answer(response: requests.Response, *_: Any, **__: Any) -> None:
    """Refuse what OSMnx would wait on for ever, or take for a whole answer; a hook of ``requests``.

    Raises:
        TransientError: the server is busy (429, 502, 503, 504).
        DownloadError: another status, no JSON, or a query that was given up ("remark": "runtime error …").
    """
    said = f"{response.status_code} {response.reason}"
    if response.status_code in _BUSY:
        after = response.headers.get("Retry-After", "")
        raise TransientError(f"status {said}", retry_after_s=float(after) if after.isdecimal() else None)
    if response.is_redirect or response.url.endswith("/status"):
        return
    try:
        answer = response.json() if response.ok else None
    except requests.exceptions.JSONDecodeError:
        answer = None
    remark = answer.get("remark", "") if isinstance(answer, dict) else ""
    if answer is None or "error" in remark:
        raise DownloadError(
            f"{response.url.split('?')[0]} answered {said}: {remark or response.text[:_MAX_SHOWN]!r}",
            expected="a whole answer in JSON",
            remedy="ask for a smaller box, raise timeout_s, or use an extract; check the server's address",
        )
