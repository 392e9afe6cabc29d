"""Annotated pages for training: the rows of a split, and their decoded pictures with boxes in them."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from pydantic import Field
from torch import Tensor
from torch.utils.data import Dataset as TorchDataset

from zuroku.config import Settings
from zuroku.datasets.images import decode_reduced
from zuroku.datasets.manifest import Dataset
from zuroku.errors import SplitError
from zuroku.models.layout.preprocessing import PADDING, page_input, scaled_size
from zuroku.streams import ordered_map
from zuroku.training.mapped_rows import mapped_rows

_DECODE_THREADS = 4

Target = dict[str, Tensor]
"""``boxes`` ``(k, 4)`` float32 xyxy in input pixels, ``labels`` ``(k,)`` int64 indices of classes."""


class ZoneClasses(Settings):
    """The zone classes of a page collection, and which of them are figures and which the whole document.

    Written once per profile (``page_zones.yaml``) and included where it is needed.
    """

    classes: list[str]
    figure_classes: list[str]
    overall_classes: list[str] = Field(default=[])


@dataclass(frozen=True)
class AnnotatedPages:
    """The pages of one split in the order of the manifest, with ``(k, 4)`` boxes and ``(k,)`` labels each."""

    rows: list[Any]
    boxes: list[npt.NDArray[np.float32]]
    labels: list[npt.NDArray[np.int64]]

    @property
    def groups(self) -> list[str]:
        """The book of each page."""
        return [str(row.group) for row in self.rows]

    @property
    def item_ids(self) -> list[str]:
        """The id of each page."""
        return [str(row.item_id) for row in self.rows]


def annotated_pages(
    dataset: Dataset, splits: pd.DataFrame, split: str, classes: Sequence[str]
) -> AnnotatedPages:
    """Return the pages of ``split``; boxes are in pixels of the page as stored.

    Raises:
        SplitError: no page is in the split.
    """
    split_of = dict(zip(splits["group"], splits["split"], strict=True))
    rows = [row for row in dataset.rows() if split_of.get(row.group) == split]
    if not rows:
        raise SplitError(
            f"no page of {dataset.root} is in the split {split!r}",
            expected="at least one page per split",
            remedy="extend the splits with this dataset, or add books",
        )
    return pages_of(dataset, rows, classes)


def pages_of(dataset: Dataset, rows: list[Any], classes: Sequence[str]) -> AnnotatedPages:
    """Return ``rows`` of ``dataset`` with their zones of ``classes`` as arrays."""
    index = {name: number for number, name in enumerate(classes)}
    boxes, labels = [], []
    for row in rows:
        zones = [zone for zone in dataset.zones(row) if zone.label in index]
        corners = [[zone.x_min, zone.y_min, zone.x_max, zone.y_max] for zone in zones]
        boxes.append(np.array(corners, dtype=np.float32).reshape(-1, 4))
        labels.append(np.array([index[zone.label] for zone in zones], dtype=np.int64))
    return AnnotatedPages(rows, boxes, labels)


def cache_pages(dataset: Dataset, pages: AnnotatedPages, size_px: int, path: Path) -> npt.NDArray[np.uint8]:
    """Decode ``pages`` once into the file ``path`` and map it.

    Returns:
        ``(n, size_px, size_px, 3)`` uint8 RGB, read-only, each page in the upper left corner. Batches need
        one shape, so training sees squares where serving sees rectangles.

    Raises:
        StorageError: the disk has no room for all of them.
    """

    def decoded(start: int) -> Iterator[npt.NDArray[np.uint8]]:
        with ThreadPoolExecutor(_DECODE_THREADS) as executor:
            for picture in ordered_map(
                executor,
                lambda row: _square(dataset.read(row), size_px),
                pages.rows[start:],
                4 * _DECODE_THREADS,
            ):
                yield picture[None]

    return mapped_rows(path, (len(pages.rows), size_px, size_px, 3), np.uint8, decoded)


def input_targets(pages: AnnotatedPages, size_px: int, least_side_px: float) -> list[Target]:
    """Return the boxes of ``pages`` in pixels of the pictures that ``cache_pages`` makes.

    Boxes with a side below ``least_side_px`` there are left out.
    """
    targets = []
    for row, boxes, labels in zip(pages.rows, pages.boxes, pages.labels, strict=True):
        inner = scaled_size(row.width, row.height, size_px)
        scale = np.array([inner[0] / row.width, inner[1] / row.height] * 2, dtype=np.float32)
        scaled = boxes * scale
        kept = (scaled[:, 2:] - scaled[:, :2]).min(axis=1, initial=np.inf) >= least_side_px
        targets.append({"boxes": torch.from_numpy(scaled[kept]), "labels": torch.from_numpy(labels[kept])})
    return targets


def scaled_page(data: bytes, size_px: int) -> npt.NDArray[np.uint8]:
    """Return an encoded page ``(h, w, 3)`` uint8 RGB with a long side of ``size_px``, as serving scales it.

    Serving decodes JPEGs at a fraction of their size; a network that learnt from pages scaled otherwise
    loses by it.
    """
    page, size = decode_reduced(data, size_px)
    width, height = scaled_size(*size, size_px)
    return page_input(page, size_px, size).pixels[:height, :width]


def _square(data: bytes, size_px: int) -> npt.NDArray[np.uint8]:
    picture = scaled_page(data, size_px)
    square = np.full((size_px, size_px, 3), PADDING, dtype=np.uint8)
    square[: picture.shape[0], : picture.shape[1]] = picture
    return square


class PageDataset(TorchDataset[tuple[Tensor, Target, int]]):
    """Pages by *key* (``epoch * n + index``, as ``PixelDataset``): ``(h, w, 3)`` uint8, target, key."""

    def __init__(self, pixels: npt.NDArray[np.uint8], targets: list[Target]) -> None:
        self._pixels = pixels
        self._targets = targets

    def __len__(self) -> int:
        return len(self._targets)

    def __getitem__(self, key: int) -> tuple[Tensor, Target, int]:
        index = key % len(self)
        return torch.from_numpy(np.array(self._pixels[index])), self._targets[index], key


def collate_pages(items: list[tuple[Tensor, Target, int]]) -> tuple[Tensor, list[Target], list[int]]:
    """Stack pictures to ``(n, h, w, 3)`` and leave the targets, which differ in length, in a list."""
    pixels, targets, keys = zip(*items, strict=True)
    return torch.stack(pixels), list(targets), list(keys)
