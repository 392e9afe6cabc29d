"""Pages of folders and datasets: ids, order, and where the bytes lie."""

import io
import os
from functools import partial
from pathlib import Path

import pytest
from PIL import Image

from tests.unit.corpus.fakes import drawn_page, write_book
from zuroku.corpus import pages as pages_module
from zuroku.corpus.pages import DatasetPages, FolderPages, Page, page_source
from zuroku.datasets.ingest import Collection, IngestSettings, ingest
from zuroku.datasets.source import SourceItem
from zuroku.errors import ImageError, IntegrityError, SourceError


def touch(path: Path, data: bytes = b"x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def test_a_folder_is_listed_by_book_and_name(tmp_path: Path) -> None:
    for name in (
        "1017/1017_2.jpg",
        "1017/1017_10.JPG",
        "1017/cover.png",
        "画帖/一.webp",
        "alone.tif",
        "1017/x.txt",
    ):
        touch(tmp_path / "scans" / name)
    touch(tmp_path / "scans" / ".hidden" / "a.jpg")
    found = list(FolderPages(tmp_path / "scans", licence="CC0-1.0"))
    assert [(page.page_id, page.group, page.file) for page in found] == [
        ("scans/alone", "scans", "alone.tif"),
        ("1017_10", "1017", "1017/1017_10.JPG"),
        ("1017_2", "1017", "1017/1017_2.jpg"),
        ("1017/cover", "1017", "1017/cover.png"),
        ("画帖/一", "画帖", "画帖/一.webp"),
    ]
    assert {page.licence for page in found} == {"CC0-1.0"}


def test_ids_stay_apart_where_names_do_not(tmp_path: Path) -> None:
    for name in ("a/1.jpg", "a/1.png", "a/2.jpg", "a_1/a_1_2.jpg", "b/a_1_2.jpg"):
        touch(tmp_path / name)
    ids = [page.page_id for page in FolderPages(tmp_path)]
    assert ids == ["a/1.jpg", "a/1.png", "a/2.jpg", "a_1_2", "b/a_1_2"]


def test_the_fingerprint_follows_names_sizes_and_times(tmp_path: Path) -> None:
    write_book(tmp_path, 3)
    before = FolderPages(tmp_path).fingerprint
    assert FolderPages(tmp_path).fingerprint == before
    path = tmp_path / "1000" / "1000_0002.png"
    status = path.stat()
    path.write_bytes(path.read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert FolderPages(tmp_path).fingerprint != before


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    touch(tmp_path / "secret.jpg")
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.jpg").symlink_to(tmp_path / "secret.jpg")
    with pytest.raises(SourceError, match="links that leave the folder"):
        list(FolderPages(tmp_path / "scans"))


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="missing"):
        page_source(tmp_path / "nowhere")


def jpeg(index: int) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(drawn_page(index))).save(buffer, "JPEG")
    return buffer.getvalue()


def dataset_of(folder: Path, n_pages: int) -> Path:
    items = [
        SourceItem(f"9_{i}", "", "9", "地図帖", "PDM", f"https://example.org/{i}", partial(jpeg, i))
        for i in range(n_pages)
    ]
    settings = IngestSettings(shard_bytes=8_000)
    card = {"name": "pages", "description": "", "licence": "PDM", "url": ""}
    return ingest(Collection(items, "f", "thread"), folder, settings, card).root


def test_a_dataset_gives_the_bytes_of_its_items(tmp_path: Path) -> None:
    source = page_source(dataset_of(tmp_path / "data", 6))
    assert isinstance(source, DatasetPages)
    found = list(source)
    assert [page.read(source.root) for page in found] == [jpeg(i) for i in range(6)]
    assert len({page.file for page in found}) > 1
    assert found[3].page_id == "9_3"
    assert (found[3].group, found[3].title, found[3].licence) == ("9", "地図帖", "PDM")
    assert found[3].source_url == "https://example.org/3"


def test_a_shard_that_ends_early_is_said(tmp_path: Path) -> None:
    source = page_source(dataset_of(tmp_path / "data", 2))
    last = list(source)[-1]
    os.truncate(source.root / last.file, last.offset + 10)
    with pytest.raises(IntegrityError, match="bytes early"):
        last.read(source.root)


def test_a_file_too_large_for_a_page_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "huge.jpg", bytes(101))
    monkeypatch.setattr(pages_module, "MAX_PAGE_BYTES", 100)
    with pytest.raises(ImageError, match="larger than 100 bytes"):
        Page("a", "b", "", "", "", "huge.jpg").read(tmp_path)
