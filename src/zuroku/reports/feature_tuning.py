"""Feature Tuning side by side: every variant and every tap alone, on the sets that the paper searches.

Tani and Wada trained on all the images that they tested. Here the groups of UKBench that are searched were
never trained on; their way is repeated beside it, labelled as such.
"""

import io
import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from pydantic import Field

from zuroku.artifacts import Artifact, build
from zuroku.config import Settings
from zuroku.datasets.images import square_pixels
from zuroku.datasets.manifest import Dataset
from zuroku.models.embedding.create import load_network
from zuroku.models.embedding.findings import spread_of
from zuroku.models.embedding.grad_cam import grad_cam
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.reports.contact_sheet import contact_sheet
from zuroku.reports.embeddings import embed_items
from zuroku.reports.retrieval_sets import IntervalSettings, RetrievalProtocol, retrieval_score
from zuroku.training.feature_tuning import FeatureTuningSettings, tap_bundles, tune_features

RESULTS = "results.json"

_CAM_PICTURES = 4


class RetrievalSet(Settings):
    """A dataset to search, and how its answers are scored. Without a ``split`` all of it is searched."""

    dataset: str
    protocol: RetrievalProtocol
    split: str | None = None


class FeatureTuningStudySettings(Settings):
    """What is trained on the first of ``sets``, and what is searched with every variant."""

    training: FeatureTuningSettings
    sets: list[RetrievalSet] = Field(min_length=1)
    shown_taps: list[str] = Field(min_length=1, description="taps on the sheet of Grad-CAM")
    intervals: IntervalSettings = IntervalSettings()


def run_feature_tuning(
    datasets: Mapping[str, Dataset],
    splits: Artifact,
    settings: FeatureTuningStudySettings,
    target: Path,
    code_version: str,
) -> Artifact:
    """Train all variants beside ``target`` and write scores, a page and a sheet of Grad-CAM to ``target``.

    ``splits`` are those of the first set, on whose train groups the variants are trained. Killed and called
    again, it goes on with the variant that was not finished.
    """
    bundles = target.with_name(f"{target.name}.variants")
    trained_on = datasets[settings.sets[0].dataset]
    variants = tune_features(trained_on, splits, settings.training, bundles, code_version)
    variants |= tap_bundles(settings.training, variants, bundles, code_version)
    seen = build(bundles / "splits_with_test", partial(_train_on_test, splits))
    cheating = tune_features(trained_on, seen, settings.training, bundles / "trained_on_test", code_version)
    return build(target, partial(_judge, datasets, splits, variants, cheating, settings))


