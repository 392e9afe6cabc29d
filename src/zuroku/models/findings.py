"""Checks of the bundles of tagger and embedder."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from zuroku.findings import Finding
from zuroku.models.bundle import ONNX, training_groups
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.models.tagger_predictor import TaggerPredictor

BUNDLE_CHECKS = ("runtimes_agree", "no_test_group_seen")
EMBEDDER_CHECKS = ("runtimes_agree", "unit_length")
_TOLERANCE = 1e-3
_PROBES = 8


def bundle_findings(
    bundle: Path, pictures: Sequence[npt.NDArray[np.uint8]], test_groups: Collection[str]
) -> list[Finding]:
    """Check that two runtimes give the same probabilities, and that no test group was trained on.

    ``pictures`` are ``(size, size, 3)`` uint8 RGB as the model is served.
    """
    predictor = TaggerPredictor(bundle)
    session = onnxruntime.InferenceSession(str(bundle / ONNX), providers=["CPUExecutionProvider"])
    reference = np.asarray(session.run(None, {"pixels": np.stack(pictures)})[0])
    served = np.stack([predictor.probabilities(picture) for picture in pictures])
    gap = float(np.abs(reference - served).max())
    seen = sorted(training_groups(bundle) & set(test_groups))
    return [
        Finding(
            "runtimes_agree",
            gap <= _TOLERANCE,
            f"ONNX Runtime and OpenVINO differ by at most {gap:.1e} on {len(pictures)} figures",
            {"largest_difference": gap},
        ),
        Finding("no_test_group_seen", not seen, f"test groups the model has seen: {seen[:5] or 'none'}"),
    ]


def embedder_findings(bundle: Path) -> list[Finding]:
    """Check on pictures of noise that two runtimes give the same vectors, and that these have unit length."""
    embedder = EmbedderPredictor(bundle)
    size = embedder.size_px
    pictures = np.random.default_rng(0).integers(0, 256, (_PROBES, size, size, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(str(bundle / ONNX), providers=["CPUExecutionProvider"])
    reference = np.asarray(session.run(None, {"pixels": pictures})[0])
    served = np.stack([embedder.embed_pixels(picture) for picture in pictures])
    cosine = float((reference * served).sum(axis=1).min())
    length = float(np.abs(np.linalg.norm(served, axis=1) - 1).max())
    return [
        Finding(
            EMBEDDER_CHECKS[0],
            cosine >= 1 - _TOLERANCE,
            f"ONNX Runtime and OpenVINO agree to a cosine of {cosine:.6f} on {_PROBES} pictures",
            {"least_cosine": cosine},
        ),
        Finding(EMBEDDER_CHECKS[1], length <= _TOLERANCE, f"vectors differ from unit length by {length:.1e}"),
    ]
