"""Pages of books by their PIDs, from any library that serves IIIF.

The manifests are fetched to list the pages; the bytes of a page not before its ``read``. What is gone,
or of no use, stays in the list as an item whose ``read`` says why, so that it ends in quarantine: one
dead PID stops nothing, and nothing vanishes. A server that fails or refuses stops the list, as it stops
the ingest. What a manifest looks like is in ``iiif_manifest``.
"""

import codecs
import hashlib
import logging
import re
from functools import partial
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from zuroku.artifacts import write_atomically
from zuroku.config import Settings
from zuroku.datasets.faults import FaultList
from zuroku.datasets.http import GoneError, HttpSettings, PoliteClient, UnusableError
from zuroku.datasets.pages.iiif_manifest import Canvas, Manifest, parse_manifest
from zuroku.datasets.source import SourceItem
from zuroku.errors import DownloadError, SourceError, StorageError

MAX_MANIFEST_BYTES = 16 << 20
MAX_PAGE_BYTES = 64 << 20

_PID = "[0-9A-Za-z][0-9A-Za-z._-]{0,99}"
Pid = Annotated[str, Field(pattern=f"^{_PID}$", coerce_numbers_to_str=True)]
_JPEG = b"\xff\xd8\xff"

_log = logging.getLogger(__name__)


class IiifSettings(Settings):
    """Which books are fetched, from where, and how large.

    The defaults are those of the National Diet Library. Its service promises level 1 of the Image
    API, in which ``w,`` and ``,h`` must be served and ``!w,h`` may be.
    """

    pids: list[Pid] = Field(default=[])
    pids_file: Path | None = Field(default=None, description="instead of pids: a text file, one on a line")
    manifest_url: str = Field(
        default="https://www.dl.ndl.go.jp/api/iiif/{pid}/manifest.json",
        pattern=r"^https?://[^{}\s]*\{pid\}[^{}\s]*$",
    )
    refused: list[Pid] = Field(
        default=[],
        # No part of the hash, so that whoever names a book here goes on after the last finished shard.
        exclude=True,
        description="PIDs of books that the library does not give: what has not been fetched of them yet "
        "goes to quarantine",
    )
    manifests: Path = Field(
        default=Path("var/manifests"),
        description="folder where manifests are kept, so that a run that goes on lists the same pages; "
        "where the library has mended one, delete it there",
    )
    size: str = Field(
        default="full",
        pattern=r"^(full|max|[1-9][0-9]*,|,[1-9][0-9]*|![1-9][0-9]*,[1-9][0-9]*)$",
        description="of the Image API; full is asked for as max where the service speaks version 3. "
        "w,h is left out, because it distorts",
    )
    licence: str = Field(min_length=1, description="of books whose manifest names none")
    pages_per_book: int | None = Field(default=None, ge=1, description="the first so many; none: all")
    http: HttpSettings = HttpSettings()

    @model_validator(mode="after")
    def _books_are_named_once(self) -> "IiifSettings":
        if bool(self.pids) == (self.pids_file is not None):
            raise ValueError("either pids or pids_file names the books")
        return self


def iiif_items(settings: IiifSettings, client: PoliteClient) -> list[SourceItem]:
    """Return one item per canvas of every book, in the order of the PIDs and of the manifests.

    An item id is ``PID_frame`` as in NDL-DocL, with the frame that the library's image addresses name
    (``.../PID/R0000014`` is frame 14), or ``PID_position`` where not all of them name one. The group
    is the PID, the label empty, the licence the manifest's. In the place of a book without a readable
    manifest stands ``PID_manifest``, and of a canvas without a usable image, or whose image another
    item has already, ``PID_canvas_position``. A ``refused`` book keeps its items, as far as its manifest is
    kept, so that the list stays the same. ``client`` must stay open as long as items are read.

    Raises:
        SourceError: the file of PIDs is not readable or holds none, or lines that are no PIDs.
        DownloadError: the server fails or refuses to give a manifest.
        StorageError: a manifest cannot be kept.
    """
    pids = _pids(settings)
    items: list[SourceItem] = []
    owners: dict[str, str] = {}
    missing: list[str] = []
    for number, pid in enumerate(pids, start=1):
        try:
            manifest = _manifest(pid, settings, client)
            items += _book_items(pid, manifest, owners, settings, client)
        except (GoneError, UnusableError) as error:
            missing.append(pid)
            url = _manifest_url(pid, settings)
            items.append(_refused(f"{pid}_manifest", pid, "", settings.licence, url, error))
        if number % 100 == 0:
            _log.info("%d of %d manifests, %d pages", number, len(pids), len(items))
    if missing:
        _log.warning("%d of %d books cannot be listed: %s", len(missing), len(pids), ", ".join(missing[:5]))
    return items


