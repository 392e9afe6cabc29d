"""Fetching NDL-ImageLabel: the archive, else its figures one by one, and more figures from the API.

The addresses are those of https://github.com/ndl-lab/imagetagdataset and of section 4 of
https://github.com/ndl-lab/tagestimatemodel. Nothing is fetched before a function is called, and an
item's bytes not before its ``read``.
"""

import logging
from collections.abc import Collection
from decimal import Decimal
from functools import partial
from pathlib import Path

import httpx
from pydantic import BaseModel, Field, FiniteFloat, TypeAdapter, ValidationError

from zuroku.config import Settings
from zuroku.datasets.faults import FaultList
from zuroku.datasets.folder import METADATA, class_folder_items
from zuroku.datasets.http import HttpSettings, PoliteClient, UnavailableError
from zuroku.datasets.ndl_imagelabel import LICENCE, PUBLISHED_CLASS_COUNTS, read_metadata
from zuroku.datasets.published_archive import published_folder
from zuroku.datasets.resumable import download_file
from zuroku.datasets.source import SourceItem
from zuroku.errors import ConfigError, DownloadError

KNOWN_TAGS = ("graphic", "picture", *PUBLISHED_CLASS_COUNTS, "picture_person")
"""Tags the API knows: what the library's own model was trained to give."""

MAX_IMAGE_BYTES = 64 << 20
MAX_ANSWER_BYTES = 4 << 20
API_PAGE_SIZE = 10
IDLE_CALLS = 5
"""After so many answers of the random API without a new figure we take it that there are no more."""

_IIIF_SIZE = r"full|max|\d+,|,\d+|!?\d+,\d+"

_log = logging.getLogger(__name__)


class DownloadSettings(Settings):
    """Where NDL-ImageLabel is fetched from and where it is kept."""

    destination: Path = Field(description="folder for the archive, the unpacked images and metadata.csv")
    archive_url: str = "http://lab.ndl.go.jp/dataset/imagetagdataset.zip"
    archive_sha256: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="none is published: recorded in <archive>.sha256 at first use, then checked",
    )
    max_unpacked_bytes: int = Field(default=20 << 30, gt=0)
    metadata: Path | None = Field(
        default=None, description="metadata.csv on this disk, where the archive holds none or is gone"
    )
    metadata_url: str = (
        "https://raw.githubusercontent.com/ndl-lab/imagetagdataset/"
        "656f90e5c924d8443b84689f38d5dcb2f9156f02/metadata.csv"
    )
    iiif_url: str = "https://www.dl.ndl.go.jp/api/iiif"
    iiif_size: str = Field(
        default="full", pattern=f"^({_IIIF_SIZE})$", description="of the published figures"
    )
    api_url: str = "https://lab.ndl.go.jp/dl/api/illustration/randomwithfacet"
    api_iiif_size: str = Field(default=",256", pattern=f"^({_IIIF_SIZE})$", description="of figures by tag")
    http: HttpSettings = HttpSettings()


def imagelabel_items(
    settings: DownloadSettings, classes: Collection[str], client: PoliteClient
) -> list[SourceItem]:
    """Return the published figures: from the archive, or one by one from IIIF where it is gone.

    ``client`` must stay open as long as items are read.

    Raises:
        DownloadError: a server fails in another way than having nothing to give.
        SourceError: the archive or the table is not as published, or has classes that ``classes`` lacks.
        StorageError, IntegrityError: see ``download_file``.
    """
    try:
        root = imagelabel_folder(settings, client)
    except UnavailableError as gone:
        _log.warning("no archive, fetching figures one by one: %s", gone.found)
        return crop_items(settings, classes, client)
    metadata = None if (root / METADATA).exists() else settings.metadata
    return class_folder_items(root, classes, LICENCE, metadata=metadata)


def imagelabel_folder(settings: DownloadSettings, client: PoliteClient) -> Path:
    """Return the folder of class folders, as ``published_folder`` fetches and unpacks it.

    Raises:
        as ``imagelabel_items``, and UnavailableError where there is no archive.
    """
    return _below_single_folder(
        published_folder(
            client,
            settings.archive_url,
            settings.archive_sha256,
            settings.destination,
            settings.max_unpacked_bytes,
        )
    )


def crop_items(
    settings: DownloadSettings, classes: Collection[str], client: PoliteClient
) -> list[SourceItem]:
    """Return one item per row of ``metadata.csv``, whose ``read`` fetches the crop from IIIF.

    Raises:
        SourceError: the table is not as published, or names a class that ``classes`` lacks.
        DownloadError: there is no table on disk and none can be fetched.
    """
    path = settings.metadata
    if path is None:
        path = settings.destination / METADATA
        download_file(client, settings.metadata_url, path, None)
    faults = FaultList()
    items = []
    for row in read_metadata(path).to_dict("records"):
        if row["label"] not in classes:
            faults.add(
                "figures of a class that the label hierarchy lacks", f"{row['item_id']}: {row['label']}"
            )
        url = _crop_url(settings, row["pid"], row["frame"], row["region"], settings.iiif_size)
        items.append(_fetched(row["item_id"], row["label"], row["pid"], row["title"], url, client))
    faults.raise_if_any(
        str(path),
        expected=f"the classes {', '.join(sorted(classes))}",
        remedy="add the class to the label hierarchy of the configuration",
    )
    return items


