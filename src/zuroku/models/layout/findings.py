"""Checks of a detector's bundle."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from zuroku.findings import Finding
from zuroku.models.bundle import ONNX, training_groups
from zuroku.models.inference_pool import InferencePool
from zuroku.models.layout.bundle import DetectorCard
from zuroku.models.layout.preprocessing import page_input

DETECTOR_CHECKS = ("runtimes_agree", "no_test_group_seen")
_SCORE_TOLERANCE = 1e-2
"""Scores of two float32 runtimes; their convolutions sum in different orders."""


def detector_findings(
    bundle: Path, card: DetectorCard, pages: Sequence[Image.Image], test_groups: Collection[str]
) -> list[Finding]:
    """Check that two runtimes give the same scores on ``pages``, and that no test book was trained on."""
    session = onnxruntime.InferenceSession(str(bundle / ONNX), providers=["CPUExecutionProvider"])
    gap = 0.0
    for page in pages:
        pixels = page_input(page, card.size_px).pixels[None]
        reference = np.asarray(session.run(None, {"pixels": pixels})[0])
        served = InferencePool(bundle / ONNX, list(pixels.shape), 1).run(pixels)
        first_score = 0 if card.grid is None else 4
        gap = max(gap, float(np.abs(reference - served)[..., first_score:].max()))
    seen = sorted(training_groups(bundle) & set(test_groups))
    return [
        Finding(
            DETECTOR_CHECKS[0],
            gap <= _SCORE_TOLERANCE,
            f"ONNX Runtime and OpenVINO differ by at most {gap:.1e} in the scores on {len(pages)} pages",
            {"largest_difference": gap},
        ),
        Finding(DETECTOR_CHECKS[1], not seen, f"test books the model has seen: {seen[:5] or 'none'}"),
    ]
