"""The benchmark of the corpus line measures what it says, on models that are no models."""

from argparse import Namespace
from pathlib import Path

import pytest

from benchmarks.corpus_line import (
    LIBRARY_PAGES,
    Measurement,
    RepeatedPages,
    measure_in_turns,
    plans_of,
    projection,
    projection_text,
    report,
)
from tests.unit.corpus.fakes import open_stage, write_book
from zuroku.corpus.pages import page_source


def test_a_pool_is_repeated_under_new_ids(tmp_path: Path) -> None:
    source = page_source(write_book(tmp_path / "scans", 3))
    pages = list(RepeatedPages(list(source), source.root, 8))
    assert len({page.page_id for page in pages}) == 8
    assert [page.file for page in pages[:4]] == [page.file for page in [*source, *source][:4]]
    assert pages[3].page_id == "1_1000_0001"
    assert pages[3].group == "1_1000"


def test_a_run_is_measured_in_a_process_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scans = write_book(tmp_path / "scans", 5)
    options = Namespace(pages=scans, pool=4, sizes=[9], ray_pages=0, pages_per_unit=2, workers=2)
    plans = plans_of(options, open_stage)
    rounds = measure_in_turns(plans, repeats=1)
    ((measured,),) = rounds
    # The four pages of the pool have 0, 1, 2 and 3 figures; the ninth is the first again.
    assert (measured.pages, measured.figures, measured.bad_pages) == (9, 12, 0)
    assert measured.seconds > measured.finish_seconds > 0
    assert measured.peak_mb > 1
    result = report(plans, rounds, machines=[1, 10])
    assert result["ray_gives_the_same_bytes"] is None
    text = capsys.readouterr().out
    assert "| threads | 9 | 12 |" in text
    assert "| detect |" in text


def test_ray_is_set_against_threads_on_as_many_pages(tmp_path: Path) -> None:
    scans = write_book(tmp_path / "scans", 2)
    options = Namespace(pages=scans, pool=4, sizes=[6], ray_pages=9, pages_per_unit=2, workers=2)
    runs = [(plan.executor, plan.n_pages) for plan in plans_of(options, open_stage)]
    assert runs == [("threads", 6), ("threads", 9), ("ray", 9)]


def test_the_projection_is_plain_arithmetic() -> None:
    runs = [
        Measurement("threads", 100, 50, 0, 60.0, rate, 0.1, 300.0, 0.5, 1_000_000, {"detect": 5.0}, "")
        for rate in (1.0, 2.0, 9.0)
    ]
    found = projection(runs, [1, 10], page_bytes=500_000)
    assert found["days_by_machines"] == {
        "1": pytest.approx(LIBRARY_PAGES / 2 / 86_400),
        "10": pytest.approx(LIBRARY_PAGES / 20 / 86_400),
    }
    assert found["written_terabytes"] == pytest.approx(2.3)
    assert found["joining_and_sealing_days"] == pytest.approx(LIBRARY_PAGES * 0.001 / 86_400)
    assert found["read_megabytes_per_second_and_machine"] == pytest.approx(1.0)
    assert "500 kB and 0.50 figures" in projection_text(found)
