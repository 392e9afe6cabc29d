"""The corpus line: what it makes of good and bad pages, in bounded memory, whoever does the work."""

import hashlib
import json
import subprocess
import sys
import tarfile
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.unit.corpus.fakes import (
    VERSIONS,
    FakeDetector,
    FakeEmbedder,
    FakeTagger,
    LoggingOpener,
    drawn_page,
    embedders,
    open_stage,
    page_bytes,
    write_book,
)
from tests.unit.corpus.line_runs import SMALL_UNITS, contents, figure_rows, page_rows, run
from tests.unit.corpus.test_pages import dataset_of
from zuroku.artifacts import verify
from zuroku.corpus import units
from zuroku.corpus.crops import square_image
from zuroku.corpus.executors import ThreadExecutor
from zuroku.corpus.figure_corpus import FigureCorpus
from zuroku.corpus.line import LineSettings, run_line
from zuroku.corpus.pages import FolderPages, Page, page_source
from zuroku.corpus.stage import PageStage, StageSettings
from zuroku.datasets.images import decode_rgb
from zuroku.detections import Detections
from zuroku.errors import BundleError, QuarantineError, SourceError
from zuroku.indexes.router import RouteSettings


def test_every_page_and_figure_is_there_once_and_in_order(tmp_path: Path) -> None:
    write_book(tmp_path / "scans", 10)
    write_book(tmp_path / "scans", 5, book="2000")
    corpus = run(tmp_path / "scans", tmp_path / "out")
    sources = list(FolderPages(tmp_path / "scans"))
    pages = page_rows(corpus)
    assert [row["page_id"] for row in pages] == [page.page_id for page in sources]
    stage = open_stage()
    expected = [
        figure
        for page in sources
        for figure in stage.process(page.page_id, page.read(tmp_path / "scans")).figures
    ]
    figures = figure_rows(corpus)
    assert [row["figure_id"] for row in figures] == [figure.figure_id for figure in expected]
    for row, figure in zip(figures, expected, strict=True):
        assert (row["x_min"], row["y_min"], row["x_max"], row["y_max"]) == figure.box
        assert row["tags"] == [tag["tag"] for tag in figure.tags]
        assert (row["space"], row["encoder_sha256"]) == ("general", "embedder")
        np.testing.assert_array_equal(np.float32(row["embedding"]), figure.embedding)
        assert corpus.crop(row) == figure.jpeg
        assert row["sha256"] == hashlib.sha256(figure.jpeg).hexdigest()
        assert row["page_id"] == row["figure_id"].rpartition("_")[0]
    assert pages[5]["sha256"] == hashlib.sha256(drawn_page(5)).hexdigest()
    assert [row["n_figures"] for row in pages[:5]] == [0, 1, 2, 3, 0]
    assert (pages[0]["margin_left"], pages[0]["cut_edges"]) == (pytest.approx(20 / 160), [])
    assert {row["group"] for row in figures} == {"1000", "2000"}
    card = corpus.card
    assert (card["pages"], card["figures"], card["bad_pages"]) == (15, len(figures), 0)
    assert card["tags"]["red"] == sum("red" in row["tags"] for row in figures)
    assert card["data"] == VERSIONS


def test_each_figure_has_the_vector_of_the_embedder_that_its_primary_tag_routes_to(tmp_path: Path) -> None:
    routes = RouteSettings(routes={"red": "museum"}, empty_slots=())
    both = {"general": FakeEmbedder(), "museum": FakeEmbedder(24, "museum embedder", 5)}

    def opener() -> PageStage:
        return PageStage(FakeDetector(), FakeTagger(), both, StageSettings(routes=routes), VERSIONS)

    corpus = run(write_book(tmp_path / "scans", 5), tmp_path / "out", opener)
    rows = figure_rows(corpus)
    assert {(row["tags"][-1], row["space"], row["encoder_sha256"]) for row in rows} == {
        ("blue", "general", "embedder"),
        ("red", "museum", "museum embedder"),
    }
    for row in rows:
        embedder = both[row["space"]]
        crop = decode_rgb(corpus.crop(row))
        assert len(row["embedding"]) == embedder.dimension
        # The crop has been through JPEG since.
        np.testing.assert_allclose(
            row["embedding"], embedder.embed_pixels(square_image(crop, embedder.size_px)), atol=0.05
        )


def test_a_shard_is_an_ordinary_tar_with_a_description_beside_each_crop(tmp_path: Path) -> None:
    corpus = run(write_book(tmp_path / "scans", 5), tmp_path / "out")
    row = figure_rows(corpus)[0]
    with tarfile.open(corpus.root / "shards" / row["shard"]) as tar:
        assert tar.getnames()[:2] == [f"{row['figure_id']}.jpg", f"{row['figure_id']}.json"]
        member = tar.getmember(f"{row['figure_id']}.jpg")
        assert (member.offset_data, member.size) == (row["offset"], row["length"])
        described = json.load(tar.extractfile(f"{row['figure_id']}.json"))
    assert described["tags"] == row["tags"]
    # Page 5 alone in its unit has no figure.
    assert [path.name for path in sorted((corpus.root / "shards").iterdir())] == ["000000.tar"]


