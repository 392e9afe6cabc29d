"""Checks of a model bundle."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from zuroku.findings import Finding
from zuroku.models.bundle import ONNX, training_groups
from zuroku.models.tagger_predictor import TaggerPredictor

BUNDLE_CHECKS = ("runtimes_agree", "no_test_group_seen")
_TOLERANCE = 1e-3


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
