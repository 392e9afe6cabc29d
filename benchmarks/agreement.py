"""Do two ways of running one model decide alike? Every (image, tag) at the model's own thresholds."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from zuroku.models.tagger_predictor import TaggerPredictor

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Disagreement:
    """One decision that differs, and how far from the threshold the reference was."""

    image: str
    tag: str
    probability: float
    reference: float
    threshold: float
    margin: float


@dataclass(frozen=True)
class Agreement:
    """Share of equal decisions, and the largest difference of two probabilities."""

    share: float
    n_decisions: int
    largest_difference: float
    disagreements: list[Disagreement]

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def agreement_of(
    predictor: TaggerPredictor, probabilities: Probabilities, reference: Probabilities, images: list[str]
) -> Agreement:
    """Compare the decisions that follow from two ``(n, n_labels)`` arrays of probabilities."""
    differ = predictor.decide(probabilities) != predictor.decide(reference)
    found = [
        Disagreement(
            image=images[row],
            tag=predictor.card.labels[column],
            probability=float(probabilities[row, column]),
            reference=float(reference[row, column]),
            threshold=float(predictor.thresholds[column]),
            margin=float(abs(reference[row, column] - predictor.thresholds[column])),
        )
        for row, column in np.argwhere(differ)
    ]
    largest = float(np.abs(probabilities - reference).max())
    return Agreement(1 - len(found) / differ.size, int(differ.size), largest, found)


def report_agreement(agreement: Agreement) -> None:
    """Print the share and every disagreement with its margin."""
    print(
        f"\nAgreement with the plain loop: {agreement.share:.4%} of {agreement.n_decisions:,} decisions;"
        f" largest difference of two probabilities {agreement.largest_difference:.1e}"
    )
    for one in agreement.disagreements:
        print(
            f"- {one.image} {one.tag}: {one.probability:.4f} against {one.reference:.4f},"
            f" threshold {one.threshold:.4f}, |p − threshold| {one.margin:.1e}"
        )
