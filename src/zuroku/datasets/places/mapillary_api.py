"""Mapillary's API v4: images around a place, and their bytes. What is chosen of them is not known here.

https://www.mapillary.com/developer/api-documentation. An application may ask for 60,000 single images and
10,000 searches a minute; the default of the settings stays far below. The token travels in a header, so that
no address, error or log can hold it.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from math import cos, radians
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from zuroku.datasets.http import GoneError, PoliteClient, TransientError
from zuroku.errors import DownloadError
from zuroku.geo.distances import EARTH_RADIUS_KM

T = TypeVar("T")

LICENCE = "CC BY-SA 4.0"
IMAGE_PAGE = "https://www.mapillary.com/app/?pKey={}"

QUARTERINGS = 3
"""How often a box that holds more images than one answer is quartered: of 100 m, down to 12 m."""

MAX_IMAGE_BYTES = 64 << 20
MAX_ANSWER_BYTES = 8 << 20

_FIELDS = (
    "id,geometry,computed_geometry,compass_angle,computed_compass_angle,captured_at,sequence,creator,is_pano"
)
# Graph API errors that pass: unknown, service, too many calls of the application, of the user, in an hour.
_TRANSIENT_CODES = (1, 2, 4, 17, 32, 613)
_TOKEN_CODE = 190
_NO_SUCH_CODE = 100
# Errors may come with any of these, so their body is read before they are judged.
_READ_STATUSES = (200, 400, 401, 403)
_LONG_WAIT_S = 60.0


_Longitude = Annotated[float, Field(ge=-180, le=180)]
_Latitude = Annotated[float, Field(ge=-90, le=90)]


class _Point(BaseModel):
    coordinates: tuple[_Longitude, _Latitude]


class _Creator(BaseModel):
    username: str = ""


class ImageRecord(BaseModel):
    """What a search says of one image, as far as it is used; ``thumb`` is an address that expires."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    latitude: float
    longitude: float
    compass_deg: float | None
    captured_at: str
    sequence: str
    author: str
    is_pano: bool
    thumb: str


class Around(BaseModel):
    """The images of a search; in ``full_boxes`` of its smallest boxes there are more of them."""

    model_config = ConfigDict(frozen=True)

    images: tuple[ImageRecord, ...]
    full_boxes: int = 0


class _Answered(BaseModel):
    """An image as the server describes it; what is computed is its own reconstruction."""

    # It becomes part of addresses.
    id: str = Field(pattern=r"^\d+$")
    geometry: _Point | None = None
    computed_geometry: _Point | None = None
    compass_angle: float | None = None
    computed_compass_angle: float | None = None
    captured_at: int | None = None
    sequence: str | None = None
    creator: _Creator | None = None
    is_pano: bool = False


class _Found(BaseModel):
    data: list[dict[str, Any]]


_Box = tuple[float, float, float, float]
"""West, south, east, north in degrees."""


class TokenError(DownloadError):
    """The server refuses the token: nothing else that is asked will fare better."""


