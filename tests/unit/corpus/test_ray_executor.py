"""Ray and threads give the same corpus, and Ray's errors are ours."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.corpus.fakes import LoggingOpener, open_stage, write_book
from tests.unit.corpus.line_runs import SMALL_UNITS, contents, stopped_run
from tests.unit.corpus.test_line import BAD
from zuroku.corpus.executors import RaySettings, ThreadExecutor, UnitExecutor
from zuroku.corpus.line import run_line
from zuroku.corpus.pages import FolderPages
from zuroku.errors import ZurokuError

pytestmark = pytest.mark.slow


class RefusingOpener:
    """Opens a stage in the driver, and elsewhere says what ails it."""

    def __init__(self, driver: int) -> None:
        self.driver = driver

    def __call__(self):
        if os.getpid() != self.driver:
            raise ZurokuError("no model here", expected="a bundle", remedy="copy it")
        return open_stage()


@pytest.fixture(scope="module")
def executor() -> Iterator[UnitExecutor]:
    """On one cluster of this machine for all tests: each of its own would take half a minute."""
    from zuroku.corpus.ray_executor import RayExecutor, connected

    settings = RaySettings(actors=2)
    with connected(settings):
        yield RayExecutor(settings)


def test_ray_and_threads_give_the_same_bytes(executor: UnitExecutor, tmp_path: Path) -> None:
    scans = write_book(tmp_path / "scans", 22)
    for name, data in BAD.items():
        (scans / "1000" / name).write_bytes(data)
    threads = run_line(FolderPages(scans), open_stage, SMALL_UNITS, tmp_path / "a", ThreadExecutor(2))
    seen: list[tuple[int, int]] = []
    by_ray = run_line(
        FolderPages(scans),
        open_stage,
        SMALL_UNITS,
        tmp_path / "b",
        executor,
        lambda *done: seen.append(done),
    )
    assert contents(threads.path) == contents(by_ray.path)
    assert threads.sha256 == by_ray.sha256
    assert seen[-1] == (26, 26)
    assert len(seen) == 7


def test_what_threads_began_ray_finishes(executor: UnitExecutor, tmp_path: Path) -> None:
    scans, log = write_book(tmp_path / "scans", 14), tmp_path / "log"
    stopped_run(scans, tmp_path / "out", log)
    before = log.read_text().split()
    run_line(FolderPages(scans), LoggingOpener(log), SMALL_UNITS, tmp_path / "out", executor)
    again = log.read_text().split()[len(before) :]
    assert len(before) + len(again) >= 14
    assert len(again) == len(set(again)) < 14
    whole = run_line(FolderPages(scans), open_stage, SMALL_UNITS, tmp_path / "whole", ThreadExecutor(2))
    assert contents(tmp_path / "out") == contents(whole.path)


def test_an_error_of_an_actor_is_told_as_ours(executor: UnitExecutor, tmp_path: Path) -> None:
    scans = write_book(tmp_path / "scans", 3)
    with pytest.raises(ZurokuError, match="no model here"):
        run_line(FolderPages(scans), RefusingOpener(os.getpid()), SMALL_UNITS, tmp_path / "out", executor)
