"""DBSCAN of few points whose neighbourhoods are known: clusters of an answer's neighbours.

A query has about a hundred of them. For these a matrix of booleans is simpler than a tree, and a query is
answered before scikit-learn is imported; many points (``spacing``) take its tree.
"""

import numpy as np
import numpy.typing as npt


def density_clusters(near: npt.NDArray[np.bool_], least: int) -> npt.NDArray[np.int64]:
    """Return the cluster ``(n,)`` of each point from 0, or -1 for noise (Ester et al. 1996).

    ``near`` ``(n, n)`` says which points are neighbours; it is symmetric, and each point is its own
    neighbour. Points with at least ``least`` neighbours, themselves included, are cores; a cluster is what
    neighbouring cores join, and their neighbours. As in scikit-learn, clusters are numbered by their first
    core, and a neighbour of two clusters belongs to the first.
    """
    core = near.sum(axis=1) >= least
    labels = np.full(len(near), -1, dtype=np.int64)
    for first in np.flatnonzero(core):
        if labels[first] >= 0:
            continue
        members = near[first]
        while True:
            wider = near[members & core].any(axis=0)
            if (wider == members).all():
                break
            members = wider
        labels[members & (labels < 0)] = labels.max() + 1
    return labels
