"""Which validation places stop training and choose how answers are made, and which calibrate their radius.

A radius is promised for answers in which its own photographs had no say.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def calibrating(clusters: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return which photographs ``(n,)`` calibrate; the others choose. ``clusters`` are theirs.

    Each cluster falls to one half by the hash of its name, for good: more photographs or clusters move none.
    Where all would calibrate, all choose instead, because without a choice there is no answer to calibrate.
    """
    halves = {name: hashlib.sha256(f"calibration/{name}".encode()).digest()[0] % 2 == 1 for name in clusters}
    found = np.array([halves[name] for name in clusters], dtype=np.bool_)
    return found & ~found.all()
