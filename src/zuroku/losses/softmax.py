"""The plain softmax classifier, which leaves the vectors their own length."""

from torch import Tensor, nn
from torch.nn import functional


class Softmax(nn.Module):
    """Cross-entropy over a linear classifier: Tani and Wada's column "softmax"."""

    def __init__(self, n_classes: int, dimension: int) -> None:
        super().__init__()
        self.classify = nn.Linear(dimension, n_classes)

    def forward(self, vectors: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss of raw vectors ``(n, d)`` with class indices ``(n,)``."""
        return functional.cross_entropy(self.classify(vectors), targets)
