"""A released detector on the 14 annotated pages of NDL-DocL that lie beside the repository.

Untouched, and tuned on two of the three books to be tested on the third. One book has illustrations, so
figures have an estimate but no interval by book, and leaving books out says something of the overall
region alone.
"""

import argparse
import json
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from zuroku.artifacts import build
from zuroku.datasets.collection import ingest_collection
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.pages.collection import PageCollectionSettings
from zuroku.datasets.pages.voc import VocSettings
from zuroku.datasets.zones import NDL_DOCL_CLASSES
from zuroku.models.bundle import WEIGHTS
from zuroku.models.layout.page_detector import PageDetector
from zuroku.reports.layout import LayoutEvaluationSettings, layout_metrics, layout_page, score_pages, zones_of
from zuroku.reports.page_sheet import page_sheet
from zuroku.tracking import NullTracker
from zuroku.training.layout_detector import LayoutDetectorSettings, train_layout_detector
from zuroku.training.loop import LoopSettings
from zuroku.training.pages import annotated_pages, pages_of

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT.parent / "shared" / "data" / "ndl" / "docl"


def real_pages(folder: Path) -> Dataset:
    """Ingest the annotated pages below ``PAGES`` into ``folder``."""
    settings = PageCollectionSettings(
        kind="pages",
        name="ndl_docl_examples",
        description="Published example pages of NDL-DocL.",
        licence="https://creativecommons.org/publicdomain/mark/1.0/",
        url="https://github.com/ndl-lab/layout-dataset",
        source="voc",
        voc=VocSettings(root=PAGES, licence="Public Domain Mark 1.0"),
    )
    return ingest_collection(settings, folder / "ndl_docl_examples", ROOT)


def leave_one_book_out(dataset: Dataset, bundle: Path, epochs: int, folder: Path) -> dict[str, list[float]]:
    """Tune the detector on all books but one and return the overall IoU of each page of that one, by book.

    Of the two other books the one with more pages trains, and the smaller chooses the epoch.
    """
    untouched = PageDetector(bundle)
    sizes = dataset.manifest["group"].value_counts()
    ious = {}
    for number, book in enumerate(sorted(sizes.index)):
        others = [other for other in sizes.index if other != book]
        table = pd.DataFrame({"group": [*others, book], "split": ["train", "val", "test"]})
        splits = build(folder / f"splits-{number}", partial(_write_splits, table))
        settings = LayoutDetectorSettings.model_validate(
            untouched.card.settings
            | {
                "weights": str(bundle / WEIGHTS),
                "loop": LoopSettings(epochs=epochs, patience=epochs, batch_size=2, learning_rate=3e-4),
            }
        )
        target = folder / f"detector-{number}"
        tuned = train_layout_detector(dataset, splits, settings, target, "benchmark", NullTracker())
        pages = annotated_pages(dataset, table, "test", NDL_DOCL_CLASSES)
        detector = PageDetector(tuned.path)
        scored = score_pages(dataset, pages, detector, zones_of(detector))
        ious[book] = [float(iou) for iou in scored.overall_ious() if np.isfinite(iou)]
    return ious


def _write_splits(table: pd.DataFrame, folder: Path) -> None:
    table.to_parquet(folder / "splits.parquet")


def main() -> None:
    """Print the metrics as Markdown; write them and a sheet of detections where asked."""
    parser = argparse.ArgumentParser(prog="benchmarks.real_pages", description=main.__doc__)
    parser.add_argument(
        "--bundle", type=Path, default=ROOT / "var" / "models" / "layout_detector" / "champion"
    )
    parser.add_argument("--out", type=Path, help="JSON file of the metrics")
    parser.add_argument("--tune-epochs", type=int, default=0, help="also leave one book out, tuned this long")
    parser.add_argument("--sheet", type=Path, help="JPEG of all pages with the boxes found")
    arguments = parser.parse_args()
    if not PAGES.is_dir():
        raise SystemExit(f"no annotated pages in {PAGES}: nothing is measured")
    settings = LayoutEvaluationSettings(split="real", resamples=1000)
    with tempfile.TemporaryDirectory() as folder:
        dataset = real_pages(Path(folder))
        detector = PageDetector(arguments.bundle)
        pages = pages_of(dataset, dataset.rows(), NDL_DOCL_CLASSES)
        zones = zones_of(detector).model_copy(update={"classes": list(NDL_DOCL_CLASSES)})
        scored = score_pages(dataset, pages, detector, zones)
        metrics = layout_metrics(scored, settings)
        if arguments.sheet:
            data = [dataset.read(row) for row in pages.rows]
            sheet = page_sheet(data, scored.confident, pages.item_ids, scored.classes, columns=5)
            arguments.sheet.write_bytes(sheet)
        tuned = (
            leave_one_book_out(dataset, arguments.bundle, arguments.tune_epochs, Path(folder))
            if arguments.tune_epochs
            else {}
        )
    print(f"detector {detector.sha256[:12]}\n\n{layout_page(metrics, settings)}")
    for book, ious in tuned.items():
        print(f"\ntuned on the other books, {book}: overall IoU {np.mean(ious):.3f} on {len(ious)} pages")
    if tuned:
        every = [iou for ious in tuned.values() for iou in ious]
        print(f"\ntuned, all books: overall IoU {np.mean(every):.3f} on {len(every)} pages")
    if arguments.out:
        text = json.dumps(metrics | {"detector": detector.sha256, "tuned_overall_iou": tuned}, indent=2)
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
