"""Feature Tuning side by side: every variant and every tap alone, on the sets that the paper searches.

Tani and Wada trained on all the images that they tested, on each set anew. Here nothing that is searched was
trained on; their way is repeated beside it for every set, labelled as such. They saw it work best on detected
objects, so a set may be searched twice: by whole images, and by what boxes cut out of them.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field, field_validator

from zuroku.artifacts import Artifact, build
from zuroku.config import Settings
from zuroku.datasets.images import square_pixels
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.splits import SplitSettings, extend_splits
from zuroku.errors import ConfigError
from zuroku.models.embedding.create import load_network
from zuroku.models.embedding.grad_cam import grad_cam
from zuroku.reports.contact_sheet import contact_sheet
from zuroku.reports.feature_tuning_page import SetOnPage, feature_tuning_page
from zuroku.reports.feature_tuning_search import RetrievalSet, SearchedSet, open_set, search_sets
from zuroku.reports.retrieval_sets import IntervalSettings
from zuroku.tracking import NullTracker
from zuroku.training.feature_tuning import FeatureTuningSettings, tap_bundles, tune_features
from zuroku.training.object_detector import ObjectDetectorSettings, train_object_detector

RESULTS = "results.json"

_CAM_PICTURES = 4
_MOSTLY_TRAINED = SplitSettings(train=0.98, val=0.02, test=0)


class FeatureTuningStudySettings(Settings):
    """What is trained on the first of ``sets``, and on each for itself, and what is searched."""

    training: FeatureTuningSettings
    sets: list[RetrievalSet] = Field(min_length=1)
    shown_taps: list[str] = Field(min_length=1, description="taps on the sheet of Grad-CAM")
    intervals: IntervalSettings = IntervalSettings()
    detector: ObjectDetectorSettings = Field(
        default=ObjectDetectorSettings(), description="trained where a set asks for detected crops"
    )

    @field_validator("sets")
    @classmethod
    def _every_dataset_once(cls, sets: list[RetrievalSet]) -> list[RetrievalSet]:
        names = [one.dataset for one in sets]
        if len(set(names)) < len(names):
            raise ValueError(f"a dataset comes twice among {', '.join(names)}: scores go by its name")
        return sets

    @property
    def detects(self) -> bool:
        """Whether any set is searched by crops of a detector."""
        return any(one.crops == "detected" for one in self.sets)


@dataclass(frozen=True)
class AnnotatedScenes:
    """Photographs with boxes, and their splits: what the detector of objects is trained on."""

    dataset: Dataset
    splits: Artifact


@dataclass(frozen=True)
class _TrainedOnTest:
    """The variants that were trained on what one set searches, and the splits that told them to."""

    splits: Artifact
    bundles: Mapping[str, Artifact]


def run_feature_tuning(
    datasets: Mapping[str, Dataset],
    splits: Artifact,
    settings: FeatureTuningStudySettings,
    target: Path,
    code_version: str,
    scenes: AnnotatedScenes | None = None,
) -> Artifact:
    """Train all variants beside ``target`` and write scores, a page and a sheet of Grad-CAM to ``target``.

    ``splits`` are those of the first set, on whose train groups the variants are trained; ``scenes`` teach
    the detector, where a set asks for its crops. Killed and called again, it goes on with what was not
    finished.

    Raises:
        ConfigError: a set asks for detected crops, and there are no scenes.
        SplitError, EvaluationError, SourceError: a set is not what its protocol asks for; said before
            anything is trained.
    """
    if settings.detects and scenes is None:
        raise ConfigError(
            "detected crops are asked for, but no photographs with boxes are there to teach a detector",
            expected="scenes with boxes and their splits",
            remedy="give the scenes, or leave out crops: detected",
        )
    table = pd.read_parquet(splits.path / "splits.parquet")
    split_of = dict(zip(table["group"], table["split"], strict=True))
    sets = [open_set(one, datasets[one.dataset], split_of) for one in settings.sets]
    bundles = target.with_name(f"{target.name}.variants")
    detector = None
    if settings.detects and scenes is not None:
        kept = bundles / "object_detector"
        found_in = (scenes.dataset, scenes.splits, settings.detector)
        detector = train_object_detector(*found_in, kept, code_version, NullTracker())
    variants = tune_features(sets[0].task.dataset, splits, settings.training, bundles, code_version)
    variants |= tap_bundles(settings.training, variants, bundles, code_version)
    cheating = {}
    for one in sets:
        folder = bundles / "trained_on_test" / one.title
        seen = build(folder / "splits", partial(_train_on_test, one, splits))
        tuned = tune_features(one.task.dataset, seen, settings.training, folder, code_version)
        cheating[one.title] = _TrainedOnTest(seen, tuned)
    return build(target, partial(_judge, sets, variants, cheating, detector, settings))


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a finished judgement, one per variant and set that it was ``trained_on``.

    ``trained_on_test`` marks the paper's way: those that were trained on what they search.
    """
    rows: list[dict[str, Any]] = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    return rows


