"""The released sample model on real figures that it has never seen, beside floors and a few-shot variant.

Reads the 18 published example figures of NDL-ImageLabel (two per class) and 60 figures of one book
from a folder beside the repository; without them it says so and stops. Numbers are tracked as one
MLflow run, and written as JSON.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from mlflow import MlflowClient
from safetensors.torch import load_file, save_file
from sklearn.linear_model import LogisticRegression

from orchestration.environment import ROOT, environment, prepare_state
from zuroku.datasets.folder import FolderSettings, folder_items
from zuroku.datasets.ingest import Collection, IngestSettings, ingest
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.ndl_imagelabel import check_class_counts, read_metadata
from zuroku.datasets.splits import SplitSettings, extend_splits
from zuroku.evaluation.bootstrap import Interval, bootstrap_counts, bootstrap_items, group_sums
from zuroku.evaluation.confusion import predicted_classes
from zuroku.evaluation.multilabel import label_counts, macro_f1, micro_f1
from zuroku.evaluation.neighbours import majority_classes, nearest_classes
from zuroku.models.embedding.frozen import frozen_embeddings
from zuroku.models.tagger_predictor import TaggerPredictor
from zuroku.profile import champion_folder
from zuroku.tagging import TaggingReport, tag_images

SHARED = ROOT.parent / "shared" / "data" / "ndl"
RESAMPLES, SEED = 2000, 20211211


def main() -> None:
    """Measure, print, track and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("var/benchmarks/real_figures.json"))
    arguments = parser.parse_args()
    if not SHARED.is_dir():
        sys.exit(f"skipped: the real figures are not at {SHARED}")
    settings = environment()
    prepare_state(settings)
    predictor = TaggerPredictor(champion_folder(settings.profile.var, "figure_tagger"))
    classes = list(predictor.card.hierarchy)
    with tempfile.TemporaryDirectory() as folder:
        figures = _ingest(SHARED / "imagelabel" / "sampleimg", "class_folders", classes, Path(folder) / "a")
        book = _ingest(SHARED / "figures_unlabelled" / "input", "book_folders", classes, Path(folder) / "b")
        results = {
            "metadata": _metadata(),
            "labelled": _labelled(figures, predictor),
            "few_shot": _few_shot(figures, predictor, Path(folder)),
            "book_1054192": _book(book, predictor),
        }
    results["run_id"] = _track(settings.tracking_uri, results, predictor)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")
    print(json.dumps(results, indent=2, ensure_ascii=False))


def _ingest(root: Path, layout: Any, classes: Sequence[str], out: Path) -> Dataset:
    settings = FolderSettings(root=root, layout=layout, licence="see the source")
    collection = Collection(folder_items(settings, classes), "benchmark", "thread")
    card = {"name": root.name, "description": root.name, "licence": "see the source", "url": "none"}
    return ingest(collection, out, IngestSettings(), card)


