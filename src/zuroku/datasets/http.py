"""A polite HTTP client: time limits, retries with back-off, a rate limit, every status checked.

It fetches what is named and interprets nothing. Downloads that resume live in ``resumable``.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import PackageNotFoundError, version
from types import TracebackType
from typing import Self, TypeVar

import httpx
from pydantic import Field

from zuroku.config import Settings
from zuroku.errors import DownloadError

MAX_REDIRECTS = 5
FIRST_WAIT_S = 1.0
LONGEST_BACKOFF_S = 60.0
SLOWEST_BYTES_PER_S = 1024
"""A body slower than this on average, once the time limit has passed, counts as stalled."""

_GONE = (404, 410)
_TRANSIENT = (408, 425, 429)

T = TypeVar("T")


class HttpSettings(Settings):
    """How patient, and how polite, the client is."""

    timeout_s: float = Field(default=30.0, gt=0, description="for connecting, and for each silence after it")
    requests_per_second: float = Field(default=1.0, gt=0)
    max_tries: int = Field(default=5, ge=1)
    max_wait_s: float = Field(default=300.0, ge=0, description="sum of the waits between tries of one fetch")


class UnavailableError(DownloadError):
    """There is nothing at the address (404, 410), or no server answers there."""


class GoneError(UnavailableError):
    """The server says that there is nothing at the address: 404, 410."""


class UnusableError(DownloadError):
    """What the address gives is never of use: it is not HTTP, redirects without end, or holds something else.

    It is no ``UnavailableError``: whoever looks elsewhere for what is gone must not hide a wrong address.
    """


class TransientError(Exception):
    """One try failed in a way that another may not. Never leaves this package: ``retrying`` ends it."""

    def __init__(self, reason: str, retry_after_s: float | None = None, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.unreachable = unreachable


class PoliteClient:
    """HTTP GET for many threads at once, which share its connections and its rate.

    Nothing is opened before the first request; ``close`` it, or use it in a ``with`` statement.
    ``clock`` gives seconds that never go back, ``sleep`` waits seconds, ``jitter`` gives [0, 1).
    """

    def __init__(
        self,
        settings: HttpSettings,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._jitter = jitter
        self._lock = threading.Lock()
        self._next_start_s = float("-inf")
        self._client: httpx.Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def fetch_bytes(self, url: str, max_bytes: int) -> bytes:
        """Return the body of ``url``, at most ``max_bytes`` long.

        Raises:
            GoneError: the server says 404 or 410.
            UnusableError: the body is too long, or the address leads to none of HTTP.
            UnavailableError: it cannot be reached.
            DownloadError: another status, or all tries failed.
        """
        return self.retrying(url, lambda: self._fetch_once(url, max_bytes))

    def retrying(self, url: str, attempt: Callable[[], T]) -> T:
        """Return what ``attempt`` returns, calling it again with growing waits while it is transient.

        The wait doubles from ``FIRST_WAIT_S``, is spread by the jitter, and is never shorter than a
        Retry-After. Tries and the sum of waits are bounded by the settings.

        Raises:
            UnavailableError: the last try could not connect.
            DownloadError: all tries failed, or the server asks for a longer wait than is allowed.
        """
        waited_s = 0.0
        tries = 0
        while True:
            try:
                return attempt()
            except TransientError as fault:
                tries += 1
                backoff_s = min(LONGEST_BACKOFF_S, FIRST_WAIT_S * 2 ** (tries - 1)) * (
                    0.5 + self._jitter() / 2
                )
                wait_s = max(backoff_s, fault.retry_after_s or 0.0)
                if tries >= self._settings.max_tries or waited_s + wait_s > self._settings.max_wait_s:
                    raise self._gave_up(url, fault, tries, waited_s) from fault
                if fault.retry_after_s:
                    self._hold(wait_s)
                self._sleep(wait_s)
                waited_s += wait_s

    @contextmanager
    def stream(
        self, url: str, headers: Mapping[str, str] | None = None, accepted: tuple[int, ...] = (200,)
    ) -> Iterator[httpx.Response]:
        """Send one GET, following redirects among http and https, and yield the unread response.

        Raises:
            TransientError: the connection failed, or the status says to try later (429, 5xx).
            GoneError: 404 or 410.
            UnusableError: an address that is not HTTP, or too many redirects.
            DownloadError: another status that is not ``accepted``.
        """
        try:
            request = self._opened().build_request("GET", _http_url(url), headers=headers)
            response = self._follow(request)
            try:
                _check_status(response, accepted)
                yield response
            finally:
                response.close()
        except httpx.RequestError as error:
            reason = f"{type(error).__name__} ({error})"
            unreachable = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
            raise TransientError(reason, unreachable=unreachable) from error

    def watched(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Pass on the ``chunks`` of a body, unless they drip so slowly that it would never end.

        Raises:
            TransientError: slower than ``SLOWEST_BYTES_PER_S`` once the time limit has passed.
        """
        started_s = self._clock()
        received = 0
        for chunk in chunks:
            received += len(chunk)
            elapsed_s = self._clock() - started_s
            if elapsed_s > self._settings.timeout_s and received < SLOWEST_BYTES_PER_S * elapsed_s:
                raise TransientError(f"only {received} bytes in {elapsed_s:.0f} s")
            yield chunk

    def _fetch_once(self, url: str, max_bytes: int) -> bytes:
        body = bytearray()
        with self.stream(url) as response:
            for chunk in self.watched(response.iter_bytes()):
                body += chunk
                if len(body) > max_bytes:
                    raise UnusableError(
                        f"{url} sends more than {max_bytes} bytes",
                        expected=f"at most {max_bytes} bytes",
                        remedy="check the address; it may be a page or an archive instead of an image",
                    )
        return bytes(body)

    def _follow(self, request: httpx.Request) -> httpx.Response:
        first = request.url
        for _ in range(MAX_REDIRECTS + 1):
            self._take_turn()
            response = self._opened().send(request, stream=True)
            if response.next_request is None:
                return response
            response.close()
            request = response.next_request
            _http_url(str(request.url))
        raise UnusableError(
            f"{first} redirects more than {MAX_REDIRECTS} times",
            expected="a server that answers in the end",
            remedy="open the address in a browser and configure where it leads",
        )

    def _opened(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                # Identity: a Range and a Content-Length count the bytes of the file itself.
                headers = {"User-Agent": user_agent(), "Accept-Encoding": "identity"}
                self._client = httpx.Client(headers=headers, timeout=self._settings.timeout_s)
            return self._client

    def _take_turn(self) -> None:
        """Wait until the rate allows another request."""
        with self._lock:
            now_s = self._clock()
            start_s = max(now_s, self._next_start_s)
            self._next_start_s = start_s + 1 / self._settings.requests_per_second
        if start_s > now_s:
            self._sleep(start_s - now_s)

    def _hold(self, wait_s: float) -> None:
        """Keep every thread from the server for ``wait_s``: who says 429 to one means all."""
        with self._lock:
            self._next_start_s = max(self._next_start_s, self._clock() + wait_s)

    def _gave_up(self, url: str, fault: TransientError, tries: int, waited_s: float) -> DownloadError:
        kind = UnavailableError if fault.unreachable else DownloadError
        asks = f", and it asks to wait {fault.retry_after_s:.0f} s" if fault.retry_after_s else ""
        return kind(
            f"{url} failed {tries} times in a row, the last time with {fault.reason}{asks}",
            expected=f"an answer within {self._settings.max_tries} tries and "
            f"{self._settings.max_wait_s:g} s of waiting (waited {waited_s:.0f} s)",
            remedy="check the network and the address, or run it again later: what is finished is kept",
        )


def user_agent() -> str:
    """Return ``zuroku/<version>``, by which a server's keeper recognises us."""
    try:
        return f"zuroku/{version('zuroku')}"
    except PackageNotFoundError:
        # Run from a source tree that was never installed.
        return "zuroku/unreleased"


def _http_url(url: str) -> httpx.URL:
    try:
        parsed = httpx.URL(url)
        # Host names that no name server could know fail in this encoding, far below, when they are looked up.
        parsed.raw_host.decode("ascii").encode("idna")
    except (httpx.InvalidURL, UnicodeError) as error:
        raise _not_http(f"{url!r} ({error})") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise _not_http(repr(url))
    return parsed


def _not_http(shown: str) -> UnusableError:
    return UnusableError(
        f"asked or redirected to {shown}",
        expected="an http:// or https:// address",
        remedy="mend the address in the configuration; other schemes are never followed",
    )


def _check_status(response: httpx.Response, accepted: tuple[int, ...]) -> None:
    status = response.status_code
    if status in accepted:
        return
    said = f"{status} {response.reason_phrase}".strip()
    if status in _TRANSIENT or status >= 500:
        raise TransientError(f"status {said}", retry_after_s=_retry_after_s(response))
    kind = GoneError if status in _GONE else DownloadError
    raise kind(
        f"{response.url} answered {said}",
        expected=f"status {' or '.join(map(str, accepted))}",
        remedy="open the address in a browser; if the item moved or was withdrawn, mend the configuration",
    )


def _retry_after_s(response: httpx.Response) -> float | None:
    """Return the seconds Retry-After asks for (RFC 9110 §10.2.3); None where it is missing or nonsense."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    now = datetime.now(UTC)
    return max(0.0, (until if until.tzinfo else until.replace(tzinfo=UTC)).timestamp() - now.timestamp())
