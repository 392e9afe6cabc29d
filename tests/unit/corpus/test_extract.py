"""Figures cut out for people: files per book, tables, and pages passed over."""

import csv
import io
import json
from pathlib import Path

import pytest
from PIL import Image

from tests.unit.corpus.fakes import BLUE, drawn_page, open_stage, page_bytes, write_book
from zuroku.corpus.extract import extract_figures
from zuroku.corpus.pages import FolderPages, Page
from zuroku.errors import ConfigError, SourceError


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_crops_lie_by_book_with_a_row_each(tmp_path: Path) -> None:
    scans = write_book(tmp_path / "scans", 4)
    (scans / "図録").mkdir()
    (scans / "図録" / "表紙.png").write_bytes(page_bytes([(BLUE, (10, 10, 60, 60))]))
    (scans / "図録" / "bad.png").write_bytes(drawn_page(1)[:200])
    seen: list[tuple[int, int]] = []
    report = extract_figures(
        FolderPages(scans), open_stage(), tmp_path / "out", 2, lambda *at: seen.append(at)
    )
    assert (report.pages, report.figures) == (6, 7)
    assert list(report.passed_over) == ["図録/bad"]
    assert "does not decode" in report.passed_over["図録/bad"]
    assert seen[-1] == (6, 6)
    rows = json.loads((tmp_path / "out" / "figures.json").read_text())
    assert files(tmp_path / "out") == {row["file"] for row in rows} | {"figures.json", "figures.csv"}
    assert {"1000/1000_0002_0.jpg", "図録/表紙_0.jpg"} <= files(tmp_path / "out")
    for row in rows:
        size = (row["x_max"] - row["x_min"], row["y_max"] - row["y_min"])
        assert Image.open(tmp_path / "out" / row["file"]).size == size
    cover = rows[-1]
    assert (cover["book"], cover["page"], cover["class"]) == ("図録", "図録/表紙", "4_illustration")
    assert [tag["tag"] for tag in cover["tags"]] == ["blue"]
    text = (tmp_path / "out" / "figures.csv").read_bytes().decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text)))
    assert [row["file"] for row in table] == [row["file"] for row in rows]
    assert table[-1]["tags"] == "blue"
    assert not (tmp_path / ".out.partial").exists()


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    scans = write_book(tmp_path / "scans", 2)
    before = files(scans)
    with pytest.raises(ConfigError, match="is not empty"):
        extract_figures(FolderPages(scans), open_stage(), scans, 1)
    assert files(scans) == before


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    scans = write_book(tmp_path / "scans", 2)
    assert extract_figures(FolderPages(scans), open_stage(), tmp_path / "out", 1).figures == 1


def test_nothing_stays_of_an_extraction_that_failed(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise RuntimeError("stopped")

    scans = write_book(tmp_path / "scans", 4)
    with pytest.raises(RuntimeError, match="stopped"):
        extract_figures(FolderPages(scans), open_stage(), tmp_path / "out", 1, stop)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.lock", "scans"]


def test_no_page_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no page"):
        extract_figures(FolderPages(tmp_path), open_stage(), tmp_path / "out", 1)


class OddNames:
    """A source whose books and pages are named so as to leave the folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.fingerprint = "odd"

    def __iter__(self):
        for group in ("../../up", "", ".hidden", "a\x00b", "長" * 100):
            yield Page(f"{group}/../../x", group, "", "", "", "1000/1000_0002.png")


def test_names_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "down"
    write_book(root / "scans", 2)
    report = extract_figures(OddNames(root / "scans"), open_stage(), root / "out", 1)
    assert report.figures == 5
    assert all(len(Path(name).parts) <= 2 and ".." not in name for name in files(root / "out"))
    assert len(files(root / "out")) == 5 + 2
    assert files(tmp_path) == {f"deep/down/{name}" for name in files(root)}
