"""The plot that the original judged by: UMAP of figure vectors, coloured by tag, over several seeds."""

import io
import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

_DPI = 90
_NEIGHBOURS = 5
"""Aoike 2021 §3.2.1: five neighbours, spectral start."""


def embedding_map(vectors: npt.NDArray[np.float32], tags: Sequence[str], seeds: Sequence[int]) -> bytes:
    """Return a PNG with one UMAP plot of ``vectors`` ``(n, d)`` per seed.

    The plots of several seeds stand side by side because one alone shows chance as structure. Distances in
    them mean little; numbers are taken in the space itself.
    """
    names = sorted(set(tags))
    figure = Figure(figsize=(4.2 * len(seeds) + 2.2, 4.2), layout="constrained")
    for axes, seed in zip(np.atleast_1d(figure.subplots(1, len(seeds))), seeds, strict=True):
        places = _umap(vectors, seed)
        for name in names:
            of_tag = places[[tag == name for tag in tags]]
            axes.scatter(*of_tag.T, s=14, label=name)
        axes.set_title(f"seed {seed}")
        axes.set_xticks([])
        axes.set_yticks([])
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()


def _umap(vectors: npt.NDArray[np.float32], seed: int) -> npt.NDArray[np.float64]:
    with warnings.catch_warnings():
        # It tells that a seed costs its parallelism, and of values that numba will drop one day.
        warnings.simplefilter("ignore")
        from umap import UMAP

        reducer = UMAP(
            n_neighbors=min(_NEIGHBOURS, len(vectors) - 1),
            init="spectral",
            metric="cosine",
            random_state=seed,
        )
        places: npt.NDArray[np.float64] = reducer.fit_transform(vectors)
    return places
