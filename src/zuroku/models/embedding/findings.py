"""Checks of trained embedders, and the numbers that tell of a collapse.

What holds for every embedder bundle, trained or not, is checked in ``models.findings``.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from zuroku.errors import EvaluationError
from zuroku.findings import Finding
from zuroku.models.bundle import open_card, training_groups
from zuroku.models.embedding.card import EmbedderCard

TRAINED_EMBEDDER_CHECKS = ("not_collapsed", "no_test_group_seen")
MEAN_COSINE = "mean_cosine"
EFFECTIVE_RANK = "effective_rank"
_MOST_MEAN_COSINE = 0.97
_LEAST_RANK = 2.0


@dataclass(frozen=True)
class Spread:
    """How far vectors lie apart: ``mean_cosine`` of two of them, and their ``effective_rank``."""

    mean_cosine: float
    effective_rank: float

    @property
    def collapsed(self) -> bool:
        """Whether all vectors point one way, or lie on one line."""
        return not (self.mean_cosine <= _MOST_MEAN_COSINE and self.effective_rank >= _LEAST_RANK)

    @property
    def numbers(self) -> dict[str, float]:
        """Both by name, for a card, or nothing where they are NaN: a card cannot hold that."""
        told = {MEAN_COSINE: self.mean_cosine, EFFECTIVE_RANK: self.effective_rank}
        return {name: value for name, value in told.items() if math.isfinite(value)}


def spread_of(vectors: npt.NDArray[np.floating]) -> Spread:
    """Return the spread of unit vectors ``(n, d)``.

    The mean is over all pairs of different vectors. The rank is the exponential of the entropy of the
    centred vectors' singular values (Roy and Vetterli 2007): 1 when they lie on a line. Where one vector is
    of length zero, as dead ReLUs give, or not finite, there is no spread: NaN, which counts as collapsed.

    Raises:
        EvaluationError: there are fewer than two vectors.
    """
    n = len(vectors)
    if n < 2:
        raise EvaluationError(
            f"{n} vectors have no spread",
            expected="at least two",
            remedy="embed more images of the val groups",
        )
    exact = np.asarray(vectors, dtype=np.float64)
    if not has_directions(exact):
        return Spread(float("nan"), float("nan"))
    total = exact.sum(axis=0)
    mean_cosine = float((total @ total - (exact**2).sum()) / (n * (n - 1)))
    singular = np.linalg.svd(exact - total / n, compute_uv=False)
    shares = singular / singular.sum() if singular.sum() > 0 else np.ones(1)
    shares = shares[shares > 0]
    return Spread(mean_cosine, float(np.exp(-(shares * np.log(shares)).sum())))


def has_directions(vectors: npt.NDArray[np.floating]) -> bool:
    """Tell whether all vectors ``(n, d)`` are finite and longer than zero, so that they can be compared."""
    lengths = np.linalg.norm(vectors, axis=1)
    return bool((np.isfinite(lengths) & (lengths > 0)).all())


def collapse_finding(spread: Spread) -> Finding:
    """Check that vectors did not collapse, as Tani and Wada's did on Oxford5k (mAP .0167 in table 2)."""
    return Finding(
        TRAINED_EMBEDDER_CHECKS[0],
        not spread.collapsed,
        f"two vectors have a mean cosine of {spread.mean_cosine:.3f}, and all an effective rank of"
        f" {spread.effective_rank:.1f}",
        {MEAN_COSINE: spread.mean_cosine, EFFECTIVE_RANK: spread.effective_rank},
    )


def trained_embedder_findings(bundle: Path, test_groups: Collection[str]) -> list[Finding]:
    """Check that the vectors of the val groups did not collapse, and that no test group was trained on.

    Groups that the starting weights were trained on count as well.
    """
    card = open_card(bundle, EmbedderCard)
    nothing = float("nan")
    spread = Spread(card.validation.get(MEAN_COSINE, nothing), card.validation.get(EFFECTIVE_RANK, nothing))
    seen = sorted(training_groups(bundle) & set(test_groups))
    return [
        collapse_finding(spread),
        Finding(
            TRAINED_EMBEDDER_CHECKS[1], not seen, f"test groups the model has seen: {seen[:5] or 'none'}"
        ),
    ]
