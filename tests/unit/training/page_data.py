"""A small dataset of generated pages for tests."""

from pathlib import Path

from zuroku.datasets.collection import ingest_collection
from zuroku.datasets.ingest import IngestSettings
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.pages.collection import PageCollectionSettings
from zuroku.datasets.sample.pages.pages import PageSampleSettings


def page_dataset(root: Path, books: int) -> Dataset:
    """Ingest a few generated pages below ``root``."""
    settings = PageCollectionSettings(
        kind="pages",
        name="ndl_docl",
        description="Generated pages.",
        licence="https://creativecommons.org/publicdomain/zero/1.0/",
        url="https://github.com/ndl-lab/layout-dataset",
        source="generated",
        generated=PageSampleSettings(seed=5, books=books, pages_per_book=2, long_side_px=640),
        ingest=IngestSettings(workers=1),
    )
    return ingest_collection(settings, root / "data" / "ndl_docl", root)
