"""Judging the release of a layout detector: challenger against champion on the same frozen test pages."""

from functools import partial
from pathlib import Path

import pandas as pd

from zuroku.artifacts import Artifact, build
from zuroku.datasets.manifest import Dataset
from zuroku.evaluation.gate import Evaluated, GateSettings
from zuroku.models.layout.page_detector import PageDetector
from zuroku.reports.layout import score_pages, zones_of
from zuroku.reports.release import judge_release
from zuroku.training.pages import annotated_pages


def judge_layout_detector(
    dataset: Dataset,
    splits: Artifact,
    challenger: Artifact,
    champion: Artifact | None,
    settings: GateSettings,
    target: Path,
) -> Artifact:
    """Write the verdict on ``challenger`` to ``target``, by the average precision of figures.

    Raises:
        IntegrityError: one of the two has trained on a book of the test set, so no comparison is fair.
    """
    return build(target, partial(_judge, dataset, splits, challenger, champion, settings))


def _judge(
    dataset: Dataset,
    splits: Artifact,
    challenger: Artifact,
    champion: Artifact | None,
    settings: GateSettings,
    out: Path,
) -> None:
    table = pd.read_parquet(splits.path / "splits.parquet")
    # On the challenger's classes: a champion that lacks one does not find it.
    zones = zones_of(PageDetector(challenger.path))
    pages = annotated_pages(dataset, table, "test", zones.classes)

    def evaluate(bundle: Artifact) -> Evaluated:
        return score_pages(dataset, pages, PageDetector(bundle.path), zones).evaluated()

    judge_release("layout_detector", splits, challenger, champion, settings, evaluate, out)
