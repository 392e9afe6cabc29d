"""Checks of a finished corpus find what is broken in it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.unit.corpus.fakes import BLACK, open_stage, page_bytes, write_book
from zuroku.corpus.executors import ThreadExecutor
from zuroku.corpus.figure_corpus import FigureCorpus
from zuroku.corpus.findings import CORPUS_CHECKS, CorpusCheckSettings, corpus_findings
from zuroku.corpus.line import LineSettings, run_line
from zuroku.corpus.pages import FolderPages


@pytest.fixture
def corpus(tmp_path: Path) -> FigureCorpus:
    scans = write_book(tmp_path / "scans", 11)
    (scans / "1000" / "1000_0012.png").write_bytes(page_bytes([(BLACK, (0, 50, 100, 240))]))
    settings = LineSettings(pages_per_unit=5)
    made = run_line(FolderPages(scans), open_stage, settings, tmp_path / "out", ThreadExecutor(2))
    return FigureCorpus(made.path)


def passed(corpus: FigureCorpus, max_cut_share: float = 0.2) -> dict[str, bool]:
    findings = corpus_findings(corpus, CorpusCheckSettings(max_cut_share=max_cut_share))
    return {finding.check: finding.passed for finding in findings}


def edit(path: Path, change) -> None:
    table = pq.read_table(path)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)


def test_a_sound_corpus_passes(corpus: FigureCorpus) -> None:
    assert passed(corpus, max_cut_share=0.25) == dict.fromkeys(CORPUS_CHECKS, True)


def test_a_lost_or_moved_figure_is_found(corpus: FigureCorpus) -> None:
    path = corpus.root / "figures.parquet"
    whole = path.read_bytes()
    for change in (lambda rows: rows.pop(), lambda rows: rows.pop(0), lambda rows: rows.reverse()):
        edit(path, change)
        assert not passed(corpus)["pages_and_figures_agree"]
        path.write_bytes(whole)


def test_a_changed_crop_is_found(corpus: FigureCorpus) -> None:
    row = next(corpus.figures()).to_pylist()[3]
    path = corpus.root / "shards" / row["shard"]
    data = bytearray(path.read_bytes())
    data[row["offset"] + row["length"] // 2] ^= 1
    path.write_bytes(data)
    assert not passed(corpus)["crops_are_whole"]


def test_pages_that_are_cut_off_are_counted(corpus: FigureCorpus) -> None:
    # Two drawn pages have a figure two pixels from the right edge; the last page has text at two edges.
    framing = corpus_findings(corpus, CorpusCheckSettings(max_cut_share=0.24))[-1]
    assert not framing.passed
    assert framing.numbers == {"cut_share": 3 / 12, "pages_with_text": 12}
    assert "on 3 of 12 pages" in framing.says
    assert "bottom 1, left 1, right 2" in framing.says
