"""A released detector on the 14 annotated pages of NDL-DocL that lie beside the repository, untouched.

Three books, of which one has illustrations, so figures have an estimate but no interval by book.
"""

import argparse
import json
import tempfile
from pathlib import Path

from zuroku.datasets.collection import ingest_collection
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.pages.collection import PageCollectionSettings
from zuroku.datasets.pages.voc import VocSettings
from zuroku.datasets.zones import NDL_DOCL_CLASSES
from zuroku.models.layout.page_detector import PageDetector
from zuroku.reports.layout import LayoutEvaluationSettings, layout_metrics, layout_page, score_pages, zones_of
from zuroku.reports.page_sheet import page_sheet
from zuroku.training.pages import pages_of

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


def main() -> None:
    """Print the metrics as Markdown; write them and a sheet of detections where asked."""
    parser = argparse.ArgumentParser(prog="benchmarks.real_pages", description=main.__doc__)
    parser.add_argument(
        "--bundle", type=Path, default=ROOT / "var" / "models" / "layout_detector" / "champion"
    )
    parser.add_argument("--out", type=Path, help="JSON file of the metrics")
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
    print(f"detector {detector.sha256[:12]}\n\n{layout_page(metrics, settings)}")
    if arguments.out:
        text = json.dumps(metrics | {"detector": detector.sha256}, indent=2)
        arguments.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
