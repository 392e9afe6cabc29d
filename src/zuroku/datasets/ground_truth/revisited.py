"""ROxford and RParis: the revisited ground truth, from the authors' pickles or the same content as JSON.

Radenović et al. 2018; ``gnd_roxford5k.pkl`` and ``gnd_rparis6k.pkl`` hold ``imlist`` (the database in the
order of its indices), ``qimlist`` (the queries, which are not in the database) and ``gnd``: for each query
``easy``, ``hard`` and ``junk`` database indices, from 0, and ``bbx``, the box that the query is cut to.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, FiniteFloat, StrictInt, StrictStr, ValidationError

from zuroku.config import Settings
from zuroku.datasets.faults import FaultList
from zuroku.datasets.ground_truth.names import note_repeats, read_text
from zuroku.datasets.ground_truth.plain_pickle import read_plain_pickle
from zuroku.errors import SourceError

_SHOWN = 5
_FORM = (
    '{"imlist": [names], "qimlist": [names], "gnd": [{"easy": [indices], "hard": [indices], '
    '"junk": [indices], "bbx": [x_min, y_min, x_max, y_max]}]}'
)


@dataclass(frozen=True)
class RevisitedTruth:
    """Database and queries by name, and for each query database indices of its easy, hard and junk images.

    ``boxes`` is ``(n_queries, 4)``, x_min, y_min, x_max, y_max in pixels; NaN where the file has none.
    """

    images: tuple[str, ...]
    queries: tuple[str, ...]
    boxes: NDArray[np.float64]
    easy: tuple[NDArray[np.intp], ...]
    hard: tuple[NDArray[np.intp], ...]
    junk: tuple[NDArray[np.intp], ...]


class _Query(Settings):
    easy: list[StrictInt]
    hard: list[StrictInt]
    junk: list[StrictInt]
    bbx: Annotated[list[FiniteFloat], Field(min_length=4, max_length=4)] | None = None


class _File(Settings):
    imlist: Annotated[list[StrictStr], Field(min_length=1)]
    qimlist: Annotated[list[StrictStr], Field(min_length=1)]
    gnd: list[_Query]


def read_revisited(path: Path) -> RevisitedTruth:
    """Read the pickle at ``path`` without executing it, or the JSON of the same content (``.json``).

    Raises:
        SourceError: the file cannot be read, is truncated or of another form, or a pickle asks for classes or
            functions; an image or query is listed twice; or a query names an index outside the database, or
            one twice. All faults are listed.
    """
    content = _checked_form(path)
    faults = FaultList()
    note_repeats(content.imlist, faults)
    note_repeats(content.qimlist, faults)
    if len(content.gnd) != len(content.qimlist):
        faults.add("lengths that differ", f"{len(content.qimlist)} queries, {len(content.gnd)} in gnd")
    for number, query in enumerate(content.gnd):
        named = [*query.easy, *query.hard, *query.junk]
        if named and not 0 <= min(named) <= max(named) < len(content.imlist):
            faults.add("queries that name unknown images", str(number))
        if len(set(named)) < len(named):
            faults.add("queries that name an image twice", str(number))
    faults.raise_if_any(
        str(path),
        expected="names once each, and for each query indices into imlist, each of one kind",
        remedy="take the ground truth from its publisher again",
    )
    easy, hard, junk = (
        tuple(np.array(getattr(query, kind), dtype=np.intp) for query in content.gnd)
        for kind in ("easy", "hard", "junk")
    )
    boxes = np.array([query.bbx or [np.nan] * 4 for query in content.gnd])
    return RevisitedTruth(tuple(content.imlist), tuple(content.qimlist), boxes, easy, hard, junk)


def _checked_form(path: Path) -> _File:
    try:
        content = json.loads(read_text(path)) if path.suffix == ".json" else read_plain_pickle(path)
        return _File.model_validate(content)
    except json.JSONDecodeError as error:
        reason = f"no JSON: {error}"
    except RecursionError:
        reason = "nested without end"
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        told = [f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}" for fault in faults]
        reason = "; ".join(told[:_SHOWN]) + (f"; and {len(told) - _SHOWN} more" if told[_SHOWN:] else "")
    raise SourceError(
        f"{path} is not the ground truth of ROxford or RParis: {reason}",
        expected=_FORM,
        remedy="take gnd_roxford5k.pkl or gnd_rparis6k.pkl from the publisher, or write the same as .json",
    )
