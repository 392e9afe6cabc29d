"""Google Landmarks v2: which index images answer a query, and which landmarks it shows.

Weyand et al. 2020, https://github.com/cvdfoundation/google-landmark. The solutions are CSVs with a column
``id``, a column of answers separated by spaces (``images`` or ``landmarks``) and ``Usage``: Public, Private
or Ignored. ``index.csv`` lists the gallery in its column ``id``.
"""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zuroku.datasets.faults import FaultList
from zuroku.datasets.ground_truth.names import note_repeats, read_text
from zuroku.errors import SourceError

INDEX = "index.csv"
SOLUTIONS = "retrieval_solution*.csv"

_SCORED = ("Public", "Private")
_USAGES = (*_SCORED, "Ignored")


@dataclass(frozen=True)
class Solution:
    """The scored queries of a solution in its order: ids, answers as written, Public or Private."""

    queries: tuple[str, ...]
    answers: tuple[tuple[str, ...], ...]
    usages: tuple[str, ...]


@dataclass(frozen=True)
class LandmarkTruth:
    """Gallery and scored queries by id, and for each query its relevant gallery indices and its usage."""

    images: tuple[str, ...]
    queries: tuple[str, ...]
    relevant: tuple[NDArray[np.intp], ...]
    usages: tuple[str, ...]


def read_google_landmarks(folder: Path) -> LandmarkTruth:
    """Read ``index.csv`` and the one ``retrieval_solution*.csv`` in ``folder``.

    Raises:
        SourceError: a file is missing, cannot be read or has other columns; an id comes twice; or a query has
            no answer, or one that is not in the index.
    """
    solutions = sorted(folder.glob(SOLUTIONS))
    listed = (folder / INDEX).is_file()
    if len(solutions) != 1 or not listed:
        raise SourceError(
            f"{folder} holds {len(solutions)} files {SOLUTIONS} and {'an' if listed else 'no'} {INDEX}",
            expected=f"a folder with {INDEX} and one retrieval solution, as published",
            remedy="put the two files into one folder and name it",
        )
    images = tuple(row["id"] for row in _rows(folder / INDEX, ("id",)))
    place = {image: index for index, image in enumerate(images)}
    solution = read_solution(solutions[0], "images")
    faults = FaultList()
    note_repeats(images, faults)
    if not images:
        faults.add("galleries without an image", INDEX)
    for query, answers in zip(solution.queries, solution.answers, strict=True):
        if not answers:
            faults.add("scored queries without an answer", query)
        if len(set(answers)) < len(answers):
            faults.add("queries that name an image twice", query)
        for unknown in sorted(set(answers) - place.keys()):
            faults.add("unknown images", f"{unknown} for {query}")
    faults.raise_if_any(
        str(folder),
        expected=f"ids once each in {INDEX}, and for each scored query some of them",
        remedy="take both files from the same release of the dataset",
    )
    relevant = tuple(np.array([place[name] for name in names], dtype=np.intp) for names in solution.answers)
    return LandmarkTruth(images, solution.queries, relevant, solution.usages)


def read_solution(path: Path, column: Literal["images", "landmarks"]) -> Solution:
    """Read the solution at ``path``; queries whose usage is Ignored are left out.

    In the recognition solution a query without landmarks has none in it.

    Raises:
        SourceError: the file cannot be read or has other columns, an id comes twice, a usage is unknown, or
            no query is scored.
    """
    rows = _rows(path, ("id", column, "Usage"))
    faults = FaultList()
    note_repeats([row["id"] for row in rows], faults)
    for row in rows:
        if row["Usage"] not in _USAGES:
            faults.add("unknown usages", f"{row['Usage']!r} of {row['id']}")
    scored = [row for row in rows if row["Usage"] in _SCORED]
    if not scored:
        faults.add("solutions without a scored query", path.name)
    faults.raise_if_any(
        str(path),
        expected=f"ids once each, and a usage of {', '.join(_USAGES)}",
        remedy="take the solution from its publisher again",
    )
    return Solution(
        tuple(row["id"] for row in scored),
        tuple(tuple(row[column].split()) for row in scored),
        tuple(row["Usage"] for row in scored),
    )


def _rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    reader = csv.DictReader(read_text(path).splitlines())
    missing = [column for column in columns if column not in (reader.fieldnames or ())]
    rows = [] if missing else list(reader)
    cut = [reader.line_num for row in rows if any(row[column] is None for column in columns)]
    if missing or cut:
        raise SourceError(
            f"{path} has no column {', '.join(missing)}" if missing else f"{path} has {len(cut)} short lines",
            expected=f"a CSV with the columns {', '.join(columns)} in every line",
            remedy="take the file from its publisher again",
        )
    return rows
