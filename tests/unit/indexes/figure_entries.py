"""Small indexes for the tests: seeded unit vectors, drawn thumbnails, three tags, four books."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from zuroku.artifacts import seal
from zuroku.indexes.build import build_index
from zuroku.indexes.bundle import EncoderIdentity, IndexEntry, IndexSettings, SpaceEncoder
from zuroku.indexes.router import RouteSettings
from zuroku.indexes.search import FigureIndex, load_index
from zuroku.indexes.thumbnail import thumbnail_jpeg

DIMENSION = 24
ENCODER = EncoderIdentity(
    name="drawn", sha256="ab" * 32, preprocessing="squash to 224 px", dimension=DIMENSION
)
LANDMARK_ENCODER = EncoderIdentity(
    name="landmarks", sha256="12" * 32, preprocessing="squash to 224 px", dimension=DIMENSION
)
ENCODERS = {"general": SpaceEncoder(ENCODER)}
BOTH_ENCODERS = ENCODERS | {"landmark": SpaceEncoder(LANDMARK_ENCODER)}
ROUTES = RouteSettings()
SETTINGS = IndexSettings(name="figures", shard_bytes=20_000)
DATA = {"figure_tags": "cd" * 32}
TAGS = ("stamp", "graphic_map", "picture_landmark")


def unit_vectors(n: int, seed: int = 0) -> np.ndarray:
    """Return ``(n, DIMENSION)`` float32 of unit length."""
    vectors = np.random.default_rng(seed).standard_normal((n, DIMENSION))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@cache
def thumbnail(colour: int) -> bytes:
    """Return the JPEG of one grey."""
    return thumbnail_jpeg(Image.new("L", (40, 30), colour))


def entry(number: int, vector: np.ndarray, **other: object) -> IndexEntry:
    """Return figure ``number``: its tag, book and grey follow from the number."""
    tag = TAGS[number % 3]
    values = {
        "figure_id": f"fig{number:03d}",
        "page_id": f"{1000 + number % 4}_{number // 4}",
        "pid": str(1000 + number % 4),
        "title": f"図鑑 第{number % 4}巻",
        "box": (number, 2.5, number + 30.0, 40.0),
        "primary_tag": tag,
        "tags": {tag: 0.75, "picture": 0.5} if tag == "picture_landmark" else {tag: 0.75},
        "licence": "CC0-1.0",
        "source_url": f"https://example.org/{number}",
        "vector": vector,
        "thumbnail": thumbnail(number % 256),
    }
    return IndexEntry(**(values | other))


def entries(n: int, seed: int = 0) -> Iterator[IndexEntry]:
    """Yield figures 0 to n − 1."""
    return (entry(number, vector) for number, vector in enumerate(unit_vectors(n, seed)))


def small_index(folder: Path, n: int = 50, encoders: Mapping[str, SpaceEncoder] = ENCODERS) -> FigureIndex:
    """Build and open an index of ``n`` figures."""
    build_index(entries(n), SETTINGS, encoders, ROUTES, folder, DATA)
    return load_index(folder)


def spoil(folder: Path, **changes: object) -> None:
    """Change the manifest, or with ``general_…`` what it says of that space."""
    values = json.loads((folder / "manifest.json").read_text())
    for key, value in changes.items():
        of_space = key.startswith("general_")
        (values["spaces"]["general"] if of_space else values)[key.removeprefix("general_")] = value
    (folder / "manifest.json").write_text(json.dumps(values))
    seal(folder)
