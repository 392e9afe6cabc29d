"""Fetching NDL-DocL: the archives that the library publishes, unpacked and read as Pascal VOC.

The addresses are those of https://github.com/ndl-lab/layout-dataset. Nothing is fetched before a
function is called.
"""

from collections.abc import Collection
from pathlib import Path

from pydantic import Field

from zuroku.config import Settings
from zuroku.datasets.http import HttpSettings, PoliteClient
from zuroku.datasets.ndl_imagelabel import LICENCE
from zuroku.datasets.pages.annotated import FIGURE_CLASSES
from zuroku.datasets.pages.voc import VocSettings, voc_items
from zuroku.datasets.published_archive import published_folder
from zuroku.datasets.source import SourceItem
from zuroku.datasets.zones import NDL_DOCL_CLASSES

PUBLISHED_PAGE_COUNTS = {"dataset_kotenseki": 1219, "dataset_kindai": 1071}
"""Pages per archive in version 1.0."""

_BOOK_URL = "https://dl.ndl.go.jp/info:ndljp/pid/{group}"


class DoclArchive(Settings):
    """One published archive; no SHA-256 is published, so it is recorded at first use and then checked."""

    archive_url: str
    archive_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")


class DoclSettings(Settings):
    """Where NDL-DocL is fetched from and where it is kept.

    Rare books (``kotenseki``) have the classes 1 to 5, modern ones (``kindai``) 1 and 4 to 9. Version 1.0
    for ever lies at ``https://lab.ndl.go.jp/dataset/legacy/dataset_kotenseki_ver1.0.zip`` and likewise.
    """

    destination: Path = Field(description="folder for the archives and for what they hold")
    archives: list[DoclArchive] = Field(
        default=[
            DoclArchive(archive_url=f"https://lab.ndl.go.jp/dataset/{name}.zip")
            for name in PUBLISHED_PAGE_COUNTS
        ],
        min_length=1,
    )
    max_unpacked_bytes: int = Field(default=20 << 30, gt=0, description="of each archive")
    http: HttpSettings = HttpSettings()


def docl_folders(settings: DoclSettings, client: PoliteClient) -> list[Path]:
    """Return one folder per archive, named by its SHA-256, fetching and unpacking what is not there.

    Raises:
        as ``published_folder``.
    """
    return [
        published_folder(
            client,
            archive.archive_url,
            archive.archive_sha256,
            settings.destination,
            settings.max_unpacked_bytes,
        )
        for archive in settings.archives
    ]


def docl_items(
    folders: list[Path],
    classes: Collection[str] = NDL_DOCL_CLASSES,
    figure_classes: Collection[str] = FIGURE_CLASSES,
) -> list[SourceItem]:
    """List the pages of the unpacked archives, in the order of ``folders``; see ``voc_items``.

    Raises:
        SourceError: an archive does not hold what is published.
    """
    return [
        item
        for folder in folders
        for item in voc_items(
            VocSettings(root=folder, licence=LICENCE, source_url=_BOOK_URL), classes, figure_classes
        )
    ]
