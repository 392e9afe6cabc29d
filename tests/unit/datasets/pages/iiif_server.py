"""A server on the loopback that serves books over IIIF as the library does, and misbehaves when told to."""

import hashlib
import io
import json
import re
import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from PIL import Image

PREFIX = "/api/iiif"
LICENCE = "http://dl.ndl.go.jp/ja/iiif_license.html"
PAGE_SIZE = (48, 64)

_IMAGE = re.compile(rf"{PREFIX}/(?P<name>.+)/full/(?P<size>[^/]+)/0/default\.jpg")


@dataclass(frozen=True)
class Fault:
    """How one answer goes wrong. ``declared_bytes`` is what Content-Length claims."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    declared_bytes: int | None = None
    silent: bool = False


def service_v2(base: str, name: str) -> dict[str, Any]:
    """Return the image service in the words of the National Diet Library's manifests."""
    return {
        "@context": "http://iiif.io/api/image/2/context.json",
        "@id": f"{base}{PREFIX}/{name}",
        "profile": "http://iiif.io/api/image/2/level1.json",
    }


def service_v3(base: str, name: str) -> dict[str, Any]:
    return {"id": f"{base}{PREFIX}/{name}", "type": "ImageService3", "profile": "level2"}


def canvas_v2(service: Any, position: int = 1) -> dict[str, Any]:
    resource = {"@type": "dctypes:Image", "format": "image/jpeg", "service": service}
    image = {"@type": "oa:Annotation", "motivation": "sc:painting", "resource": resource}
    return {"@type": "sc:Canvas", "label": str(position), "images": [image]}


def canvas_v3(service: Any) -> dict[str, Any]:
    body = {"type": "Image", "format": "image/jpeg", "service": service}
    annotation = {"type": "Annotation", "motivation": "painting", "body": body}
    return {"type": "Canvas", "items": [{"type": "AnnotationPage", "items": [annotation]}]}


def manifest_v2(canvases: Iterable[Any], **fields: Any) -> dict[str, Any]:
    return {
        "@context": "http://iiif.io/api/presentation/2/context.json",
        "@type": "sc:Manifest",
        "label": "機巧図彙 2巻首1巻",
        "license": LICENCE,
        "attribution": "国立国会図書館 National Diet Library, JAPAN",
        "sequences": [{"@type": "sc:Sequence", "canvases": list(canvases)}],
        **fields,
    }


def manifest_v3(canvases: Iterable[Any], **fields: Any) -> dict[str, Any]:
    return {
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "type": "Manifest",
        "label": {"en": ["Karakuri zui"], "ja": ["機巧図彙"]},
        "rights": "http://creativecommons.org/publicdomain/mark/1.0/",
        "items": list(canvases),
        **fields,
    }


def page_jpeg(name: str, size: tuple[int, int] = PAGE_SIZE) -> bytes:
    """Return the page called ``name``, of another colour for every name, in ``size`` (w, h) pixels."""
    colour = tuple(hashlib.sha256(name.encode()).digest()[:3])
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "JPEG")
    return buffer.getvalue()


def served_page(name: str, size: str) -> bytes | None:
    """Return the page in a ``size`` of the Image API, or None where the service does not know that size.

    A service of version 3 is one whose name begins so; it knows ``max`` and no ``full``.
    """
    if match := re.fullmatch(r"!(\d+),(\d+)", size):
        width, height = PAGE_SIZE
        scale = min(int(match[1]) / width, int(match[2]) / height)
        return page_jpeg(name, (round(width * scale), round(height * scale)))
    return page_jpeg(name) if size == ("max" if name.startswith("v3/") else "full") else None


class IiifServer:
    """The server; ``books`` holds what it answers for the manifest of each PID."""

    def __init__(self) -> None:
        self.books: dict[str, Any] = {}
        self.requests: list[str] = []
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

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    @property
    def manifest_url(self) -> str:
        """The template of the settings."""
        return f"{self.base}{PREFIX}/{{pid}}/manifest.json"

    def add_book(self, pid: str, frames: Iterable[int]) -> None:
        """Publish a book as the National Diet Library does."""
        services = [service_v2(self.base, f"{pid}/R{frame:07}") for frame in frames]
        self.books[pid] = manifest_v2(canvas_v2(s, position) for position, s in enumerate(services, start=1))

    def misbehave(self, path: str, *faults: Fault) -> None:
        """Answer the next requests for ``path`` (below the prefix, or the start of it) so, in turn."""
        self._faults.setdefault(f"{PREFIX}/{path}", deque()).extend(faults)

    def next_fault(self, path: str) -> Fault | None:
        for prefix, faults in self._faults.items():
            if path.startswith(prefix) and faults:
                return faults.popleft()
        return None

    def body(self, path: str) -> bytes | None:
        if match := _IMAGE.fullmatch(path):
            return served_page(match["name"], match["size"])
        book = self.books.get(path.removeprefix(f"{PREFIX}/").removesuffix("/manifest.json"))
        return book if book is None or isinstance(book, bytes) else json.dumps(book).encode()


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that hang up: the tests make them do so."""


def _handler(server: IiifServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.requests.append(self.path)
            found = server.body(self.path)
            fault = server.next_fault(self.path) or Fault(status=404 if found is None else 200)
            body = fault.body if fault.body is not None else found or b""
            self.send_response(fault.status)
            for name, value in fault.headers.items():
                self.send_header(name, value)
            declared = len(body) if fault.declared_bytes is None else fault.declared_bytes
            self.send_header("Content-Length", str(declared))
            self.end_headers()
            # The rest of a body that was promised never comes.
            self.close_connection = fault.silent or declared > len(body)
            if fault.silent:
                server.stopped.wait(10)
            else:
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet: the tests look at ``requests`` instead."""

    return Handler
