"""A server on the loopback that answers like Mapillary's API v4, and misbehaves when told to."""

import json
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.unit.datasets.places.place_files import encoded, picture

TOKEN = "MLY|1|secret"

REQUEST_LIMIT = (
    403,
    {
        "error": {
            "message": "Application request limit reached",
            "type": "MLYApiException",
            "is_transient": True,
            "code": 4,
        }
    },
)
BAD_TOKEN = (
    401,
    {"error": {"message": "Invalid OAuth 2.0 Access Token", "type": "MLYApiException", "code": 190}},
)


def image_record(
    number: int, latitude: float, longitude: float, compass: float | None, **fields: Any
) -> dict[str, Any]:
    """Return an image as the server keeps it."""
    return {
        "id": str(number),
        "geometry": {"type": "Point", "coordinates": [longitude + 0.01, latitude]},
        "computed_geometry": {"type": "Point", "coordinates": [longitude, latitude]},
        "compass_angle": 1.0,
        "computed_compass_angle": compass,
        "captured_at": 1563721072184 + number,
        "sequence": "7nfcwfvjdtphz7yj6zat6a",
        "creator": {"username": f"user{number}", "id": "1"},
        "is_pano": False,
        "size": (64, 48),
    } | fields


class MapillaryServer:
    """``images`` are what there is; ``answers`` are given first, in turn, to whatever is asked of the API."""

    def __init__(self, images: list[dict[str, Any]]) -> None:
        self.images = images
        self.answers: deque[tuple[int, Any]] = deque()
        self.expired: set[str] = set()
        self.requests: list[str] = []
        self.tokens: list[str | None] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def paths(self, beginning: str) -> list[str]:
        return [path for path in self.requests if path.startswith(beginning)]

    def search(self, query: dict[str, list[str]]) -> dict[str, Any]:
        west, south, east, north = map(float, query["bbox"][0].split(","))
        fields = query["fields"][0].split(",")
        inside = [
            image
            for image in self.images
            if west <= image["computed_geometry"]["coordinates"][0] <= east
            and south <= image["computed_geometry"]["coordinates"][1] <= north
        ]
        return {"data": [self._shown(image, fields) for image in inside][: int(query["limit"][0])]}

    def entity(self, image_id: str, query: dict[str, list[str]]) -> dict[str, Any]:
        self.expired.discard(image_id)
        image = next(image for image in self.images if image["id"] == image_id)
        return self._shown(image, query["fields"][0].split(","))

    def thumbnail(self, image_id: str) -> bytes:
        image = next(image for image in self.images if image["id"] == image_id)
        return encoded(picture(int(image_id), image["size"]))

    def _shown(self, image: dict[str, Any], fields: list[str]) -> dict[str, Any]:
        thumb = {"thumb_2048_url": f"{self.url}/thumbs/{image['id']}.jpg"}
        return {
            name: value
            for name, value in (image | thumb).items()
            if name in {"id", *fields} and value is not None
        }


def _handler(server: MapillaryServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            server.requests.append(self.path)
            status, body = self._answer(parts.path, parse_qs(parts.query))
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Any]:
            if path.startswith("/thumbs/"):
                image_id = path.removeprefix("/thumbs/").removesuffix(".jpg")
                if "Authorization" in self.headers or image_id in server.expired:
                    return 403, b"URL signature expired"
                return 200, server.thumbnail(image_id)
            server.tokens.append(self.headers.get("Authorization"))
            if server.answers:
                return server.answers.popleft()
            if self.headers.get("Authorization") != f"OAuth {TOKEN}":
                return BAD_TOKEN
            return 200, server.search(query) if path == "/images" else server.entity(path[1:], query)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet: the tests look at ``requests`` instead."""

    return Handler