def flat_results(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the scores by flat names for a tracker: ``set.variant``, and ``.crops`` where searched by them.

    ``.trained_on_test`` marks the paper's way, trained on the images of that very set; intervals follow as
    ``_low`` and ``_high``.
    """
    return {
        f"{name}.{row['variant']}{by}{'.trained_on_test' if row['trained_on_test'] else ''}{end}": found[key]
        for row in rows
        for by, kind in (("", "scores"), (".crops", "crops"))
        for name, found in row[kind].items()
        for end, key in (("", "value"), ("_low", "low"), ("_high", "high"))
    }


def _train_on_test(one: SearchedSet, splits: Artifact, out: Path) -> None:
    """Write splits of the data of ``one`` where what is searched is among what is trained on.

    Training needs some val groups: of a set that is searched in whole, a few are kept from it.
    """
    if one.settings.split is None:
        rows = one.task.rows
        groups, labels = [str(row.group) for row in rows], [str(row.label) for row in rows]
        table = extend_splits(groups, labels, _MOSTLY_TRAINED)
    else:
        table = pd.read_parquet(splits.path / "splits.parquet")
        table["split"] = table["split"].replace(one.settings.split, "train")
    table.to_parquet(out / "splits.parquet", index=False)


def _judge(
    sets: Sequence[SearchedSet],
    variants: Mapping[str, Artifact],
    cheating: Mapping[str, _TrainedOnTest],
    detector: Artifact | None,
    settings: FeatureTuningStudySettings,
    out: Path,
) -> None:
    # Beside the folder, not in it: what was searched is no part of the report.
    kept = out.with_name(f"{out.name}.scratch")
    kept.mkdir(exist_ok=True)
    sets = [one.with_boxes(detector) for one in sets]
    results = []
    for name, bundle in variants.items():
        way = {"trained_on": sets[0].title, "trained_on_test": False}
        results.append(way | search_sets(name, bundle, sets, settings.intervals, kept))
    for one in sets:
        way = {"trained_on": one.title, "trained_on_test": True}
        for name, bundle in cheating[one.title].bundles.items():
            # On other sets than their own they are strangers, as the others are.
            results.append(way | search_sets(name, bundle, [one], settings.intervals, kept))
    (out / RESULTS).write_text(json.dumps(results, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    listed = [_on_page(one, cheating[one.title]) for one in sets]
    (out / "report.md").write_text(feature_tuning_page(results, listed), encoding="utf-8")
    (out / "pictures").mkdir(exist_ok=True)
    first = sets[0].task
    shown = [first.dataset.read(row) for row in first.rows[::4][:_CAM_PICTURES]]
    sheet = _cam_sheet(next(iter(variants.values())).path, shown, settings.shown_taps)
    (out / "pictures" / "grad_cam.jpg").write_bytes(sheet)
    shutil.rmtree(kept)


def _on_page(one: SearchedSet, cheating: _TrainedOnTest) -> SetOnPage:
    table = pd.read_parquet(cheating.splits.path / "splits.parquet")
    trained = set(table.loc[table["split"] == "train", "group"])
    searched = {str(row.group) for row in one.task.rows}
    return SetOnPage(one.title, one.settings.protocol, one.says, len(searched), len(searched & trained))


def _cam_sheet(bundle: Path, images: Sequence[bytes], taps: Sequence[str]) -> bytes:
    network = load_network(bundle)
    pictures: list[tuple[Image.Image, list[str]]] = []
    for data in images:
        pixels = square_pixels(data, network.settings.size_px)
        pictures.append((Image.fromarray(pixels), ["picture"]))
        for tap in taps:
            heat = grad_cam(network, pixels, tap)[..., None]
            glow = np.array([255, 60, 0], dtype=np.float32)
            shown = (1 - 0.6 * heat) * pixels + 0.6 * heat * glow
            pictures.append((Image.fromarray(shown.astype(np.uint8)), [tap]))
    return contact_sheet(pictures, columns=len(taps) + 1, title="Where vectors come from (Grad-CAM)")
