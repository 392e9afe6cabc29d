"""Open Images V6 (Kuznetsova et al. 2020): photographs with verified labels and boxes of 601 classes.

The tables are read as published (https://storage.googleapis.com/openimages/web/download.html): one of
classes, and per subset one of images, one of labels that people verified, one of boxes. Some have tens of
millions of rows, so ``open_images_tables`` streams them. Here they become items, whose photographs lie at
``<subset>/<ImageID>.jpg``, on disk as in the public bucket.

``Rotation`` is not applied: photographs and boxes are published unturned alike.
"""

import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import ExifTags, Image
from pydantic import Field

from zuroku.config import Settings
from zuroku.datasets.images import probe_image
from zuroku.datasets.photos.open_images_tables import (
    Box,
    Chosen,
    ImageRow,
    SubsetTables,
    choose_images,
    class_names,
)
from zuroku.datasets.source import SourceItem
from zuroku.datasets.zone_rows import fitted_zones
from zuroku.datasets.zones import Zone, ZonedImage
from zuroku.errors import ConfigError, ImageError

_BUCKET = "https://storage.googleapis.com/openimages"

Reader = Callable[[str, str], Callable[[], bytes]]
"""Given subset and image id, returns what reads that photograph."""


class OpenImagesSubset(Settings):
    """Addresses of the tables of one subset; in a folder they lie under the last part of the address."""

    images: str
    labels: str | None = Field(default=None, description="labels that people verified")
    boxes: str | None = None


class OpenImagesSettings(Settings):
    """Which tables of Open Images are read, and how many photographs of each subset are kept.

    The defaults are V6's training photographs that have boxes: 1,743,042 of them.
    """

    class_descriptions: str = f"{_BUCKET}/v5/class-descriptions-boxable.csv"
    subsets: dict[str, OpenImagesSubset] = Field(
        default={
            "train": OpenImagesSubset(
                images=f"{_BUCKET}/2018_04/train/train-images-boxable-with-rotation.csv",
                labels=f"{_BUCKET}/v5/train-annotations-human-imagelabels-boxable.csv",
                boxes=f"{_BUCKET}/v6/oidv6-train-annotations-bbox.csv",
            )
        },
        min_length=1,
    )
    image_url: str = Field(
        default="https://open-images-dataset.s3.amazonaws.com/{subset}/{image_id}.jpg",
        description="template over {subset} and {image_id}",
    )
    max_images: int | None = Field(default=None, ge=1, description="of each subset, drawn by seed; null: all")
    seed: int = 0
    zones: bool = Field(default=True, description="keep the boxes as zones, where a subset has any")


@dataclass(frozen=True)
class OpenImagesTables:
    """The tables on disk: of classes, and by subset."""

    class_descriptions: Path
    subsets: Mapping[str, SubsetTables]


def located_tables(settings: OpenImagesSettings, locate: Callable[[str], Path]) -> OpenImagesTables:
    """Return the tables that ``settings`` names, each where ``locate`` finds (or puts) its address."""
    return OpenImagesTables(
        locate(settings.class_descriptions),
        {
            name: SubsetTables(
                locate(subset.images),
                None if subset.labels is None else locate(subset.labels),
                None if subset.boxes is None else locate(subset.boxes),
            )
            for name, subset in settings.subsets.items()
        },
    )


def open_images_items(
    tables: OpenImagesTables,
    settings: OpenImagesSettings,
    classes: Collection[str] | None,
    reader: Reader,
    licence: str,
    fetched: bool,
) -> list[SourceItem]:
    """List the photographs that have a verified label or a box of ``classes`` (None: of all described).

    The labels are the names of those classes, the zones their boxes, the group is the photographer.
    ``licence`` stands where a photograph's own is not given. Sorted by subset and id.

    Raises:
        SourceError: a table is not as published, or no photograph has such a label.
        ConfigError: ``classes`` names one that is not described.
    """
    names = class_names(tables.class_descriptions)
    unknown = sorted(set(classes or ()) - set(names.values()))
    if unknown:
        raise ConfigError(
            f"classes names {', '.join(unknown)}, which {tables.class_descriptions.name} lacks",
            expected="display names of Open Images, as Wine glass",
            remedy="mend the names in the configuration",
        )
    wanted = {mid: name for mid, name in names.items() if classes is None or name in classes}
    items = []
    for subset, paths in tables.subsets.items():
        chosen = choose_images(paths, wanted, settings.max_images, settings.seed, settings.zones)
        items += [
            _item(chosen, position, reader(subset, row.image_id), licence, fetched)
            for position, row in enumerate(chosen.rows)
        ]
    return items


def _item(
    chosen: Chosen, position: int, read: Callable[[], bytes], licence: str, fetched: bool
) -> SourceItem:
    row = chosen.rows[position]
    boxes = chosen.boxes(position)
    return SourceItem(
        item_id=row.image_id,
        label="",
        group=row.author_url or row.author or row.image_id,
        title=_credit(row),
        licence=row.licence or licence,
        source_url=row.landing_url or row.original_url,
        read=read if boxes is None else partial(_read_zoned, read, boxes),
        retrieved=fetched,
        labels=chosen.labels(position),
    )


def _credit(row: ImageRow) -> str:
    """Name a photograph with its author, as its licence asks."""
    return f"{row.title or 'untitled'}, by {row.author}" if row.author else row.title


def _read_zoned(read: Callable[[], bytes], boxes: tuple[Box, ...]) -> ZonedImage:
    """Read a photograph and scale its boxes, which are shares of width and height.

    Raises:
        ImageError: no image, boxes outside it, or one that EXIF turns, so that they mean two things.
    """
    data = read()
    info = probe_image(data)
    with Image.open(io.BytesIO(data)) as image:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    if boxes and orientation in range(2, 9):
        raise ImageError(
            f"the photograph is turned by its EXIF orientation ({orientation}), its boxes are not",
            expected="a photograph stored as it was annotated",
            remedy="take it from the public bucket, whose copies carry no EXIF",
        )
    zones = [
        Zone(label, x_min * info.width, y_min * info.height, x_max * info.width, y_max * info.height)
        for label, x_min, y_min, x_max, y_max in boxes
    ]
    return ZonedImage(data, fitted_zones(zones, info.width, info.height))