class MapillaryApi:
    """The server at ``url``, asked through ``client``; ``size`` is 2048, or original."""

    def __init__(self, url: str, token: SecretStr, size: str, client: PoliteClient) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"OAuth {token.get_secret_value()}"}
        self._thumb = f"thumb_{size}_url"
        self._client = client

    def images_around(self, latitude: float, longitude: float, radius_m: float, limit: int) -> Around:
        """Return the images in the smallest box around the circle; some lie outside the circle.

        An answer has ``limit`` images at most, in no order of distance, so a box with as many is quartered.

        Raises:
            TokenError: the server refuses the token.
            DownloadError: it fails, or answers something else.
        """
        found: dict[str, ImageRecord] = {}
        box = bounding_box(latitude, longitude, radius_m)
        full_boxes = self._search(box, limit, QUARTERINGS, found)
        return Around(images=tuple(found.values()), full_boxes=full_boxes)

    def _search(self, box: _Box, limit: int, quarterings: int, found: dict[str, ImageRecord]) -> int:
        """Add the images in ``box`` to ``found``, by id; return how many of its smallest boxes hold more."""
        corners = ",".join(f"{side:.7f}" for side in box)
        query = urlencode({"fields": f"{_FIELDS},{self._thumb}", "bbox": corners, "limit": limit}, safe=",")
        url = f"{self._url}/images?{query}"
        answer = self._ask(url, _Found.model_validate_json)
        records = (self._record(image, url) for image in answer.data)
        found.update((record.id, record) for record in records if record is not None)
        if len(answer.data) < limit:
            return 0
        if quarterings == 0:
            return 1
        return sum(self._search(quarter, limit, quarterings - 1, found) for quarter in _quarters(box))

    def fetch(self, image_id: str, thumb: str) -> bytes:
        """Return the encoded image; where its address has expired, it is asked anew.

        Raises:
            GoneError: there is no such image any more.
            DownloadError: the server does not give it.
        """
        if thumb:
            try:
                return self._client.fetch_bytes(thumb, MAX_IMAGE_BYTES)
            except DownloadError:
                # Expired addresses answer 403, 404 or 410; if it is something else, the next one fails too.
                pass
        url = f"{self._url}/{image_id}?fields={self._thumb}"
        answer = self._ask(url, _Thumb.model_validate_json)
        address = answer.thumb_2048_url or answer.thumb_original_url
        if not address:
            raise GoneError(
                f"{url} gives no address of the image",
                expected=f"the field {self._thumb}",
                remedy="the image may have been withdrawn; search again",
            )
        return self._client.fetch_bytes(address, MAX_IMAGE_BYTES)

    def _record(self, image: dict[str, Any], url: str) -> ImageRecord | None:
        try:
            answered = _Answered.model_validate(image)
        except ValidationError as error:
            raise _strange(url, f"an image that is not as documented: {error.errors()[0]}") from error
        point = answered.computed_geometry or answered.geometry
        if point is None:
            return None
        compass = answered.compass_angle
        if answered.computed_compass_angle is not None:
            compass = answered.computed_compass_angle
        return ImageRecord(
            id=answered.id,
            latitude=point.coordinates[1],
            longitude=point.coordinates[0],
            compass_deg=compass,
            captured_at=_iso(answered.captured_at),
            sequence=answered.sequence or "",
            author=answered.creator.username if answered.creator else "",
            is_pano=answered.is_pano,
            thumb=str(image.get(self._thumb) or ""),
        )

    def _ask(self, url: str, parse: Callable[[bytes], T]) -> T:
        body = self._client.retrying(url, lambda: self._ask_once(url))
        try:
            return parse(body)
        except ValidationError as error:
            raise _strange(url, f"{body[:80]!r}") from error

    def _ask_once(self, url: str) -> bytes:
        with self._client.stream(url, self._headers, _READ_STATUSES) as response:
            body = bytearray()
            for chunk in self._client.watched(response.iter_bytes()):
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise _strange(url, f"more than {MAX_ANSWER_BYTES} bytes")
            status = response.status_code
        _raise_error(url, status, bytes(body))
        return bytes(body)


class _Thumb(BaseModel):
    thumb_2048_url: str = ""
    thumb_original_url: str = ""


class _Error(BaseModel):
    message: str = ""
    code: int = 0
    is_transient: bool = False


class _Refusal(BaseModel):
    error: _Error


def bounding_box(latitude: float, longitude: float, radius_m: float) -> _Box:
    """Return west, south, east, north in degrees of the box around a circle, cut at ±180° and the poles."""
    high = radius_m / radians(EARTH_RADIUS_KM * 1000)
    south, north = max(-90.0, latitude - high), min(90.0, latitude + high)
    if abs(latitude) + high >= 90:
        return -180.0, south, 180.0, north
    wide = high / cos(radians(abs(latitude) + high))
    return max(-180.0, longitude - wide), south, min(180.0, longitude + wide), north


def _quarters(box: _Box) -> list[_Box]:
    west, south, east, north = box
    middle, half = (west + east) / 2, (south + north) / 2
    return [
        (west, south, middle, half),
        (middle, south, east, half),
        (west, half, middle, north),
        (middle, half, east, north),
    ]


def _raise_error(url: str, status: int, body: bytes) -> None:
    """Raise what an error in ``body`` means, whatever its status; other bodies need status 200."""
    try:
        error = _Refusal.model_validate_json(body).error
    except ValidationError:
        if status == 200:
            return
        error = _Error(message="no reason given")
    said = f"{url} answered {status}: {error.message} (code {error.code})"
    if error.is_transient or error.code in _TRANSIENT_CODES:
        # No Retry-After comes with these; the limits are per minute.
        raise TransientError(f"status {status}, {error.message}", retry_after_s=_LONG_WAIT_S)
    if error.code == _TOKEN_CODE or status == 401:
        raise TokenError(
            said,
            expected="an access token that Mapillary accepts",
            remedy="register an application in Mapillary's developer dashboard and give its client token",
        )
    kind = GoneError if error.code == _NO_SUCH_CODE else DownloadError
    raise kind(said, expected="images", remedy="check the address; what was found so far is kept")


def _strange(url: str, found: str) -> DownloadError:
    return DownloadError(
        f"{url} answered {found}",
        expected="JSON as Mapillary's API v4 documents it",
        remedy="check the address (a proxy may answer in its place), or run it again later",
    )


def _iso(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()