def test_a_dataset_of_pages_goes_through_as_well(tmp_path: Path) -> None:
    source = page_source(dataset_of(tmp_path / "data", 6))
    artifact = run_line(source, open_stage, SMALL_UNITS, tmp_path / "out", ThreadExecutor(2))
    rows = page_rows(FigureCorpus(artifact.path))
    assert [row["page_id"] for row in rows] == [f"9_{i}" for i in range(6)]
    assert {(row["title"], row["licence"]) for row in rows} == {("地図帖", "PDM")}
    assert rows[2]["source_url"] == "https://example.org/2"
    assert FigureCorpus(artifact.path).card["data"] == VERSIONS


def test_the_result_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    write_book(tmp_path / "scans", 14)
    one = run(tmp_path / "scans", tmp_path / "one", workers=1)
    three = run(tmp_path / "scans", tmp_path / "three", workers=3)
    assert contents(one.root) == contents(three.root)
    assert verify(one.root).sha256 == verify(three.root).sha256


def test_times_are_kept_outside_the_result(tmp_path: Path) -> None:
    corpus = run(write_book(tmp_path / "scans", 5), tmp_path / "out")
    times = json.loads((tmp_path / "out.timings.json").read_text())
    assert times["pages"] == 5
    steps = {"read", "decode", "detect", "tag", "embed", "encode"}
    assert set(times["milliseconds_per_page"]) == steps
    assert all(spent > 0 for spent in times["milliseconds_per_page"].values())
    assert not any("time" in name for name in contents(corpus.root))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".out.lock",
        "out",
        "out.timings.json",
        "scans",
    ]


BAD = {
    "1000_0101.png": drawn_page(3)[:300],
    "1000_0102.png": b"",
    "1000_0103.png": page_bytes(size=(1, 1)),
    "1000_0104.png": b"\xff\xd8\xff not a picture",
}


def test_bad_pages_are_recorded_and_the_others_go_on(tmp_path: Path) -> None:
    scans = write_book(tmp_path / "scans", 6)
    for name, data in BAD.items():
        (scans / "1000" / name).write_bytes(data)
    corpus = run(scans, tmp_path / "out")
    errors = {row["page_id"]: row["error"] for row in page_rows(corpus) if row["error"]}
    assert set(errors) == {name.removesuffix(".png") for name in BAD}
    assert "does not decode" in errors["1000_0101"]
    assert "zero bytes" in errors["1000_0102"]
    assert "no page" in errors["1000_0103"]
    assert corpus.card["bad_pages"] == 4
    assert len(page_rows(corpus)) == 10


def test_too_many_bad_pages_fail_at_the_end_and_nothing_is_done_twice(tmp_path: Path) -> None:
    scans, out, log = write_book(tmp_path / "scans", 6), tmp_path / "out", tmp_path / "log"
    for name, data in BAD.items():
        (scans / "1000" / name).write_bytes(data)
    strict = LineSettings(pages_per_unit=4, max_bad_share=0.39)
    with pytest.raises(
        QuarantineError, match=r"4 of 10 pages are bad \(1000_0101: .*does not decode"
    ) as caught:
        run(scans, out, LoggingOpener(log), settings=strict)
    assert not out.exists()
    reasons = pq.read_table(tmp_path / ".out.partial" / "pages.parquet")["error"].to_pylist()
    assert sum(bool(reason) for reason in reasons) == 4
    assert ".out.partial/pages.parquet" in caught.value.remedy
    taken = len(log.read_text().split())
    corpus = run(scans, out, LoggingOpener(log), settings=LineSettings(pages_per_unit=4, max_bad_share=0.4))
    assert len(log.read_text().split()) == taken
    assert contents(corpus.root) == contents(run(scans, tmp_path / "whole").root)


def test_a_page_that_could_not_be_read_is_tried_again(tmp_path: Path) -> None:
    scans, out = write_book(tmp_path / "scans", 6), tmp_path / "out"
    source = FolderPages(scans)
    hidden = tmp_path / "hidden"

    class Interrupted(ThreadExecutor):
        def __call__(self, work: units.UnitWork, n_units: int) -> Iterator[units.UnitSummary]:
            (scans / "1000" / "1000_0002.png").rename(hidden)
            yield from super().__call__(work, n_units)
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        run_line(source, open_stage, SMALL_UNITS, out, Interrupted(1))
    hidden.rename(scans / "1000" / "1000_0002.png")
    corpus = run(scans, out)
    assert corpus.card["bad_pages"] == 0
    assert contents(corpus.root) == contents(run(scans, tmp_path / "whole").root)


