"""Small geolocators with random weights, drawn from a seed, and pictures for them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from zuroku.artifacts import Artifact, build
from zuroku.models.geolocation.bundle import write_geolocator
from zuroku.models.geolocation.card import GeolocatorCard
from zuroku.models.geolocation.network import Geolocator, create_geolocator
from zuroku.models.geolocation.settings import GeolocatorNetworkSettings, LocationSettings
from zuroku.models.geolocation.views import PREPROCESSING

SIZE = 32
CLASSES = {
    "prefecture": ["13", "14"],
    "municipality": ["13101", "13102", "14100"],
    "town": [],
    "road": ["Aoba-dori"],
    "landmark": ["node/3", "way/9"],
}


def settings(**values: Any) -> GeolocatorNetworkSettings:
    fields = {
        "backbone": "test_efficientnet",
        "weights": "random",
        "size_px": SIZE,
        "dimension": 24,
        "location": LocationSettings(width=16),
    }
    return GeolocatorNetworkSettings(**fields | values)


def network(**values: Any) -> Geolocator:
    torch.manual_seed(7)
    return create_geolocator(settings(**values), CLASSES).eval()


def bundle(target: Path, geolocator: Geolocator, **values: Any) -> Artifact:
    configured = geolocator.settings
    fields: dict[str, Any] = {
        "name": "geolocator", "licence": "CC0-1.0", "backbone": configured.backbone,
        "weights": configured.weights, "dimension": configured.dimension, "size_px": configured.size_px,
        "views": configured.views, "preprocessing": PREPROCESSING, "classes": CLASSES,
        "sigmas": list(configured.location.sigmas), "data": {"views": "0" * 64}, "network": configured,
        "settings": {}, "validation": {"mean_cosine": 0.2, "effective_rank": 5.0}, "code_version": "1",
    }  # fmt: skip
    card = GeolocatorCard(**fields | values)
    return build(target, lambda folder: write_geolocator(folder, geolocator, card, ["a", "b"]))


def picture(width: int, height: int, seed: int = 3, **saved: Any) -> bytes:
    """Encoded coarse noise as lossless WebP, or as ``saved`` says."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, (4, max(4, 4 * width // height), 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BILINEAR)
    buffer = io.BytesIO()
    image.save(buffer, **{"format": "WEBP", "lossless": True} | saved)
    return buffer.getvalue()