def _pids(settings: IiifSettings) -> list[str]:
    """Return the PIDs in their order, each once.

    Raises:
        SourceError: the file of PIDs cannot be used, or a refused book is none of them.
    """
    named = settings.pids if settings.pids_file is None else _read_pids(settings.pids_file)
    pids = list(dict.fromkeys(named))
    if len(pids) < len(named):
        _log.warning("%d PIDs are named more than once; each book is taken once", len(named) - len(pids))
    if unknown := sorted(set(settings.refused) - set(pids)):
        raise SourceError(
            f"iiif.refused names {', '.join(unknown[:5])}, which none of the {len(pids)} books is called",
            expected="PIDs of the collection",
            remedy="correct iiif.refused",
        )
    return pids


def _read_pids(path: Path) -> list[str]:
    """Read a text file with one PID on a line; blank lines and a byte-order mark are passed over."""
    try:
        lines = path.read_bytes().removeprefix(codecs.BOM_UTF8).decode().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} cannot be read: {error}",
            expected="a UTF-8 text file with one PID on a line",
            remedy="check pids_file in the configuration and the rights of the file",
        ) from error
    faults = FaultList()
    pids = [(number, line.strip()) for number, line in enumerate(lines, start=1) if line.strip()]
    for number, pid in pids:
        if not re.fullmatch(_PID, pid):
            faults.add("lines that are no PID", f"line {number}: {pid[:80]!r}")
    if not pids:
        faults.add("files without a line", "nothing but blanks")
    faults.raise_if_any(
        str(path),
        expected="one PID on a line, such as 1017141",
        remedy="mend those lines; of an address such as https://dl.ndl.go.jp/pid/1017141 keep the number",
    )
    return [pid for _, pid in pids]


def _manifest(pid: str, settings: IiifSettings, client: PoliteClient) -> Manifest:
    """Return the manifest of a book: the one that was kept, else a new one, kept once it has proved sound.

    That of a refused book is not asked for: given after all, it would change the list of a half-done ingest.
    """
    url = _manifest_url(pid, settings)
    # The address is in the name, lest another library's manifest of an equal PID is taken for this one.
    kept = settings.manifests / f"{pid}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.json"
    try:
        if kept.exists():
            return parse_manifest(kept.read_bytes(), str(kept))
        if pid in settings.refused:
            raise _put_aside(pid, url)
        body = _fetch(client, url, MAX_MANIFEST_BYTES, pid)
        manifest = parse_manifest(body, url)
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(kept, body)
    except OSError as error:
        raise StorageError(
            f"the manifest {kept} cannot be kept or read: {error.strerror}",
            expected="a folder with room that this user may write to",
            remedy="free space or change the rights and run this again: what is kept is not fetched again",
        ) from error
    return manifest


def _fetch(client: PoliteClient, url: str, max_bytes: int, pid: str) -> bytes:
    """Fetch what belongs to the book ``pid``.

    Raises:
        GoneError, UnusableError: see ``PoliteClient.fetch_bytes``.
        DownloadError: the server fails or refuses; the remedy names the way round a book that it never gives,
            by which nothing that was fetched is lost.
    """
    try:
        return client.fetch_bytes(url, max_bytes)
    except (GoneError, UnusableError):
        raise
    except DownloadError as error:
        remedy = f"{error.remedy}; where the answer stays so, add the PID {pid} to iiif.refused"
        raise DownloadError(error.found, expected=error.expected, remedy=remedy) from error


def _manifest_url(pid: str, settings: IiifSettings) -> str:
    return settings.manifest_url.replace("{pid}", pid)