def test_a_page_that_is_gone_is_a_bad_page(tmp_path: Path) -> None:
    scans = write_book(tmp_path / "scans", 3)

    class Vanishing(ThreadExecutor):
        def __call__(self, work: units.UnitWork, n_units: int) -> Iterator[units.UnitSummary]:
            (scans / "1000" / "1000_0002.png").unlink()
            return super().__call__(work, n_units)

    artifact = run_line(FolderPages(scans), open_stage, SMALL_UNITS, tmp_path / "out", Vanishing(1))
    row = page_rows(FigureCorpus(artifact.path))[1]
    assert row["error"] == "cannot be read: No such file or directory"
    assert row["sha256"] == ""


def test_a_fault_of_a_model_stops_the_run_and_names_the_page(tmp_path: Path) -> None:
    class Broken(FakeDetector):
        def detect_image(self, page: Image.Image, original_size: tuple[int, int] | None = None) -> Detections:
            if page.width == 200:
                raise RuntimeError("out of tensors")
            return super().detect_image(page, original_size)

    scans = write_book(tmp_path / "scans", 3)
    (scans / "1000" / "1000_0003.png").write_bytes(page_bytes(size=(200, 100)))
    with pytest.raises(RuntimeError, match="out of tensors") as caught:
        run(scans, tmp_path / "out", lambda: stage_with(Broken()))
    assert caught.value.__notes__ == ["on page 1000_0003 (1000/1000_0003.png)"]


def stage_with(detector: FakeDetector) -> PageStage:
    return PageStage(detector, FakeTagger(), embedders(), StageSettings(), VERSIONS)


class WatchingDetector(FakeDetector):
    """Counts the decoded pages that are alive while it looks at one."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.alive = self.most = self.seen = 0

    def detect_image(self, page: Image.Image, original_size: tuple[int, int] | None = None) -> Detections:
        with self.lock:
            self.alive += 1
            self.seen += 1
            self.most = max(self.most, self.alive)
        weakref.finalize(page, self.forget)
        time.sleep(0.002)
        return super().detect_image(page, original_size)

    def forget(self) -> None:
        with self.lock:
            self.alive -= 1


@pytest.mark.parametrize("n_pages", [24, 72])
def test_pages_in_memory_are_bounded_by_the_workers(tmp_path: Path, n_pages: int) -> None:
    detector = WatchingDetector()
    run(write_book(tmp_path / "scans", n_pages), tmp_path / "out", lambda: stage_with(detector), workers=3)
    assert detector.seen == n_pages + 1
    assert 1 < detector.most <= 3


def test_units_in_flight_are_bounded_by_the_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []

    def process(stage: PageStage, work: units.UnitWork, number: int) -> units.UnitSummary:
        begun.append(number)
        return units.UnitSummary(number)

    monkeypatch.setattr("zuroku.corpus.executors.process_unit", process)
    work = units.UnitWork(open_stage, VERSIONS, tmp_path, tmp_path, tmp_path)
    summaries = iter(ThreadExecutor(2)(work, 1_000_000))
    assert [next(summaries).number for _ in range(3)] == [0, 1, 2]
    summaries.close()
    assert len(begun) <= 3 + 2 * 2


def test_models_replaced_in_mid_run_are_noticed(tmp_path: Path) -> None:
    versions = iter([VERSIONS, VERSIONS | {"tagger": "released since"}])

    def opener() -> PageStage:
        return PageStage(FakeDetector(), FakeTagger(), embedders(), StageSettings(), next(versions))

    with pytest.raises(BundleError, match="released since"):
        run(write_book(tmp_path / "scans", 2), tmp_path / "out", opener)


def test_no_page_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "scans" / "1000").mkdir(parents=True)
    with pytest.raises(SourceError, match="no page"):
        run(tmp_path / "scans", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_stage_without_an_embedder_is_refused(tmp_path: Path) -> None:
    def opener() -> PageStage:
        return PageStage(FakeDetector(), FakeTagger(), {}, StageSettings(), VERSIONS)

    with pytest.raises(BundleError, match="without an embedder"):
        run(write_book(tmp_path / "scans", 2), tmp_path / "out", opener)


def test_the_line_needs_no_ray(tmp_path: Path) -> None:
    code = "import sys, zuroku.corpus.line, zuroku.corpus.extract; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_page_names_its_place_and_nothing_of_this_machine(tmp_path: Path) -> None:
    page = next(iter(FolderPages(write_book(tmp_path / "scans", 1))))
    assert page == Page("1000_0001", "1000", "", "", "", "1000/1000_0001.png")
