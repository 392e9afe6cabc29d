"""The polite client, against a server that misbehaves on demand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from tests.unit.datasets.ndl_server import ARCHIVE, METADATA, FakeTime, Fault, NdlServer, quick_client
from zuroku.datasets.http import HttpSettings, PoliteClient, UnavailableError, UnusableError, user_agent
from zuroku.errors import DownloadError

LIMIT = 1 << 20


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[NdlServer]:
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with NdlServer() as running:
        yield running


class TestFetch:
    def test_returns_the_body_and_says_who_asks(self, server: NdlServer) -> None:
        with quick_client() as client:
            assert client.fetch_bytes(server.url(METADATA), LIMIT) == server.files[METADATA]
        assert server.requests[0][1]["User-Agent"] == user_agent()
        assert user_agent().startswith("zuroku/")

    def test_nothing_is_opened_by_the_constructor(self, server: NdlServer) -> None:
        PoliteClient(HttpSettings())
        assert server.requests == []

    @pytest.mark.parametrize("status", [404, 410])
    def test_gone_is_final(self, server: NdlServer, status: int) -> None:
        server.misbehave(METADATA, Fault(status=status))
        with (
            quick_client() as client,
            pytest.raises(UnavailableError, match=rf"metadata.csv answered {status}"),
        ):
            client.fetch_bytes(server.url(METADATA), LIMIT)
        assert len(server.requests) == 1

    def test_other_refusals_are_final_and_no_absence(self, server: NdlServer) -> None:
        server.misbehave(METADATA, Fault(status=403))
        with quick_client() as client, pytest.raises(DownloadError, match="answered 403") as caught:
            client.fetch_bytes(server.url(METADATA), LIMIT)
        assert not isinstance(caught.value, UnavailableError)
        assert "expected: status 200" in str(caught.value)

    def test_waits_double_and_end_in_success(self, server: NdlServer) -> None:
        server.misbehave(METADATA, Fault(status=500), Fault(status=503), Fault(status=502))
        time = FakeTime()
        with quick_client(time) as client:
            assert client.fetch_bytes(server.url(METADATA), LIMIT) == server.files[METADATA]
        assert [wait for wait in time.slept if wait >= 1] == [1.0, 2.0, 4.0]

    def test_retry_after_in_seconds_and_as_a_date(self, server: NdlServer) -> None:
        later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
        server.misbehave(
            METADATA,
            Fault(status=429, headers={"Retry-After": "7"}),
            Fault(status=503, headers={"Retry-After": later}),
            Fault(status=503, headers={"Retry-After": "soon"}),
        )
        time = FakeTime()
        with quick_client(time) as client:
            client.fetch_bytes(server.url(METADATA), LIMIT)
        first, second, third = [wait for wait in time.slept if wait >= 1]
        assert first == 7
        assert 60 < second <= 100
        assert third == 4

    def test_a_wait_that_is_too_long_is_refused_at_once(self, server: NdlServer) -> None:
        server.misbehave(METADATA, Fault(status=429, headers={"Retry-After": "86400"}))
        time = FakeTime()
        with quick_client(time) as client, pytest.raises(DownloadError, match="asks to wait 86400 s"):
            client.fetch_bytes(server.url(METADATA), LIMIT)
        assert time.now < 1

    def test_tries_are_bounded(self, server: NdlServer) -> None:
        server.misbehave(METADATA, *[Fault(status=500)] * 9)
        with (
            quick_client(max_tries=3) as client,
            pytest.raises(DownloadError, match="failed 3 times") as caught,
        ):
            client.fetch_bytes(server.url(METADATA), LIMIT)
        assert len(server.requests) == 3
        assert not isinstance(caught.value, UnavailableError)
        assert "run it again later" in caught.value.remedy

    def test_nobody_listens(self, server: NdlServer) -> None:
        with quick_client(max_tries=2) as client, pytest.raises(UnavailableError, match="ConnectError"):
            client.fetch_bytes("http://127.0.0.1:1/metadata.csv", LIMIT)

    def test_half_a_body_is_fetched_again(self, server: NdlServer) -> None:
        server.misbehave(METADATA, Fault(cut_after=10))
        with quick_client() as client:
            assert client.fetch_bytes(server.url(METADATA), LIMIT) == server.files[METADATA]
        assert len(server.requests) == 2

    def test_a_silent_server_runs_into_the_time_limit(self, server: NdlServer) -> None:
        server.misbehave(METADATA, Fault(silent=True))
        with quick_client(timeout_s=0.2) as client:
            assert client.fetch_bytes(server.url(METADATA), LIMIT) == server.files[METADATA]

    def test_a_drip_counts_as_stalled(self, server: NdlServer) -> None:
        """Here every look at the clock takes ten seconds, so any number of small chunks is slow."""
        time = FakeTime()

        def slow_clock() -> float:
            time.now += 10
            return time.now

        settings = HttpSettings(timeout_s=5, requests_per_second=1000, max_tries=2)
        server.misbehave(METADATA, *[Fault(chunk_bytes=50)] * 2)
        with (
            PoliteClient(settings, clock=slow_clock, sleep=time.sleep) as client,
            pytest.raises(DownloadError, match=r"only \d+ bytes in 10 s"),
        ):
            client.fetch_bytes(server.url(METADATA), LIMIT)

    def test_a_body_that_is_too_long_is_not_kept(self, server: NdlServer) -> None:
        with quick_client() as client, pytest.raises(UnusableError, match="sends more than 100 bytes"):
            client.fetch_bytes(server.url(ARCHIVE), 100)

    def test_redirects_stay_on_http(self, server: NdlServer) -> None:
        server.misbehave("/old", Fault(status=302, headers={"Location": METADATA}, body=b""))
        server.misbehave("/file", Fault(status=302, headers={"Location": "file:///etc/passwd"}, body=b""))
        server.misbehave("/round", *[Fault(status=302, headers={"Location": "/round"}, body=b"")] * 9)
        with quick_client() as client:
            assert client.fetch_bytes(server.url("/old"), LIMIT) == server.files[METADATA]
            with pytest.raises(UnusableError, match=r"redirected to 'file://.*/etc/passwd'"):
                client.fetch_bytes(server.url("/file"), LIMIT)
            with pytest.raises(UnusableError, match="redirects more than 5 times"):
                client.fetch_bytes(server.url("/round"), LIMIT)

    @pytest.mark.parametrize(
        "url",
        [
            "file:///etc/passwd",
            "ftp://host/x",
            "/x",
            "",
            "http://",
            "http://h:x/",
            "http://a..b/x",
            "http://" + 70 * "a" + "/",
        ],
    )
    def test_other_schemes_are_refused(self, url: str) -> None:
        with quick_client() as client, pytest.raises(UnusableError, match="http:// or https://"):
            client.fetch_bytes(url, LIMIT)

    def test_requests_keep_their_distance(self, server: NdlServer) -> None:
        time = FakeTime()
        with quick_client(time, requests_per_second=4) as client:
            for _ in range(3):
                client.fetch_bytes(server.url(METADATA), LIMIT)
        assert time.slept == [0.25, 0.25]

    def test_who_is_told_to_wait_holds_the_others_back(self, server: NdlServer) -> None:
        """A thread that comes while another sleeps off a 429 waits out the rest of it."""
        time = FakeTime()
        asleep: list[float] = []
        answered_at: list[float] = []

        def sleep(seconds: float) -> None:
            if seconds == 7 and not asleep:
                asleep.append(time.now)
                client.fetch_bytes(server.url(METADATA), LIMIT)
                answered_at.append(time.now)
            time.sleep(seconds)

        client = PoliteClient(HttpSettings(), clock=time.clock, sleep=sleep)
        server.misbehave(METADATA, Fault(status=429, headers={"Retry-After": "7"}))
        with client:
            client.fetch_bytes(server.url(METADATA), LIMIT)
        assert answered_at[0] >= asleep[0] + 7
