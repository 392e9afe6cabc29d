"""Thresholds of detection scores, one per class, chosen on validation pages."""

from collections.abc import Sequence

import numpy as np

from zuroku.evaluation.detection import PageMatches


def best_threshold(pages: Sequence[PageMatches], default: float) -> tuple[float, float]:
    """Return the score at which F1 over ``pages`` is largest, and that F1.

    ``pages`` are matched at one threshold of IoU. Of equal ones the highest score wins. ``default`` and
    NaN come back where there is no truth or nothing was found.
    """
    truths = sum(page.n_truths for page in pages)
    scores = np.concatenate([page.scores for page in pages])
    hits = np.concatenate([page.hits[0] for page in pages])
    if not truths or not hits.any():
        return default, float("nan")
    order = np.argsort(-scores, kind="stable")
    scores, found = scores[order], np.cumsum(hits[order])
    f1 = 2 * found / (np.arange(1, len(scores) + 1) + truths)
    # Boxes of one score stand or fall together, so only the last of them is a place to cut.
    last = np.append(scores[1:] != scores[:-1], True)
    best = int(np.argmax(np.where(last, f1, -1)))
    return float(scores[best]), float(f1[best])
