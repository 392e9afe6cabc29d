"""Oxford Buildings and Paris, the original ground truth: a folder of text files.

The collections: Philbin et al. 2007 (5,062 images, 55 queries) and 2008. For each query ``all_souls_1`` there
are ``all_souls_1_query.txt`` (``oxc1_all_souls_000013 136.5 34.1 648.5 955.7``: the image and the box of the
query; Paris has no ``oxc1_``) and ``_good.txt``, ``_ok.txt`` and ``_junk.txt`` with one name per line. They
do not list the other images, and number none: ``images.txt`` beside them gives the gallery in its order.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zuroku.datasets.faults import FaultList
from zuroku.datasets.ground_truth.names import read_names, read_text
from zuroku.errors import SourceError

IMAGES = "images.txt"
"""Not of the publisher: the names of the gallery, one per line, with or without ``.jpg``."""

KINDS = ("good", "ok", "junk")

_FILE = re.compile(r"(?P<landmark>.+)_(?P<number>\d+)_(?P<kind>query|good|ok|junk)\.txt")
_PREFIX = "oxc1_"


@dataclass(frozen=True)
class OxfordTruth:
    """Queries and, for each, gallery indices of its good, ok and junk images.

    ``queries`` are names such as ``all_souls_1``, sorted by landmark, then number; ``query_images`` are the
    gallery indices ``(n_queries,)`` of the images they are cut from, and ``boxes`` ``(n_queries, 4)`` where:
    x_min, y_min, x_max, y_max in pixels.
    """

    images: tuple[str, ...]
    queries: tuple[str, ...]
    query_images: NDArray[np.intp]
    boxes: NDArray[np.float64]
    good: tuple[NDArray[np.intp], ...]
    ok: tuple[NDArray[np.intp], ...]
    junk: tuple[NDArray[np.intp], ...]


def read_oxford(folder: Path, gallery: Sequence[str] | None = None) -> OxfordTruth:
    """Read the ground truth of Oxford Buildings or Paris in ``folder``.

    ``gallery`` names the images in the order of their indices; without it, ``images.txt`` does.

    Raises:
        SourceError: there is no such folder or no query in it, ``images.txt`` or a file of a query is
            missing, a file cannot be read, a query is malformed, or an image is unknown or named twice for
            one query. All faults are listed.
    """
    queries = _queries(folder)
    if gallery is None and not (folder / IMAGES).is_file():
        raise SourceError(
            f"{folder} has no {IMAGES}",
            expected="the names of the gallery in the order of its indices, one per line: the ground truth "
            "does not list all images",
            remedy=f"write the names into {folder / IMAGES}, as the gallery was embedded",
        )
    names = read_names(folder / IMAGES) if gallery is None else gallery
    images = tuple(name.removesuffix(".jpg") for name in names)
    place = {name: index for index, name in enumerate(images)}
    faults = FaultList()
    for name in sorted(name for name, times in Counter(images).items() if times > 1):
        faults.add("images of one name", name)
    asked = [_query(folder / f"{query}_query.txt", place, faults) for query in queries]
    named = [[_indices(folder / f"{query}_{kind}.txt", place, faults) for kind in KINDS] for query in queries]
    for query, parts in zip(queries, named, strict=True):
        if len({*parts[0], *parts[1], *parts[2]}) < sum(map(len, parts)):
            faults.add("queries that name an image twice", query)
    faults.raise_if_any(
        str(folder),
        expected=f"for each query an image with the four numbers of a box, and images that {IMAGES} lists, "
        "each of one kind",
        remedy=f"take the ground truth from its publisher again, and write all images into {IMAGES}",
    )
    arrays = [[np.array(part, dtype=np.intp) for part in parts] for parts in named]
    good, ok, junk = zip(*arrays, strict=True)
    query_images = np.array([image for image, _ in asked], dtype=np.intp)
    return OxfordTruth(images, queries, query_images, np.array([box for _, box in asked]), good, ok, junk)


def _queries(folder: Path) -> tuple[str, ...]:
    """Return the names of the queries in ``folder``, each with all its files."""
    matches = [_FILE.fullmatch(path.name) for path in folder.glob("*.txt")]
    found = {(m["landmark"], int(m["number"]), m["number"], m["kind"]) for m in matches if m}
    queries = sorted({key[:3] for key in found})
    if not queries:
        raise SourceError(
            f"{folder} holds no ground truth of Oxford Buildings",
            expected="a folder of files such as all_souls_1_query.txt",
            remedy="unpack the publisher's ground truth and name its folder",
        )
    faults = FaultList()
    for query in queries:
        for kind in ("query", *KINDS):
            if (*query, kind) not in found:
                faults.add("missing files", f"{query[0]}_{query[2]}_{kind}.txt")
    faults.raise_if_any(
        str(folder),
        expected="four files for each query: _query, _good, _ok and _junk",
        remedy="unpack the publisher's ground truth again",
    )
    return tuple(f"{landmark}_{number}" for landmark, _, number in queries)


def _query(path: Path, place: dict[str, int], faults: FaultList) -> tuple[int, list[float]]:
    fields = read_text(path).split()
    try:
        name, box = fields[0].removeprefix(_PREFIX), [float(field) for field in fields[1:]]
    except (IndexError, ValueError):
        name, box = "", []
    if len(box) != 4 or not all(map(math.isfinite, box)) or box[0] >= box[2] or box[1] >= box[3]:
        faults.add("queries that are not an image and a box", path.name)
    elif name not in place:
        faults.add("unknown images", f"{name} in {path.name}")
    return place.get(name, -1), box


def _indices(path: Path, place: dict[str, int], faults: FaultList) -> list[int]:
    names = read_text(path).split()
    for name in names:
        if name not in place:
            faults.add("unknown images", f"{name} in {path.name}")
    return [place[name] for name in names if name in place]
