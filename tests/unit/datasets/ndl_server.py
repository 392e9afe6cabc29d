"""A server on the loopback that lays things out as the library does, and misbehaves when told to."""

import io
import json
import threading
import zipfile
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from zuroku.datasets.http import HttpSettings, PoliteClient
from zuroku.datasets.ndl_imagelabel import COLUMNS

ARCHIVE = "/dataset/imagetagdataset.zip"
METADATA = "/metadata.csv"
API = "/dl/api/illustration/randomwithfacet"
IIIF = "/api/iiif"

FIGURES = {
    "1017141_454_0": "graphic_graph",
    "1032125_21_0": "graphic_graph",
    "1035292_51_1": "graphic_map",
    "993750_2_2": "stamp",
}


@dataclass(frozen=True)
class Fault:
    """How one answer goes wrong. ``cut_after`` closes the connection after so many bytes of the body."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    body: bytes | None = None
    ignores_range: bool = False
    ignores_if_range: bool = False
    silent: bool = False
    chunk_bytes: int | None = None


class FakeTime:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def quick_client(time: FakeTime | None = None, **settings: Any) -> PoliteClient:
    """Return a client that waits in no real time and allows a thousand requests a second."""
    time = time or FakeTime()
    values = {"timeout_s": 5.0, "requests_per_second": 1000.0, **settings}
    return PoliteClient(HttpSettings(**values), clock=time.clock, sleep=time.sleep, jitter=lambda: 1.0)


def figure_bytes(item_id: str) -> bytes:
    """Return bytes that stand for an image: 20,000 of them, which no compression shrinks."""
    return b"\xff\xd8\xff" + Random(item_id).randbytes(20_000)


def metadata_row(item_id: str, label: str, host: str = "https://www.dl.ndl.go.jp") -> list[str]:
    pid, frame, _ = item_id.split("_")
    name = f"{item_id}.jpg"
    crop = f"{host}{IIIF}/{pid}/R{int(frame):07}/pct:15.0,20.1,28.5,66.7/full/0/default.jpg"
    return [name, label, f"{label}\\{name}", "経済学全集", f"https://dl.ndl.go.jp/info:ndljp/pid/{pid}", crop]


def metadata_csv(rows: list[list[str]], header: list[str] | None = None) -> str:
    lines = [header or list(COLUMNS), *rows]
    return "".join(",".join(f'"{c}"' if "," in c else c for c in line) + "\r\n" for line in lines)


def published_csv() -> str:
    return metadata_csv([metadata_row(item_id, label) for item_id, label in FIGURES.items()])


def published_zip(below: str = "") -> bytes:
    """Return an archive as published: class folders and the table."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{below}metadata.csv", published_csv())
        for item_id, label in FIGURES.items():
            archive.writestr(f"{below}{label}/{item_id}.jpg", figure_bytes(item_id))
    return buffer.getvalue()


def illustration(item_id: str, tag: str = "graphic_map") -> dict[str, Any]:
    pid, page, _ = item_id.split("_")
    return {
        "id": item_id,
        "pid": pid,
        "title": "日本地図",
        "page": int(page),
        "x": 15.0,
        "y": 0.00001,
        "w": 28.5,
        "h": 66.7,
        "graphictags": [{"tagname": "graphic", "confidence": 0.9}, {"tagname": tag, "confidence": 0.8}],
    }


class NdlServer:
    """The server; ``answers`` holds the API's answers in turn, the last one for ever."""

    def __init__(self) -> None:
        self.files = {ARCHIVE: published_zip(), METADATA: published_csv().encode()}
        self.etag = '"v1"'
        self.answers: deque[Any] = deque([[]])
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.sent_bytes: list[int] = []
        self.stopped = threading.Event()
        self._faults: dict[str, deque[Fault]] = {}
        self._http = _QuietServer(("127.0.0.1", 0), _handler(self))

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self._http.server_port}{path}"

    def misbehave(self, path: str, *faults: Fault) -> None:
        """Answer the next requests whose path begins with ``path`` with these faults, in turn."""
        self._faults.setdefault(path, deque()).extend(faults)

    def next_fault(self, path: str) -> Fault | None:
        for prefix, faults in self._faults.items():
            if path.startswith(prefix) and faults:
                return faults.popleft()
        return None

    def body(self, path: str, query: dict[str, list[str]]) -> bytes | None:
        if path == API and "f-graphictags.tagname" in query:
            answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
            return answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        if path.startswith(IIIF):
            return figure_bytes(path)
        return self.files.get(path)


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that hang up: the tests make them do so."""


def _handler(server: NdlServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            server.requests.append((self.path, dict(self.headers)))
            fault = server.next_fault(parts.path) or Fault()
            body = fault.body if fault.body is not None else server.body(parts.path, parse_qs(parts.query))
            if body is None:
                fault, body = Fault(status=404), b"not here"
            status, start = self._range(fault, len(body))
            if status == 206:
                self._head(206, {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}, fault)
            elif status == 416:
                body = b""
                self._head(416, {"Content-Range": "bytes */0"}, fault)
            else:
                self._head(status, {}, fault)
            self._send(body[start:], fault)

        def _range(self, fault: Fault, length: int) -> tuple[int, int]:
            asked = self.headers.get("Range")
            fresh = fault.ignores_if_range or self.headers.get("If-Range") == server.etag
            if fault.status != 200 or asked is None or fault.ignores_range or not fresh:
                return fault.status, 0
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            return (206, start) if start < length else (416, 0)

        def _head(self, status: int, headers: dict[str, str], fault: Fault) -> None:
            self.send_response(status)
            for name, value in ({"ETag": server.etag} | headers | fault.headers).items():
                self.send_header(name, value)

        def _send(self, body: bytes, fault: Fault) -> None:
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if fault.silent:
                server.stopped.wait(10)
                self.close_connection = True
                return
            body = body[: fault.cut_after]
            self.close_connection = fault.cut_after is not None
            size = fault.chunk_bytes or max(1, len(body))
            for start in range(0, len(body), size):
                self.wfile.write(body[start : start + size])
                self.wfile.flush()
            server.sent_bytes.append(len(body))

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet: the tests look at ``requests`` instead."""

    return Handler
