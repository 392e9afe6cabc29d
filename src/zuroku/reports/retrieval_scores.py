"""Scores of image retrieval by published protocols: files of ranks or embeddings, and of ground truth.

This joins readers and metrics; what a protocol counts lives in ``zuroku.evaluation``, what its files look
like in ``zuroku.datasets.ground_truth``.
"""

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zuroku.datasets.ground_truth.google_landmarks import read_google_landmarks
from zuroku.datasets.ground_truth.holidays import read_holidays
from zuroku.datasets.ground_truth.oxford import read_oxford
from zuroku.datasets.ground_truth.protocol import Protocol
from zuroku.datasets.ground_truth.revisited import read_revisited
from zuroku.datasets.ground_truth.ukbench import read_ukbench, ukbench_truth
from zuroku.errors import ConfigError, EvaluationError, SourceError
from zuroku.evaluation.checks import Array
from zuroku.evaluation.landmarks import GLD_DEPTH, gld_average_precision
from zuroku.evaluation.ranking import Ranks, rank_gallery
from zuroku.evaluation.retrieval import RankingScores, holidays, oxford5k, revisited, ukbench

Scores = dict[str, "float | dict[str, float]"]
"""Metric names to values; or a part of the queries to its own metrics."""


@dataclass(frozen=True)
class RetrievalScores:
    """The scores of a ranking, as the command prints them, and what a reader must know of them."""

    protocol: Protocol
    n_images: int
    n_queries: int
    scores: Scores
    note: str = ""


@dataclass(frozen=True)
class RankingFiles:
    """Where a ranking lies: ``.npy`` of ranks, or of the embeddings of queries and gallery."""

    ranks: Path | None = None
    queries: Path | None = None
    gallery: Path | None = None


@dataclass(frozen=True)
class _Task:
    """A protocol with its ground truth; ``depth`` is how far it looks into ranks, ``None`` to their end.

    Where it ``takes_distractors``, the gallery may go on after the images of the ground truth. What is
    scored are ranks of a gallery of so many images.
    """

    n_images: int
    n_queries: int
    depth: int | None
    score: Callable[[Ranks, int], Scores]
    takes_distractors: bool = False

    def gallery_of(self, ranks: Ranks) -> int:
        """Return how many images ``ranks`` are of."""
        if not self.takes_distractors or ranks.size == 0 or not np.issubdtype(ranks.dtype, np.integer):
            return self.n_images
        return max(self.n_images, int(ranks.max()) + 1)


def score_retrieval(protocol: Protocol, ground_truth: Path, files: RankingFiles) -> RetrievalScores:
    """Score a ranking of the gallery by ``protocol``.

    ``ground_truth`` is the file or folder that the protocol's reader takes; for UKBench also the number of
    images. Embeddings are compared by cosine. For ROxford and RParis the gallery may go on after the images
    of the ground truth, as with the million distractors (R1M): these are wrong answers to every query.

    Raises:
        ConfigError: neither ranks nor both embeddings are given, or all of them.
        SourceError: a file cannot be read or is of another form.
        EvaluationError: ranks or embeddings do not fit the ground truth or each other.
    """
    embedded = files.queries is not None and files.gallery is not None
    if (files.ranks is None) != embedded or (files.queries is None) != (files.gallery is None):
        raise ConfigError(
            "both ranks and embeddings, or neither of them whole",
            expected="a file of ranks, or a file of the queries' and one of the gallery's embeddings",
            remedy="give --ranks, or --queries with --gallery",
        )
    task = _TASKS[protocol](ground_truth)
    if files.queries is not None and files.gallery is not None:
        ranks = _ranked(_array(files.queries), _array(files.gallery), task)
    elif files.ranks is not None:
        ranks = _array(files.ranks)
    n_images = task.gallery_of(ranks)
    scores = task.score(ranks, n_images)
    return RetrievalScores(protocol, n_images, task.n_queries, scores, _note(ranks, task, n_images))


def score_table(result: RetrievalScores) -> str:
    """Return the scores as a small table of plain text; all but NS (0 to 4) lie in [0, 1]."""
    single = {name: value for name, value in result.scores.items() if not isinstance(value, dict)}
    parts: dict[str, Mapping[str, float]] = {"all": single} if single else {}
    parts |= {name: value for name, value in result.scores.items() if isinstance(value, dict)}
    columns = list(next(iter(parts.values())))
    lines = [f"{result.protocol}: {result.n_queries:,} queries, {result.n_images:,} images"]
    lines.append("".join([" " * 8, *(f"{column:>9}" for column in columns)]))
    for name, values in parts.items():
        lines.append("".join([f"{name:8}", *(f"{values[column]:9.4f}" for column in columns)]))
    return "\n".join(lines)