class _Tag(BaseModel):
    tagname: str
    confidence: float


class _Illustration(BaseModel):
    """One figure as the API gives it; x, y, w and h are percent of the frame."""

    id: str = Field(pattern=r"^[0-9A-Za-z_-]+$")
    pid: str = Field(pattern=r"^\d+$")
    page: int = Field(ge=0)
    x: FiniteFloat = Field(ge=0, lt=100)
    y: FiniteFloat = Field(ge=0, lt=100)
    w: FiniteFloat = Field(gt=0, le=100)
    h: FiniteFloat = Field(gt=0, le=100)
    title: str = ""
    graphictags: list[_Tag]


_ANSWER = TypeAdapter(list[_Illustration])


def illustrations_of_tag(
    tag: str, count: int, settings: DownloadSettings, client: PoliteClient
) -> list[SourceItem]:
    """Return up to ``count`` figures that the Next Digital Library's model gave ``tag``, sorted by id.

    The API answers at random, so it is asked until there are enough or ``IDLE_CALLS`` answers in a row
    hold nothing new; fewer than ``count`` are logged as a warning. The tag is a model's guess:
    ``reviewed`` is false. The item id is the API's (``PID_frame_index``).

    Raises:
        ConfigError: the tag is unknown, or ``count`` is not positive.
        DownloadError: the API fails, or answers in another form than documented.
    """
    if tag not in KNOWN_TAGS or count < 1:
        raise ConfigError(
            f"{count} figures of tag {tag!r} are asked for",
            expected=f"at least one, of {', '.join(KNOWN_TAGS)}",
            remedy="mend the tag or the count in the configuration",
        )
    url = str(httpx.URL(settings.api_url, params={"size": API_PAGE_SIZE, "f-graphictags.tagname": tag}))
    found: dict[str, _Illustration] = {}
    idle = 0
    while len(found) < count and idle < IDLE_CALLS:
        known = len(found)
        for illustration in _parse_answer(client.fetch_bytes(url, MAX_ANSWER_BYTES), url, tag):
            if len(found) < count:
                found.setdefault(illustration.id, illustration)
        idle = idle + 1 if len(found) == known else 0
    if len(found) < count:
        _log.warning("only %d of %d figures of %s: %d answers held no new one", len(found), count, tag, idle)
    return [_guessed(found[item_id], tag, settings, client) for item_id in sorted(found)]


def _parse_answer(body: bytes, url: str, tag: str) -> list[_Illustration]:
    try:
        illustrations = _ANSWER.validate_json(body)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc'])) or 'the whole'}: {e['msg']}" for e in error.errors()]
        more = f", and {len(faults) - 5} more" if len(faults) > 5 else ""
        raise _other_answer(url, f"{'; '.join(faults[:5])}{more} (it begins {body[:80]!r})") from error
    strangers = [i.id for i in illustrations if tag not in {guess.tagname for guess in i.graphictags}]
    if strangers:
        raise _other_answer(
            url, f"{len(strangers)} figures without the tag {tag} ({', '.join(strangers[:5])})"
        )
    return illustrations


def _other_answer(url: str, found: str) -> DownloadError:
    return DownloadError(
        f"{url} answers in another form: {found}",
        expected="a JSON list of figures: id, pid, page, x, y, w, h, graphictags [{tagname, confidence}]",
        remedy="open the address in a browser; if the library changed its API, this source must follow",
    )


def _guessed(
    illustration: _Illustration, tag: str, settings: DownloadSettings, client: PoliteClient
) -> SourceItem:
    corners = (illustration.x, illustration.y, illustration.w, illustration.h)
    # Decimal, because a float below 0.0001 prints with an exponent, which IIIF does not know.
    region = ",".join(format(Decimal(str(value)), "f") for value in corners)
    url = _crop_url(settings, illustration.pid, illustration.page, region, settings.api_iiif_size)
    return _fetched(illustration.id, tag, illustration.pid, illustration.title, url, client, reviewed=False)


def _fetched(
    item_id: str, label: str, pid: str, title: str, url: str, client: PoliteClient, reviewed: bool = True
) -> SourceItem:
    read = partial(client.fetch_bytes, url, MAX_IMAGE_BYTES)
    return SourceItem(item_id, label, pid, title, LICENCE, url, read, retrieved=True, reviewed=reviewed)


def _crop_url(settings: DownloadSettings, pid: str, frame: int, region: str, size: str) -> str:
    return f"{settings.iiif_url.rstrip('/')}/{pid}/R{frame:07}/pct:{region}/{size}/0/default.jpg"


def _below_single_folder(folder: Path) -> Path:
    """Step into a folder that holds nothing but one folder which is no class."""
    inner = [path for path in folder.iterdir() if not path.name.startswith((".", "__MACOSX"))]
    if len(inner) == 1 and inner[0].is_dir() and inner[0].name not in PUBLISHED_CLASS_COUNTS:
        return inner[0]
    return folder