def read_results(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a finished judgement, one per variant; ``trained_on_test`` marks the paper's way."""
    rows: list[dict[str, Any]] = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    return rows


def flat_results(rows: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the scores by flat names, ``set.variant``, for a tracker."""
    return {
        f"{name}.{row['variant']}{'.trained_on_test' if row['trained_on_test'] else ''}": found["value"]
        for row in rows
        for name, found in row["scores"].items()
    }


def _train_on_test(splits: Artifact, out: Path) -> None:
    """Write the splits with the groups of test among those of train."""
    table = pd.read_parquet(splits.path / "splits.parquet")
    table["split"] = table["split"].replace("test", "train")
    table.to_parquet(out / "splits.parquet", index=False)


def _judge(
    datasets: Mapping[str, Dataset],
    splits: Artifact,
    variants: Mapping[str, Artifact],
    cheating: Mapping[str, Artifact],
    settings: FeatureTuningStudySettings,
    out: Path,
) -> None:
    sets, taps = settings.sets, settings.shown_taps
    table = pd.read_parquet(splits.path / "splits.parquet")
    split_of = dict(zip(table["group"], table["split"], strict=True))
    searched = {
        one.dataset: [
            row
            for row in datasets[one.dataset].rows()
            if one.split is None or split_of.get(row.group) == one.split
        ]
        for one in sets
    }
    rows = [_row(name, bundle, datasets, searched, sets, settings) for name, bundle in variants.items()]
    # Only the first set's images were trained on: on the others both ways are strangers.
    seen = [_row(name, bundle, datasets, searched, sets[:1], settings) for name, bundle in cheating.items()]
    results = [row | {"trained_on_test": False} for row in rows]
    results += [row | {"trained_on_test": True} for row in seen]
    (out / RESULTS).write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    (out / "report.md").write_text(_page(rows, seen, sets, searched), encoding="utf-8")
    (out / "pictures").mkdir(exist_ok=True)
    plain = next(iter(variants.values()))
    data, shown = datasets[sets[0].dataset], searched[sets[0].dataset][::4][:_CAM_PICTURES]
    sheet = _cam_sheet(plain.path, [data.read(row) for row in shown], taps)
    (out / "pictures" / "grad_cam.jpg").write_bytes(sheet)


def _row(
    name: str,
    bundle: Artifact,
    datasets: Mapping[str, Dataset],
    searched: Mapping[str, Sequence[Any]],
    sets: Sequence[RetrievalSet],
    settings: FeatureTuningStudySettings,
) -> dict[str, Any]:
    """Return what one embedder scores on ``sets``, and how its vectors lie on the first."""
    embedder = EmbedderPredictor(bundle.path)
    scores = {}
    for one in sets:
        rows = searched[one.dataset]
        found = retrieval_score(datasets[one.dataset], rows, embedder, one.protocol, settings.intervals)
        scores[one.dataset] = {"value": found.estimate, "low": found.lower, "high": found.upper}
    first = sets[0].dataset
    spread = spread_of(embed_items(embedder, datasets[first], searched[first]))
    return {
        "variant": name,
        "dimension": embedder.dimension,
        "scores": scores,
        "tap_norms": embedder.card.tap_norms,
        "mean_cosine": spread.mean_cosine,
        "effective_rank": spread.effective_rank,
        "collapsed": spread.collapsed,
    }


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


def _page(
    rows: Sequence[Mapping[str, Any]],
    seen: Sequence[Mapping[str, Any]],
    sets: Sequence[RetrievalSet],
    searched: Mapping[str, Sequence[Any]],
) -> str:
    buffer = io.StringIO()
    write = partial(print, file=buffer)
    write("# Feature Tuning\n")
    for one in sets:
        part = f"the {one.split} groups" if one.split else "all groups"
        write(f"- {one.dataset}: {len(searched[one.dataset])} images, {part}, protocol {one.protocol}")
    write("\n## Groups that are searched were not trained on\n")
    write(_table(rows, sets))
    normed = next((row for row in rows if len(row["tap_norms"]) > 1), None)
    if normed is not None:
        norms = ", ".join(f"{tap} {norm:.2f}" for tap, norm in normed["tap_norms"].items())
        write(f"\nMean norms of taps: {norms}")
    write("\n## The paper's way: the same images, after they were trained on as well\n")
    write(_table(seen, sets[:1]))
    return buffer.getvalue()


def _table(rows: Sequence[Mapping[str, Any]], sets: Sequence[RetrievalSet]) -> str:
    titles = [f"{one.dataset} {'NS' if one.protocol == 'ukbench' else 'mAP'}" for one in sets]
    lines = [
        f"| variant | d | {' | '.join(titles)} | mean cosine | effective rank |",
        "|" + "---|" * (4 + len(sets)),
    ]
    for row in rows:
        cells = [
            f"{found['value']:.3f} [{found['low']:.3f}, {found['high']:.3f}]"
            for found in (row["scores"][one.dataset] for one in sets)
        ]
        collapsed = " (collapsed)" if row["collapsed"] else ""
        lines.append(
            f"| {row['variant']} | {row['dimension']} | {' | '.join(cells)} | {row['mean_cosine']:.3f}"
            f"{collapsed} | {row['effective_rank']:.1f} |"
        )
    return "\n".join(lines)