def _ukbench(ground_truth: Path) -> _Task:
    count = str(ground_truth)
    is_count = count.isascii() and count.isdigit() and not ground_truth.exists()
    groups = (ukbench_truth(int(count)) if is_count else read_ukbench(ground_truth)).groups
    return _Task(len(groups), len(groups), 4, lambda ranks, _: {"NS": float(ukbench(ranks, groups).mean())})


def _holidays(ground_truth: Path) -> _Task:
    truth = read_holidays(ground_truth)
    return _Task(
        len(truth.groups),
        len(truth.queries),
        None,
        lambda ranks, _: {"mAP": holidays(ranks, truth.groups, truth.queries).mean_average_precision},
    )


def _oxford5k(ground_truth: Path) -> _Task:
    truth = read_oxford(ground_truth)

    def score(ranks: Ranks, n_images: int) -> Scores:
        scores = oxford5k(ranks, truth.good, truth.ok, truth.junk, n_images)
        return {"mAP": scores.mean_average_precision}

    return _Task(len(truth.images), len(truth.queries), None, score)


def _revisited(ground_truth: Path) -> _Task:
    truth = read_revisited(ground_truth)

    def score(ranks: Ranks, n_images: int) -> Scores:
        parts = revisited(ranks, truth.easy, truth.hard, truth.junk, n_images)
        return {name: _means(scores) for name, scores in parts.items()}

    return _Task(len(truth.images), len(truth.queries), None, score, takes_distractors=True)


def _gld(ground_truth: Path) -> _Task:
    truth = read_google_landmarks(ground_truth)
    usages, name = np.array(truth.usages), f"mAP@{GLD_DEPTH}"

    def score(ranks: Ranks, n_images: int) -> Scores:
        values = gld_average_precision(ranks, truth.relevant, n_images)
        parts = {usage: {name: float(values[usages == usage].mean())} for usage in sorted(set(truth.usages))}
        return {name: float(values.mean()), **parts}

    return _Task(len(truth.images), len(truth.queries), GLD_DEPTH, score)


_TASKS: Mapping[Protocol, Callable[[Path], _Task]] = {
    Protocol.UKBENCH: _ukbench,
    Protocol.HOLIDAYS: _holidays,
    Protocol.OXFORD5K: _oxford5k,
    Protocol.ROXFORD: _revisited,
    Protocol.RPARIS: _revisited,
    Protocol.GLD: _gld,
}


def _means(scores: RankingScores) -> dict[str, float]:
    precisions = {f"mP@{k}": scores.mean_precision_at(k) for k in scores.precision_at}
    return {"mAP": scores.mean_average_precision, **precisions}


def _ranked(queries: Array, gallery: Array, task: _Task) -> Ranks:
    few, many = len(gallery) < task.n_images, len(gallery) > task.n_images
    if len(queries) != task.n_queries or few or (many and not task.takes_distractors):
        raise EvaluationError(
            f"embeddings of shape {queries.shape} for the queries and {gallery.shape} for the gallery",
            expected=f"{task.n_queries} rows of queries and {task.n_images} of the gallery"
            + (", or more with distractors at the end" if task.takes_distractors else ""),
            remedy="embed the images of the ground truth in its order, one row per image",
        )
    return rank_gallery(queries, gallery, None if task.depth is None else min(task.depth, task.n_images))


def _note(ranks: Ranks, task: _Task, n_images: int) -> str:
    """Say what of the gallery a reader must know: that it has distractors, or is ranked in part only."""
    notes = []
    if n_images > task.n_images:
        notes.append(
            f"{n_images - task.n_images} images after the {task.n_images} of the ground truth are taken for "
            "distractors; if there are none, the indices do not count from 0"
        )
    if len(ranks) < min(task.depth or n_images, n_images):
        notes.append(
            f"only {len(ranks)} of {n_images} images are ranked: positives beyond count as never found, and "
            "the scores are lower bounds"
        )
    return "; ".join(notes)


def _array(path: Path) -> Array:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise _unreadable(path, "an archive of arrays")
    if array.ndim == 0:
        raise _unreadable(path, "a single number")
    return array


def _unreadable(path: Path, reason: str) -> SourceError:
    return SourceError(
        f"{path} cannot be used: {reason}",
        expected="one whole array as numpy.save writes it, without Python objects",
        remedy="save the array again with numpy.save",
    )
