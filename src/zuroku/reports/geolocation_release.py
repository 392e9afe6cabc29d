"""Judging the release of a geolocator: challenger against champion on photographs of the same test places."""

from functools import partial
from pathlib import Path

import pandas as pd

from zuroku.artifacts import Artifact, build
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.place_clusters import CLUSTER, cluster_noun
from zuroku.datasets.places.table import read_places
from zuroku.evaluation.gate import Evaluated
from zuroku.evaluation.geolocation import error_km
from zuroku.evaluation.geolocation_gate import GeolocatorGateSettings
from zuroku.geo.answers import AnswerSettings
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.reports.place_answers import Way, answers_by_way
from zuroku.reports.place_vectors import locate_photographs
from zuroku.reports.release import ReleaseSettings, judge_release

# One way for both, whatever either would serve.
_WAY: Way = ("cluster_medoid", "everywhere")
_NEIGHBOURS = 100
_CLUSTER_RADII = 5
"""Radii of a cluster in the distance that counts as near: 5 km in 25."""


class GeolocatorReleaseSettings(ReleaseSettings):
    """Those of every release, and what counts as near."""

    gate: GeolocatorGateSettings


def judge_geolocator(
    kept: Path,
    dataset: Dataset,
    splits: Artifact,
    challenger: Artifact,
    champion: Artifact | None,
    settings: GeolocatorGateSettings,
    target: Path,
) -> Artifact:
    """Write the verdict on ``challenger`` to ``target``, by the share of its answers that are near.

    Near is what ``settings.within_km`` says. Both answer with the medoid of the best cluster of 100
    neighbours in the same gallery, train and val. Vectors that are in ``kept`` are not computed again.

    Raises:
        IntegrityError: one of the two has trained on a test place, so no comparison is fair.
    """
    return build(target, partial(_judge, kept, dataset, splits, challenger, champion, settings))


def _judge(
    kept: Path,
    dataset: Dataset,
    splits: Artifact,
    challenger: Artifact,
    champion: Artifact | None,
    settings: GeolocatorGateSettings,
    out: Path,
) -> None:
    table = pd.read_parquet(splits.path / "splits.parquet")

    def evaluate(bundle: Artifact) -> Evaluated:
        return _evaluated(dataset, table, GeolocatorPredictor(bundle.path), settings.within_km, kept)

    judge_release("geolocator", splits, challenger, champion, settings, evaluate, out)


def _evaluated(
    dataset: Dataset, splits: pd.DataFrame, predictor: GeolocatorPredictor, within_km: float, kept: Path
) -> Evaluated:
    places = read_places(dataset.root)[["item_id", "latitude", "longitude"]]
    labels = dataset.manifest[["item_id", "group"]].merge(places, on="item_id", how="left")
    photographs = locate_photographs(dataset, labels, splits, predictor, kept)
    queries, gallery = photographs.part(["test"]), photographs.part(["train", "val"])
    rule, area = _WAY
    answer = AnswerSettings(cluster_radius_km=within_km / _CLUSTER_RADII)
    found = answers_by_way(queries, gallery, [rule], [area], _NEIGHBOURS, answer)
    near = error_km(queries.coordinates, found[rule, area].places) <= within_km
    return Evaluated(
        f"share of answers by cluster medoid within {within_km:g} km",
        queries.table["item_id"].tolist(),
        queries.table[CLUSTER].tolist(),
        [tuple(place) for place in queries.coordinates.tolist()],
        lambda indices: float(near[indices].mean()),
        group_noun=cluster_noun(splits),
    )