def _metadata() -> dict[str, Any]:
    """Parse all rows of the published table and split them by book."""
    table = read_metadata(SHARED / "imagelabel" / "metadata.csv")
    check_class_counts(table["label"])
    splits = extend_splits(table["pid"].tolist(), table["label"].tolist(), SplitSettings())
    split_of = dict(zip(splits["group"], splits["split"], strict=True))
    spread = pd.crosstab(table["label"], table["pid"].map(split_of))
    # What a split by image would do: a random tenth validates, as in the original code.
    rng = np.random.default_rng(777)
    val = np.zeros(len(table), dtype=bool)
    val[rng.permutation(len(table))[: len(table) // 10]] = True
    shared = table.loc[val, "pid"].isin(set(table.loc[~val, "pid"])).mean()
    return {
        "rows": len(table),
        "books": int(table["pid"].nunique()),
        "class_counts": {str(name): int(n) for name, n in table["label"].value_counts().items()},
        "split": {str(name): {str(k): int(v) for k, v in row.items()} for name, row in spread.T.items()},
        "share_of_validation_images_whose_book_trains_in_a_random_split": float(shared),
    }


def _labelled(figures: Dataset, predictor: TaggerPredictor) -> dict[str, Any]:
    rows = figures.rows()
    truth = [row.label for row in rows]
    groups = [row.group for row in rows]
    probabilities = predictor.predict_all(partial(figures.read, row) for row in rows)
    decisions = predictor.decide(probabilities)
    targets = predictor.hierarchy.targets(truth)
    counts = group_sums(label_counts(targets, decisions), groups)
    predicted = predicted_classes(decisions, probabilities, predictor.hierarchy)
    forced = _forced_classes(probabilities, predictor)
    imagenet = _embeddings(figures, "packaged", predictor.card.size_px)
    return {
        "figures": len(rows),
        "books": len(set(groups)),
        "macro_f1": _spelled(bootstrap_counts(counts, macro_f1, resamples=RESAMPLES, seed=SEED)),
        "micro_f1": _spelled(bootstrap_counts(counts, micro_f1, resamples=RESAMPLES, seed=SEED)),
        "class_accuracy": _accuracy(predicted, truth, groups),
        "class_accuracy_without_abstaining": _accuracy(forced, truth, groups),
        "floor_constant_guess": _accuracy(majority_classes(truth, groups).tolist(), truth, groups),
        "floor_1nn_imagenet": _accuracy(nearest_classes(imagenet, truth, groups).tolist(), truth, groups),
        "each": [f"{row.item_id}: {row.label} → {p}" for row, p in zip(rows, predicted, strict=True)],
    }


def _few_shot(figures: Dataset, predictor: TaggerPredictor, folder: Path) -> dict[str, Any]:
    """Leave-one-book-out: a linear probe on the other books' figures, at most two per class."""
    truth = [row.label for row in figures.rows()]
    groups = [row.group for row in figures.rows()]
    tuned = folder / "backbone.safetensors"
    weights = load_file(predictor.folder / "model.safetensors")
    prefix = "tagger.backbone."
    save_file({k.removeprefix(prefix): v for k, v in weights.items() if k.startswith(prefix)}, tuned)
    found = {}
    for name, source in (("imagenet", "packaged"), ("sample_tuned", tuned)):
        embeddings = _embeddings(figures, source, predictor.card.size_px)
        told = []
        for index, group in enumerate(groups):
            others = np.array([other != group for other in groups])
            probe = LogisticRegression(C=10.0, max_iter=1000)
            probe.fit(embeddings[others], np.array(truth)[others])
            told.append(str(probe.predict(embeddings[[index]])[0]))
        found[f"probe_on_{name}"] = _accuracy(told, truth, groups)
        nearest = nearest_classes(embeddings, truth, groups).tolist()
        found[f"1nn_on_{name}"] = _accuracy(nearest, truth, groups)
    return found


def _book(book: Dataset, predictor: TaggerPredictor) -> dict[str, Any]:
    report = TaggingReport()
    reads = ((row.item_id, partial(book.read, row)) for row in book.rows())
    tags = tag_images(predictor, reads, report)
    counts = Counter(tag["tag"] for found in tags.values() for tag in found)
    none = sum(not found for found in tags.values())
    return {"figures": report.tagged, "without_tags": none, "tags": dict(counts.most_common())}


def _embeddings(figures: Dataset, weights: Any, size_px: int) -> npt.NDArray[np.float32]:
    reads = (partial(figures.read, row) for row in figures.rows())
    return frozen_embeddings(reads, "tf_efficientnet_lite0", weights, size_px)


def _forced_classes(probabilities: npt.NDArray[np.float32], predictor: TaggerPredictor) -> list[str]:
    """The class with the highest odds against its threshold, also where none reaches it."""
    columns = [
        (i, label)
        for i, label in enumerate(predictor.card.labels)
        if label in predictor.card.hierarchy and predictor.active[i]
    ]
    p = np.clip(probabilities.astype(float), 1e-9, 1 - 1e-9)
    scores = np.log(p / (1 - p)) - np.log(predictor.thresholds / (1 - predictor.thresholds))
    return [max(columns, key=lambda column: row[column[0]])[1] for row in scores]


def _accuracy(told: Sequence[str], truth: Sequence[str], groups: Sequence[str]) -> dict[str, float]:
    hits = np.array([a == b for a, b in zip(told, truth, strict=True)], dtype=float)
    found = bootstrap_items(groups, lambda i: float(hits[i].mean()), resamples=RESAMPLES, seed=SEED)
    return _spelled(found)


def _spelled(found: Interval) -> dict[str, float]:
    return {"value": found.estimate, "low": found.lower, "high": found.upper}


def _track(tracking_uri: str, results: dict[str, Any], predictor: TaggerPredictor) -> str:
    client = MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name("zuroku")
    assert experiment is not None, "make demo has created it"
    run = client.create_run(experiment.experiment_id, run_name="benchmark_real_figures")
    client.set_tag(run.info.run_id, "bundle.card", predictor.card.model_dump_json()[:5000])
    for section in ("labelled", "few_shot"):
        for name, value in results[section].items():
            if isinstance(value, dict):
                client.log_metric(run.info.run_id, f"{section}.{name}", value["value"])
    client.log_dict(run.info.run_id, results, "real_figures.json")
    client.set_terminated(run.info.run_id)
    return str(run.info.run_id)


if __name__ == "__main__":
    main()
