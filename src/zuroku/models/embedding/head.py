"""Heads: from the joined features to the vector. The classifier above belongs to ``losses``."""

from itertools import pairwise

from torch import Tensor, nn

HIDDEN = 1024
"""Width between the layers of FC-3 and FC-6. Tani and Wada give theirs only in a drawing."""

_LAYERS = {"fc3": 3, "fc6": 6}


def create_head(kind: str, n_inputs: int, dimension: int) -> nn.Module:
    """Return the head ``kind``: ``(n, n_inputs)`` → ``(n, dimension)``.

    ``linear`` is Aoike 2021's fully connected layer. ``fc3`` and ``fc6`` are the networks of Feature Tuning
    (Tani and Wada, figures 5 and 6): their last layer is the classifier, so that two and five layers remain,
    each with its ReLU, and no batch normalisation. They start from He et al. 2015: PyTorch's own start
    shrinks what comes through five layers so much that all vectors are alike.
    """
    if kind == "linear":
        return nn.Linear(n_inputs, dimension)
    widths = [n_inputs] + [HIDDEN] * (_LAYERS[kind] - 2) + [dimension]
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layer = nn.Linear(before, after)
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.zeros_(layer.bias)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers)


class NoHead(nn.Module):
    """The joined features as they are."""

    def forward(self, features: Tensor) -> Tensor:
        """Return ``features``."""
        return features
