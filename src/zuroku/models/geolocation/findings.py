"""Checks of geolocator bundles."""

import io
from collections.abc import Collection
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from zuroku.findings import Finding
from zuroku.models.bundle import ONNX, training_groups
from zuroku.models.embedding.findings import collapse_finding, spread_of
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.models.geolocation.views import picture_views

GEOLOCATOR_CHECKS = ("runtimes_agree", "not_collapsed", "no_test_group_seen")
_TOLERANCE = 1e-3
_PROBES = 8


def geolocator_findings(bundle: Path, test_groups: Collection[str]) -> list[Finding]:
    """Check on pictures of noise that two runtimes agree and that places have vectors of their own.

    And that no group of ``test_groups`` was trained on. That it is restricted is seen on reading its card.
    """
    predictor = GeolocatorPredictor(bundle)
    pictures = [_noise(seed, predictor.size_px, predictor.card.views) for seed in range(_PROBES)]
    views = np.stack([picture_views(data, predictor.size_px, predictor.card.views) for data in pictures])
    session = onnxruntime.InferenceSession(str(bundle / ONNX), providers=["CPUExecutionProvider"])
    reference = np.asarray(session.run(None, {"pixels": views})[0])[:, : predictor.dimension]
    cosine = float((reference * predictor.predict(pictures).vectors).sum(axis=1).min())
    # Five degrees apart, from end to end of Japan.
    grid = np.array([(lat, lon) for lat in range(25, 46, 5) for lon in range(125, 151, 5)], dtype=np.float64)
    spread = spread_of(predictor.encode_locations(grid))
    seen = sorted(training_groups(bundle) & set(test_groups))
    return [
        Finding(
            GEOLOCATOR_CHECKS[0],
            cosine >= 1 - _TOLERANCE,
            f"ONNX Runtime and OpenVINO agree to a cosine of {cosine:.6f} on {_PROBES} pictures",
            {"least_cosine": cosine},
        ),
        collapse_finding(spread),
        Finding(GEOLOCATOR_CHECKS[2], not seen, f"test groups the model has seen: {seen[:5] or 'none'}"),
    ]


def _noise(seed: int, size_px: int, views: int) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (size_px, views * size_px, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
