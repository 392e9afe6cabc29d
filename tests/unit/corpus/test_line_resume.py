"""The corpus line after a kill, a full disk, or once more: the same result, and nothing done twice."""

import io
import json
import multiprocessing
import os
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.corpus.fakes import VERSIONS, LoggingOpener, drawn_page, write_book
from tests.unit.corpus.line_runs import contents, page_rows, run, stopped_run
from zuroku.artifacts import seal
from zuroku.corpus.figure_corpus import FigureCorpus
from zuroku.corpus.line import LineSettings
from zuroku.corpus.pages import FolderPages
from zuroku.errors import ConfigError, IntegrityError, StorageError


def slow_line(scans: Path, out: Path, log: Path) -> None:
    run(scans, out, LoggingOpener(log, 0.05))


def committed(out: Path) -> list[str]:
    return sorted(p.name for p in (out.parent / f".{out.name}.state" / "units").glob("[0-9]*"))


def test_killed_in_mid_unit_it_goes_on_and_ends_the_same(tmp_path: Path) -> None:
    scans, out, log = tmp_path / "scans", tmp_path / "out", tmp_path / "log"
    write_book(scans, 40)
    process = multiprocessing.get_context("spawn").Process(target=slow_line, args=(scans, out, log))
    process.start()
    for _ in range(3000):
        if len(committed(out)) >= 2:
            break
        time.sleep(0.01)
    # Two threads are in the middle of the units that follow.
    time.sleep(0.08)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    assert not out.exists()
    done = committed(out)
    assert 2 <= len(done) < 10
    taken = log.read_text().split()
    corpus = run(scans, out, LoggingOpener(log))
    again = log.read_text().split()[len(taken) :]
    ids = [page.page_id for page in FolderPages(scans)]
    finished = {ids[4 * int(number) + offset] for number in done for offset in range(4)}
    # What was finished is not done again, what was not is done whole, and nothing is lost.
    assert sorted(again) == sorted(set(ids) - finished)
    assert len(set(taken) & set(again)) <= 2 * 4
    whole = run(scans, tmp_path / "whole")
    assert contents(out) == contents(whole.root)
    assert [row["page_id"] for row in page_rows(corpus)] == ids
    assert not (tmp_path / ".out.partial").exists()
    assert not (tmp_path / ".out.state").exists()


def test_half_done_work_on_other_pages_is_thrown_away(tmp_path: Path) -> None:
    scans, out, log = write_book(tmp_path / "scans", 12), tmp_path / "out", tmp_path / "log"
    stopped_run(scans, out, log)
    assert committed(out)
    (scans / "1000" / "1000_0001.png").write_bytes(drawn_page(7))
    corpus = run(scans, out)
    assert contents(corpus.root) == contents(run(scans, tmp_path / "whole").root)


def test_a_unit_that_lost_its_shard_is_done_again(tmp_path: Path) -> None:
    scans, out, log = write_book(tmp_path / "scans", 12), tmp_path / "out", tmp_path / "log"
    stopped_run(scans, out, log)
    (tmp_path / ".out.partial" / "shards" / "000000.tar").unlink()
    corpus = run(scans, out)
    assert contents(corpus.root) == contents(run(scans, tmp_path / "whole").root)


def test_a_finished_corpus_is_not_made_again(tmp_path: Path) -> None:
    scans, log = write_book(tmp_path / "scans", 6), tmp_path / "log"
    first = run(scans, tmp_path / "out", LoggingOpener(log))
    again = run(scans, tmp_path / "out", LoggingOpener(log))
    assert first == again
    assert len(log.read_text().split()) == 6
    (first.root / "pages.parquet").write_bytes(b"")
    with pytest.raises(IntegrityError, match=r"changed pages\.parquet"):
        run(scans, tmp_path / "out")


def test_another_corpus_is_never_overwritten(tmp_path: Path) -> None:
    scans = write_book(tmp_path / "scans", 6)
    before = contents(run(scans, tmp_path / "out").root)
    write_book(tmp_path / "other", 7)
    with pytest.raises(ConfigError, match="holds the corpus of other pages"):
        run(tmp_path / "other", tmp_path / "out")
    with pytest.raises(ConfigError, match="other pages, models or settings"):
        run(scans, tmp_path / "out", settings=LineSettings(pages_per_unit=5))
    assert contents(tmp_path / "out") == before


def test_a_corpus_of_an_older_format_is_read_and_not_taken_for_todays(tmp_path: Path) -> None:
    scans = write_book(tmp_path / "scans", 6)
    card = run(scans, tmp_path / "out").card
    # Of what this format says, the one before named the dataset too.
    assert (card["format"], [name for name in card["data"] if name not in VERSIONS]) == (3, [])
    older = card | {"format": 2, "fingerprint": "0" * 64, "data": card["data"] | {"page_corpus": "1" * 64}}
    (tmp_path / "out" / "corpus.json").write_text(json.dumps(older))
    seal(tmp_path / "out")
    with pytest.raises(ConfigError, match="holds the corpus of format 2"):
        run(scans, tmp_path / "out")
    assert FigureCorpus(tmp_path / "out").card == older


def limited_line(scans: Path, out: Path, answer: Path) -> None:
    # Files larger than this fail as they do on a full disk; Python ignores the signal that comes too.
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
    try:
        run(scans, out)
    except StorageError as error:
        answer.write_text(str(error))


def test_a_full_disk_is_said_and_a_second_run_goes_on(tmp_path: Path) -> None:
    scans, out, answer = write_book(tmp_path / "scans", 12), tmp_path / "out", tmp_path / "answer"
    noise = np.random.default_rng(0).integers(0, 100, (300, 300, 3), dtype=np.uint8) + np.uint8([0, 0, 150])
    page = Image.new("RGB", (320, 320), "white")
    page.paste(Image.fromarray(noise), (10, 10))
    buffer = io.BytesIO()
    page.save(buffer, "PNG")
    (scans / "1000" / "1000_0012.png").write_bytes(buffer.getvalue())
    process = multiprocessing.get_context("spawn").Process(target=limited_line, args=(scans, out, answer))
    process.start()
    process.join()
    assert "no room left" in answer.read_text()
    assert "free space" in answer.read_text()
    assert not out.exists()
    kept = committed(out)
    assert "000000" in kept
    assert "000002" not in kept
    assert contents(run(scans, out).root) == contents(run(scans, tmp_path / "whole").root)