def _book_items(
    pid: str, manifest: Manifest, owners: dict[str, str], settings: IiifSettings, client: PoliteClient
) -> list[SourceItem]:
    """Return the items of one book and note in ``owners`` which item has which image.

    Raises:
        UnusableError: every image belongs to books before it: one book must not become two groups.
    """
    canvases = manifest.canvases[: settings.pages_per_book]
    images = [canvas.service for canvas in canvases if canvas.service]
    if images and owners.keys() >= set(images):
        raise UnusableError(
            f"the manifest of {pid} shows no image of its own; the first is that of {owners[images[0]]}",
            expected="a manifest with the pages of this book",
            remedy="leave out one of the two PIDs; if they are two books, tell the library",
        )
    frames = _frames(pid, manifest.canvases)
    items = []
    for canvas in canvases:
        item_id = f"{pid}_{frames.get(canvas.service, canvas.position)}"
        owner = owners.get(canvas.service)
        if canvas.fault or owner:
            reason = canvas.fault or f"the image of {owner} again"
            items.append(_refused_canvas(pid, canvas.position, reason, manifest, settings))
            continue
        owners[canvas.service] = item_id
        url = image_url(canvas, settings.size)
        licence = manifest.licence or settings.licence
        if pid in settings.refused:
            items.append(_refused(item_id, pid, manifest.title, licence, url, _put_aside(pid, url)))
            continue
        read = partial(_read_page, client, url, pid)
        items.append(SourceItem(item_id, "", pid, manifest.title, licence, url, read, retrieved=True))
    return items


def _frames(pid: str, canvases: tuple[Canvas, ...]) -> dict[str, int]:
    """Return the frame number that each image address names; nothing unless every one names its own."""
    ending = re.compile(rf".*/{re.escape(pid)}/R([0-9]{{7}})")
    services = {canvas.service for canvas in canvases if canvas.service}
    frames = {s: int(match[1]) for s in services if (match := ending.fullmatch(s))}
    return frames if len(set(frames.values())) == len(services) else {}


def image_url(canvas: Canvas, size: str) -> str:
    """Return the address of the whole image of ``canvas``, upright, as JPEG, in ``size``.

    The word for the unscaled image is ``full`` in the Image API up to version 2 (§4.2) and ``max`` in
    version 3 (§4.2), which knows no ``full``.
    """
    word = "max" if size == "full" and canvas.version == 3 else size
    return f"{canvas.service}/full/{word}/0/default.jpg"


def _read_page(client: PoliteClient, url: str, pid: str) -> bytes:
    """Fetch one page of the book ``pid``.

    Raises:
        UnusableError: it is something else than a JPEG.
        GoneError, DownloadError: see ``_fetch``.
    """
    data = _fetch(client, url, MAX_PAGE_BYTES, pid)
    if not data.startswith(_JPEG):
        raise UnusableError(
            f"{url} answered something else than a JPEG; it begins {data[:40]!r}",
            expected="the image of the page",
            remedy="open the address in a browser; if it shows the page by now, ingest the collection again",
        )
    return data


def _put_aside(pid: str, url: str) -> UnusableError:
    return UnusableError(
        f"{url} was not asked for: the library refuses the book {pid}",
        expected="a book that it gives",
        remedy="where it does by now, take the PID out of iiif.refused and ingest the collection from the"
        " beginning (a half-done ingest keeps what it has put aside: delete its hidden folders, "
        ".NAME.partial and .NAME.state)",
    )


def _refused_canvas(
    pid: str, position: int, reason: str, manifest: Manifest, settings: IiifSettings
) -> SourceItem:
    url = _manifest_url(pid, settings)
    error = UnusableError(
        f"canvas {position} of {url} has {reason}",
        expected="one image with a IIIF image service that no other canvas shows",
        remedy="look at the page in the library's viewer; nothing else of the book is touched",
    )
    licence = manifest.licence or settings.licence
    return _refused(f"{pid}_canvas_{position}", pid, manifest.title, licence, url, error)


def _refused(item_id: str, pid: str, title: str, licence: str, url: str, error: DownloadError) -> SourceItem:
    """Return an item whose ``read`` raises what ``error`` says."""
    # Not the error itself: its traceback holds on to what was fetched.
    read = partial(_refuse, error.found, error.expected, error.remedy)
    return SourceItem(item_id, "", pid, title, licence, url, read, retrieved=True)


def _refuse(found: str, expected: str, remedy: str) -> bytes:
    raise UnusableError(found, expected=expected, remedy=remedy)
