"""What every metric asks of its arrays before it counts anything.

Each function names the faults of one kind; ``raise_if_any`` turns all of them into one error. What a
metric needs, it knows itself. No metric belongs here.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zuroku.errors import EvaluationError

Array = NDArray[Any]

_SHOWN = 5


def raise_if_any(faults: Sequence[str], *, expected: str, remedy: str) -> None:
    """Raise one ``EvaluationError`` that lists every fault; do nothing without faults."""
    if faults:
        raise EvaluationError("; ".join(faults), expected=expected, remedy=remedy)


def shape_faults(shape: Sequence[int | None], **arrays: Array) -> list[str]:
    """Name the arrays whose shape is not ``shape``; ``None`` leaves one axis free."""
    wanted = "(" + ", ".join("any" if size is None else str(size) for size in shape) + ")"
    return [
        f"{name} has shape {array.shape}, not {wanted}"
        for name, array in arrays.items()
        if len(array.shape) != len(shape)
        or any(want is not None and want != size for want, size in zip(shape, array.shape, strict=True))
    ]


def empty_faults(**arrays: Array) -> list[str]:
    """Name the arrays without a single element."""
    return [f"{name} is empty, of shape {array.shape}" for name, array in arrays.items() if array.size == 0]


def finite_faults(**arrays: Array) -> list[str]:
    """Name the arrays that hold NaN or infinity, with the count and first places."""
    return [
        f"{name} holds {_count_and_places(~np.isfinite(array))} NaN or infinite"
        for name, array in arrays.items()
        if not np.isfinite(array).all()
    ]


def probability_faults(**arrays: Array) -> list[str]:
    """Name the arrays with a value outside [0, 1]; NaN is outside."""
    faults = []
    for name, array in arrays.items():
        outside = ~((array >= 0) & (array <= 1))
        if outside.any():
            faults.append(f"{name} holds {_count_and_places(outside)} outside [0, 1] or NaN")
    return faults


def binary_faults(**arrays: Array) -> list[str]:
    """Name the arrays with a value that is neither 0 nor 1 (or False, True); NaN is neither."""
    faults = []
    for name, array in arrays.items():
        other = ~((array == 0) | (array == 1))
        if other.any():
            faults.append(f"{name} holds {_count_and_places(other)} neither 0 nor 1")
    return faults


def _count_and_places(bad: NDArray[np.bool_]) -> str:
    places = [str(tuple(map(int, place))) for place in np.argwhere(bad)[:_SHOWN]]
    rest = int(bad.sum()) - len(places)
    more = f" and {rest} more" if rest else ""
    count = int(bad.sum())
    return f"{count} value{'s' if count > 1 else ''} (at {', '.join(places)}{more})"
