"""Judging the release of an embedder: challenger against champion on the figures of the same test books."""

from functools import partial
from pathlib import Path

import pandas as pd

from zuroku.artifacts import Artifact, build
from zuroku.datasets.manifest import Dataset
from zuroku.evaluation.gate import Evaluated, GateSettings
from zuroku.models.bundle import open_card
from zuroku.models.embedding.card import EmbedderCard
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.reports.embeddings import embedded_figures
from zuroku.reports.release import judge_release


def judge_embedder(
    dataset: Dataset,
    splits: Artifact,
    challenger: Artifact,
    champion: Artifact | None,
    settings: GateSettings,
    target: Path,
) -> Artifact:
    """Write the verdict on ``challenger`` to ``target``, by how well a figure finds its tag in other books.

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

    def evaluate(bundle: Artifact) -> Evaluated:
        return embedded_figures(dataset, table, "test", EmbedderPredictor(bundle.path)).evaluated()

    name = open_card(challenger.path, EmbedderCard).name
    judge_release(name, splits, challenger, champion, settings, evaluate, out)
