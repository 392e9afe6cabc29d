"""Running the corpus line in tests, and looking at what it made."""

from pathlib import Path

import pytest

from tests.unit.corpus.fakes import LoggingOpener, open_stage
from zuroku.corpus.executors import ThreadExecutor
from zuroku.corpus.figure_corpus import FigureCorpus
from zuroku.corpus.line import LineSettings, run_line
from zuroku.corpus.pages import FolderPages

SMALL_UNITS = LineSettings(pages_per_unit=4, max_bad_share=0.5)


def run(scans: Path, out: Path, opener=open_stage, workers: int = 2, settings=SMALL_UNITS) -> FigureCorpus:
    return FigureCorpus(run_line(FolderPages(scans), opener, settings, out, ThreadExecutor(workers)).path)


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def page_rows(corpus: FigureCorpus) -> list[dict[str, object]]:
    return [row for batch in corpus.pages() for row in batch.to_pylist()]


def figure_rows(corpus: FigureCorpus) -> list[dict[str, object]]:
    return [row for batch in corpus.figures() for row in batch.to_pylist()]


def stop(done: int, total: int) -> None:
    raise RuntimeError("stopped")


def stopped_run(scans: Path, out: Path, log: Path) -> None:
    with pytest.raises(RuntimeError, match="stopped"):
        run_line(FolderPages(scans), LoggingOpener(log), SMALL_UNITS, out, ThreadExecutor(1), stop)
