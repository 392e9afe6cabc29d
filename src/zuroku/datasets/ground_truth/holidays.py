"""INRIA Holidays: groups and queries from the file names.

The collection: Jégou, Douze and Schmid 2008, 1,491 images of 500 groups. A name is the group's four digits
and two that count within the group: ``100301.jpg`` belongs to group 1003, whose query is ``100300.jpg``.
The authors' list ``holidays_images.dat`` has one name per line. Upright copies have the same names: a score
should say which were used.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zuroku.datasets.faults import FaultList
from zuroku.datasets.ground_truth.names import group_codes, read_names

_NAME = re.compile(r"(\d{4})(\d{2})\.jpg")
_QUERY = "00"


@dataclass(frozen=True)
class HolidaysTruth:
    """The group ``(n,)`` of each image in the order of the list, and which images ``(n_queries,)`` ask."""

    groups: NDArray[np.intp]
    queries: NDArray[np.intp]


def read_holidays(path: Path) -> HolidaysTruth:
    """Read ``holidays_images.dat`` or a part of it; queries come in the order of the list.

    Raises:
        SourceError: the list cannot be read; a name is of another form or comes twice; or a group lacks its
            query or any other image. All faults are listed.
    """
    names = read_names(path)
    faults = FaultList()
    matches = [_NAME.fullmatch(name) for name in names]
    for name, match in zip(names, matches, strict=True):
        if match is None:
            faults.add("names of another form", name)
    known = [match for match in matches if match]
    sizes = Counter(match[1] for match in known)
    asking = {match[1] for match in known if match[2] == _QUERY}
    for group, size in sizes.items():
        if group not in asking:
            faults.add("groups without a query", group)
        elif size == 1:
            faults.add("groups of a query alone", group)
    faults.raise_if_any(
        str(path),
        expected="names such as 100301.jpg, one per line: group 1003, whose query is 100300.jpg",
        remedy="take holidays_images.dat of the authors' evaluation package, or whole groups of it",
    )
    queries = [place for place, match in enumerate(known) if match[2] == _QUERY]
    return HolidaysTruth(group_codes([match[1] for match in known]), np.array(queries, dtype=np.intp))
