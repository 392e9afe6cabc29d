"""What an index bundle is: its files, its manifest, what it says of each figure.

A bundle is a sealed folder without pickles. A figure lies in the space to which its primary tag is routed.
Rows are sorted by space, then by primary tag, so that each space and in it each tag is contiguous. Writing a
bundle belongs to ``build``, searching it to ``search``.

- ``manifest.json``: ``IndexManifest``.
- ``spaces/<name>/vectors.npy``: ``(n, d)`` float32 unit vectors, in the order of the payload's rows.
- ``spaces/<name>/codes.faiss``: in large spaces, what names candidates (``approximate``).
- ``spaces/<name>/encoder/``: the sealed bundle of the encoder that made the vectors, where it was given.
- ``payload.parquet``: ``PAYLOAD_SCHEMA``, one row per figure of all spaces.
- ``thumbnails/*.tar``: a small JPEG of each figure, read at the offset that its payload row holds.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pydantic import Field, model_validator

from zuroku.config import Settings, parse_settings
from zuroku.errors import BundleError, ConfigError
from zuroku.indexes.router import RouteSettings, SpaceName

MANIFEST = "manifest.json"
SPACES = "spaces"
VECTORS = "vectors.npy"
CODES = "codes.faiss"
PAYLOAD = "payload.parquet"
THUMBNAILS = "thumbnails"
ENCODER = "encoder"

FORMAT = 2
UNIT_TOLERANCE = 1e-3
"""How far from 1 the length of a unit vector may be: what rounding to half precision leaves."""

PAYLOAD_SCHEMA = pa.schema(
    [
        ("figure_id", pa.string()),
        ("page_id", pa.string()),
        ("pid", pa.string()),
        ("title", pa.string()),
        ("x_min", pa.float32()),
        ("y_min", pa.float32()),
        ("x_max", pa.float32()),
        ("y_max", pa.float32()),
        ("primary_tag", pa.string()),
        ("tags", pa.list_(pa.string())),
        ("confidences", pa.list_(pa.float32())),
        ("licence", pa.string()),
        ("source_url", pa.string()),
        ("shard", pa.string()),
        ("offset", pa.int64()),
        ("length", pa.int64()),
    ]
)


class EncoderIdentity(Settings):
    """The encoder that made the vectors: ``sha256`` is that of its bundle's seal.

    Vectors of different encoders, or of one encoder with other preprocessing, must never be compared.
    """

    name: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    preprocessing: str
    dimension: int = Field(ge=1)


class IndexSettings(Settings):
    """How an index is called and laid out."""

    name: str = Field(min_length=1)
    shard_bytes: int = Field(
        default=256 << 20, gt=0, description="a shard of thumbnails is closed once it is this large"
    )
    approximate_from: int = Field(
        default=20_000,
        ge=1,
        description="spaces of at least so many figures are searched by candidates; a scan of fewer takes no "
        "more than about a millisecond",
    )


class SpaceManifest(Settings):
    """One space: ``slices`` maps each primary tag to its rows ``[start, stop)`` among all of the index.

    ``approximate`` tells whether there are codes.
    """

    dimension: int = Field(ge=1)
    count: int = Field(ge=1)
    slices: dict[str, tuple[int, int]] = Field(min_length=1)
    approximate: bool
    encoder: EncoderIdentity

    @property
    def rows(self) -> tuple[int, int]:
        """The rows ``[start, stop)`` of the space."""
        starts, stops = zip(*self.slices.values(), strict=True)
        return min(starts), max(stops)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        at = self.rows[0]
        for start, stop in sorted(self.slices.values()):
            if start != at or stop <= start:
                raise ValueError(f"the slices leave out or repeat rows at {min(at, start)}")
            at = stop
        if at != self.rows[0] + self.count:
            raise ValueError(f"the slices hold {at - self.rows[0]} figures of {self.count}")
        if self.dimension != self.encoder.dimension:
            raise ValueError(f"{self.dimension} dimensions, but the encoder has {self.encoder.dimension}")
        return self


class IndexManifest(Settings):
    """What the bundle holds: the spaces that have figures, and how tags are routed to them.

    ``data`` maps each input that the figures came from to the SHA-256 of its content.
    """

    format: Literal[2] = 2
    name: str
    metric: Literal["cosine"] = "cosine"
    dtype: Literal["float32"] = "float32"
    count: int = Field(ge=1)
    routes: RouteSettings
    spaces: dict[SpaceName, SpaceManifest]
    data: dict[str, str]
    settings: IndexSettings

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        at = 0
        for start, stop in sorted(space.rows for space in self.spaces.values()):
            if start != at:
                raise ValueError(f"the spaces leave out or repeat rows at {min(at, start)}")
            at = stop
        if at != self.count:
            raise ValueError(f"the slices end at row {at} of {self.count}")
        for name, space in self.spaces.items():
            if astray := [tag for tag in space.slices if self.routes.route(tag, self.spaces).space != name]:
                raise ValueError(f"{', '.join(astray)} lie in {name}, but are routed elsewhere")
        return self


@dataclass(frozen=True)
class SpaceEncoder:
    """The encoder of a space, and its sealed bundle where the index is to hold it."""

    identity: EncoderIdentity
    folder: Path | None = None


@dataclass(frozen=True)
class IndexEntry:
    """One figure on its way into an index.

    ``vector`` is ``(d,)`` float32 of unit length. ``thumbnail`` is a JPEG of at most ``THUMBNAIL_PX``
    (see ``thumbnail``). ``box`` is ``x_min, y_min, x_max, y_max`` in pixels of the page ``page_id``.
    ``tags`` maps each tag of the figure to its confidence; ``primary_tag`` says in whose space and slice
    it lies, and so which encoder makes its vector.
    """

    figure_id: str
    page_id: str
    pid: str
    title: str
    box: tuple[float, float, float, float]
    primary_tag: str
    tags: Mapping[str, float]
    licence: str
    source_url: str
    vector: npt.NDArray[np.float32]
    thumbnail: bytes


@dataclass(frozen=True)
class IndexedFigure:
    """A row of the payload: what is known of a figure, and where its thumbnail lies."""

    figure_id: str
    page_id: str
    pid: str
    title: str
    x_min: float
    y_min: float
    x_max: float
    y_max: float
    primary_tag: str
    tags: list[str]
    confidences: list[float]
    licence: str
    source_url: str
    shard: str
    offset: int
    length: int


def read_manifest(folder: Path) -> IndexManifest:
    """Return the manifest of the index bundle in ``folder``.

    Raises:
        BundleError: there is none, or it is of another format.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(
            f"no index bundle in {folder}",
            expected=f"a folder with {MANIFEST}, {SPACES} and {PAYLOAD}",
            remedy="build the index first, or name the folder of one",
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        found = values.get("format") if isinstance(values, dict) else None
        if found == FORMAT:
            return parse_settings(values, IndexManifest, origin=str(path))
    except (ValueError, ConfigError) as error:
        raise BundleError(
            f"{path} is no manifest of an index: {error}",
            expected=f"a manifest of format {FORMAT}",
            remedy="build the index again",
        ) from error
    raise BundleError(
        f"{path} has format {found!r}",
        expected=f"an index of format {FORMAT}",
        remedy="build the index again with this version of zuroku, or use the version that built it",
    )
