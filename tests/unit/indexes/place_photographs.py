"""Small indexes of places for the tests: seeded vectors of any length, two prefectures, drawn thumbnails."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from zuroku.artifacts import Artifact
from zuroku.indexes.place_build import build_place_index
from zuroku.indexes.place_bundle import PLACE_THUMBNAIL_PX, PlaceIndexSettings
from zuroku.indexes.thumbnail import thumbnail_jpeg

DIMENSION = 16
ENCODER = "ab" * 32
SETTINGS = PlaceIndexSettings(name="places")


def vectors(n: int, seed: int = 0, dimension: int = DIMENSION) -> np.ndarray:
    """Return ``(n, dimension)`` float32 of various lengths."""
    return (3 * np.random.default_rng(seed).standard_normal((n, dimension))).astype(np.float32)


def payload(n: int) -> pd.DataFrame:
    """Return what is known of photographs 0 to n − 1: area and split follow from the number."""
    number = np.arange(n)
    return pd.DataFrame(
        {
            "item_id": [f"photo{row:05d}" for row in number],
            "latitude": 35 + number / 1000,
            "longitude": 139 - number / 1000,
            "prefecture": np.where(number % 3 == 0, "11", "13"),
            "municipality": [f"13{row % 7:03d}" for row in number],
            "town": np.where(number % 2 == 0, "", "13101001001"),
            "split": np.where(number % 5 == 0, "val", "train"),
            "image": [f"000000.tar/{row * 512}/100" for row in number],
            "licence": "CC-BY-4.0",
            "source_url": [f"https://example.org/{row}" for row in number],
            "author": "描いた人",
        }
    )


def thumbnails(n: int) -> list[bytes]:
    """Return a small JPEG for each photograph but every fourth."""
    return [
        b"" if row % 4 == 3 else thumbnail_jpeg(Image.new("L", (200, 150), row % 256), PLACE_THUMBNAIL_PX)
        for row in range(n)
    ]


def built(folder: Path, n: int = 40, seed: int = 0, settings: PlaceIndexSettings = SETTINGS) -> Artifact:
    """Build the bundle of ``n`` photographs in ``folder``."""
    return build_place_index(vectors(n, seed), payload(n), ENCODER, settings, folder, thumbnails(n))


def nearest(query: np.ndarray, gallery: np.ndarray, k: int, allowed: np.ndarray | None = None) -> list[int]:
    """Return the rows of a full sort by cosine, the lower row first of equals."""
    cosines = {
        row: float(vector @ query / np.linalg.norm(vector) / np.linalg.norm(query))
        for row, vector in enumerate(gallery.astype(np.float64))
        if allowed is None or allowed[row]
    }
    return sorted(cosines, key=lambda row: (-cosines[row], row))[:k]
