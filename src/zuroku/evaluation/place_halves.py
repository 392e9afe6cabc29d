"""Which validation places stop training and choose how answers are made, and which calibrate their radius.

A radius is promised for answers in which its own photographs had no say.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def calibrating(groups: Sequence[str]) -> npt.NDArray[np.bool_]:
    """Return which photographs ``(n,)`` calibrate; the others choose. ``groups`` are theirs.

    Each group falls to one half by the hash of its name, for good: more photographs or groups move none.
    Where all would calibrate, all choose instead, because without a choice there is no answer to calibrate.
    """
    halves = {group: hashlib.sha256(f"calibration/{group}".encode()).digest()[0] % 2 == 1 for group in groups}
    found = np.array([halves[group] for group in groups], dtype=np.bool_)
    return found & ~found.all()
