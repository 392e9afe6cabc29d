"""Collections in folders: what is listed, in which order, and what is refused with which words."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from tests.unit.datasets.ndl_server import FIGURES, figure_bytes, metadata_csv, metadata_row, published_csv
from zuroku.config import parse_settings
from zuroku.datasets.folder import FolderSettings, folder_items
from zuroku.datasets.source import SourceItem
from zuroku.errors import ConfigError, SourceError

SHARED = Path(__file__).resolve().parents[4] / "shared/data"
CLASSES = {"graphic_graph", "graphic_map", "stamp", "picture_person"}
BOOK_URL = "https://dl.ndl.go.jp/info:ndljp/pid/{group}"


def items_of(root: Path, layout: str = "class_folders", **fields: Any) -> list[SourceItem]:
    values = {"root": str(root), "layout": layout, "licence": "PDM", **fields}
    return folder_items(parse_settings(values, FolderSettings, "the test"), CLASSES)


def refusal(root: Path, layout: str = "class_folders", **fields: Any) -> str:
    with pytest.raises(SourceError) as caught:
        items_of(root, layout, **fields)
    assert caught.value.expected
    assert caught.value.remedy
    return str(caught.value)


def put(root: Path, name: str, data: bytes = b"image") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """The collection as published, without its table."""
    root = tmp_path / "imagelabel"
    for item_id, label in FIGURES.items():
        put(root, f"{label}/{item_id}.jpg", figure_bytes(item_id))
    return root


class TestClassFolders:
    def test_lists_every_figure_in_a_stable_order(self, published: Path) -> None:
        items = items_of(published, source_url=BOOK_URL)
        assert [(i.label, i.item_id) for i in items] == sorted((v, k) for k, v in FIGURES.items())
        first = items[0]
        assert (first.group, first.title, first.licence) == ("1017141", "", "PDM")
        assert first.source_url == "https://dl.ndl.go.jp/info:ndljp/pid/1017141"
        assert (first.retrieved, first.reviewed) == (False, True)
        assert first.read() == figure_bytes("1017141_454_0")

    def test_items_travel_to_other_processes(self, published: Path) -> None:
        item = pickle.loads(pickle.dumps(items_of(published)[0]))
        assert item.read() == figure_bytes("1017141_454_0")

    def test_title_and_address_come_from_the_table_beside(self, published: Path) -> None:
        put(published, "metadata.csv", published_csv().encode())
        item = items_of(published)[0]
        assert item.title == "経済学全集"
        assert item.source_url == metadata_row("1017141_454_0", "graphic_graph")[5]

    def test_figures_that_the_table_lacks_keep_the_template(self, published: Path, tmp_path: Path) -> None:
        rows = [metadata_row("1017141_454_0", "graphic_graph")]
        table = put(tmp_path, "elsewhere.csv", metadata_csv(rows).encode())
        known, unknown = items_of(published, metadata=str(table), source_url=BOOK_URL)[:2]
        assert known.title
        assert "/api/iiif/" in known.source_url
        assert (unknown.title, unknown.source_url) == ("", "https://dl.ndl.go.jp/info:ndljp/pid/1032125")

    def test_a_broken_table_and_a_missing_one_are_refused(self, published: Path) -> None:
        assert "cannot be read" in refusal(published, metadata=str(published / "none.csv"))
        put(published, "metadata.csv", published_csv().encode("cp932"))
        assert "Shift-JIS" in refusal(published)

    def test_the_folder_decides_the_label(self, published: Path) -> None:
        put(published, "metadata.csv", published_csv().encode())
        os.rename(published / "stamp/993750_2_2.jpg", published / "graphic_map/993750_2_2.jpg")
        (published / "stamp").rmdir()
        assert {i.item_id: i.label for i in items_of(published)}["993750_2_2"] == "graphic_map"

    def test_suffixes_in_any_case_and_debris(self, published: Path) -> None:
        for name in ("1_1_1.JPG", "1_1_2.jpeg", "1_1_3.Png", "1_1_4.tif", "1_1_5.TIFF"):
            put(published, f"stamp/{name}")
        for name in ("stamp/.DS_Store", "stamp/._1_1_1.jpg", "stamp/Thumbs.db", "__MACOSX/stamp/1_1_9.jpg"):
            put(published, name)
        put(published, ".hidden/1_1_9.jpg")
        put(published, "readme.md")
        assert [i.item_id for i in items_of(published) if i.group == "1"] == [f"1_1_{n}" for n in range(1, 6)]

    def test_decomposed_names_are_composed(self, tmp_path: Path) -> None:
        put(tmp_path, "か\u3099/1_1_1.jpg")
        settings = FolderSettings(root=tmp_path, layout="class_folders", licence="PDM")
        assert [i.label for i in folder_items(settings, {"が"})] == ["が"]

    def test_all_faults_come_at_once(self, published: Path) -> None:
        put(published, "picture_nature/1_1_1.jpg")
        put(published, "mountains/1_1_1.jpg")
        (published / "picture_person").mkdir()
        put(published, "stamp/cover.jpg")
        put(published, "stamp/notes.txt")
        put(published, "stamp/deeper/1_1_1.jpg")
        put(published, "1_1_1.jpg")
        text = refusal(published)
        assert "2 class folders that the label hierarchy lacks (mountains, picture_nature)" in text
        assert "class folders without an image (picture_person)" in text
        assert "file names not of the form" in text
        assert "stamp/cover.jpg" in text
        assert "stamp/notes.txt" in text
        assert "folders inside a class folder (stamp/deeper)" in text
        assert "images outside a class folder (1_1_1.jpg)" in text
        assert "add the class to the label hierarchy" in text

    def test_missing_empty_and_unreadable_roots(self, tmp_path: Path) -> None:
        assert "is missing" in refusal(tmp_path / "none")
        assert "is not a folder" in refusal(put(tmp_path, "file"))
        (tmp_path / "empty").mkdir()
        assert "without a class folder" in refusal(tmp_path / "empty")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
    def test_a_folder_without_rights(self, published: Path) -> None:
        (published / "stamp").chmod(0)
        try:
            assert "cannot be listed" in refusal(published)
        finally:
            (published / "stamp").chmod(0o755)

    def test_links_are_followed_only_within_the_root(self, published: Path, tmp_path: Path) -> None:
        outside = put(tmp_path, "secret.jpg")
        (published / "stamp/1_1_1.jpg").symlink_to(outside)
        (published / "stamp/1_1_2.jpg").symlink_to(published / "none.jpg")
        (published / "stamp/1_1_3.jpg").symlink_to("1_1_3.jpg")
        (published / "graphic_map2").symlink_to(published / "graphic_map")
        text = refusal(published)
        assert "1 links that leave the folder (stamp/1_1_1.jpg)" in text
        assert "2 things that are neither file nor folder (stamp/1_1_2.jpg, stamp/1_1_3.jpg)" in text
        assert "1 linked folders (graphic_map2)" in text

    def test_a_link_within_the_root_is_a_figure(self, published: Path) -> None:
        (published / "stamp/1_1_1.jpg").symlink_to("993750_2_2.jpg")
        assert "1_1_1" in {i.item_id for i in items_of(published)}

    def test_a_linked_root_is_followed(self, published: Path, tmp_path: Path) -> None:
        (tmp_path / "link").symlink_to(published)
        assert len(items_of(tmp_path / "link")) == len(FIGURES)

    def test_a_pipe_is_refused_and_not_read(self, published: Path) -> None:
        os.mkfifo(published / "stamp/1_1_1.jpg")
        assert "neither file nor folder (stamp/1_1_1.jpg)" in refusal(published)

    def test_names_that_are_no_text(self, published: Path) -> None:
        path = os.fsencode(published / "stamp") + b"/\xff_1_1.jpg"
        try:
            Path(os.fsdecode(path)).write_bytes(b"image")
        except OSError:
            pytest.skip("this file system takes only UTF-8 names")
        text = refusal(published)
        assert "1 names that are not UTF-8 (stamp/\\udcff_1_1.jpg)" in text
        text.encode()

    def test_files_that_claim_one_id_are_all_refused_when_read(self, published: Path) -> None:
        put(published, "stamp/1017141_454_0.jpg", b"other")
        put(published, "stamp/993750_2_2.png")
        items = items_of(published)
        assert len({i.item_id for i in items}) == len(items) == len(FIGURES) + 2
        clashing = [i for i in items if "/" in i.item_id]
        assert [i.item_id for i in clashing] == [
            "graphic_graph/1017141_454_0.jpg",
            "stamp/1017141_454_0.jpg",
            "stamp/993750_2_2.jpg",
            "stamp/993750_2_2.png",
        ]
        with pytest.raises(
            OSError, match=r"several files claim the id 1017141_454_0: graphic_graph/.*, stamp/"
        ):
            pickle.loads(pickle.dumps(clashing[0])).read()

    def test_another_pattern_for_the_group(self, tmp_path: Path) -> None:
        put(tmp_path, "stamp/book7-p3.jpg")
        assert items_of(tmp_path, group_pattern=r"(book\d+)-p\d+")[0].group == "book7"

    def test_published_samples(self) -> None:
        root = SHARED / "ndl/imagelabel/sampleimg"
        if not root.exists():
            pytest.skip("the published samples do not lie beside the repository")
        settings = FolderSettings(
            root=root, layout="class_folders", licence="PDM", metadata=root.parent / "metadata.csv"
        )
        items = folder_items(settings, {path.name for path in root.iterdir()})
        assert len(items) == 18
        assert all(i.title and i.read()[:3] == b"\xff\xd8\xff" for i in items)


class TestBookFolders:
    def test_lists_unlabelled_figures_by_book(self, tmp_path: Path) -> None:
        put(tmp_path, "1054192/1054192_10_0.jpg", b"a")
        put(tmp_path, "diary/p1.png", b"b")
        items = items_of(tmp_path, "book_folders", source_url=BOOK_URL)
        assert [(i.item_id, i.label, i.group) for i in items] == [
            ("1054192_10_0", "", "1054192"),
            ("diary/p1", "", "diary"),
        ]
        assert [i.read() for i in items] == [b"a", b"b"]
        assert items[0].source_url.endswith("/1054192")

    def test_faults_are_listed(self, tmp_path: Path) -> None:
        put(tmp_path, "1054192/1054192_10_0.gif")
        put(tmp_path, "stray.jpg")
        text = refusal(tmp_path, "book_folders")
        assert "book folders without an image (1054192)" in text
        assert "1054192/1054192_10_0.gif" in text
        assert "images outside a book folder (stray.jpg)" in text

    def test_published_corpus(self) -> None:
        root = SHARED / "ndl/figures_unlabelled/input"
        if not root.exists():
            pytest.skip("the published corpus does not lie beside the repository")
        items = items_of(root, "book_folders")
        assert len(items) == 60
        assert {i.group for i in items} == {"1054192"}


class TestTable:
    def table(self, root: Path, *rows: str, header: str = "path,label,group,doc") -> None:
        put(root, "labels.csv", "\r\n".join([header, *rows, ""]).encode())

    def test_lists_what_the_table_names(self, tmp_path: Path) -> None:
        put(tmp_path, "maps/b.JPG", b"b")
        put(tmp_path, "maps/a.png", b"a")
        put(tmp_path, "maps/unlisted.png")
        self.table(tmp_path, r"maps\b.JPG,graphic_map,7,x1", "maps/a.png,stamp,8,")
        items = items_of(tmp_path, "table", source_url="https://example.org/{doc}")
        assert [(i.item_id, i.label, i.group, i.source_url, i.licence) for i in items] == [
            ("maps/a", "stamp", "8", "", "PDM"),
            ("maps/b", "graphic_map", "7", "https://example.org/x1", "PDM"),
        ]
        assert [i.read() for i in items] == [b"a", b"b"]

    def test_wrong_columns_name_those_found_and_expected(self, tmp_path: Path) -> None:
        self.table(tmp_path, header="file,label,group")
        text = refusal(tmp_path, "table", source_url="{doc}")
        assert "has no column path, doc; its columns are file, label, group" in text
        assert "the columns path, label, group, doc" in text
        assert "has no column class" in refusal(tmp_path, "table", path_column="file", label_column="class")

    def test_missing_table(self, tmp_path: Path) -> None:
        assert "labels.csv cannot be read" in refusal(tmp_path, "table")

    def test_table_without_rows(self, tmp_path: Path) -> None:
        self.table(tmp_path)
        assert "tables without a row" in refusal(tmp_path, "table")

    def test_all_faults_come_at_once_with_lines(self, tmp_path: Path) -> None:
        root = tmp_path / "root"
        put(root, "a.jpg")
        put(root, "a.png")
        put(tmp_path, "secret.jpg")
        (root / "link.jpg").symlink_to(tmp_path / "secret.jpg")
        self.table(
            root,
            "a.jpg,stamp,1,",
            "a.png,stamp,1,",
            "a.jpg,stamp,1,",
            "../secret.jpg,stamp,1,",
            f"{tmp_path}/secret.jpg,stamp,1,",
            r"C:\secret.jpg,stamp,1,",
            "link.jpg,stamp,1,",
            "none.jpg,mountain,,",
            f"{'x' * 300}.jpg,stamp,1,",
            "labels.csv,stamp,1,",
            "a.jpg,stamp",
        )
        text = refusal(root, "table")
        assert "2 figures listed twice (line 3: a, first on line 2, line 4: a, first on line 2)" in text
        assert "3 paths that are empty or leave the folder (line 5: " in text
        assert "1 links that leave the folder (line 8: 'link.jpg')" in text
        assert "2 files that are missing (line 9: 'none.jpg'" in text
        assert "labels that the label hierarchy lacks (line 9: 'mountain')" in text
        assert "rows without a group (line 9)" in text
        assert "files that are no .jpg, .jpeg, .png, .tif or .tiff (line 11: 'labels.csv')" in text
        assert "rows without exactly 4 cells (line 12: 2)" in text

    def test_four_kinds(self) -> None:
        root = SHARED / "figures/four_kinds"
        if not root.exists():
            pytest.skip("the figures of four kinds do not lie beside the repository")
        settings = FolderSettings(
            root=root, layout="table", licence="unknown", source_url="https://gallica.bnf.fr/{gallica_doc}"
        )
        items = folder_items(settings, {"carte", "dessin", "photo", "filtre"})
        assert len(items) == 284
        assert len({i.group for i in items}) == 251
        assert items[0].source_url == "https://gallica.bnf.fr/bpt6k4600070w"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"group_pattern": r"\d+"}, "names the group"),
        ({"group_pattern": "("}, "not a regular expression"),
        ({"source_url": "{pid}"}, "source_url names pid; known are group, item_id, label"),
        ({"source_url": "{group.__class__}"}, "source_url names group.__class__"),
        ({"source_url": "{group"}, "expected '}'"),
        ({"layout": "heap"}, "layout"),
        ({"licence": ""}, "licence"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_settings_that_make_no_sense(tmp_path: Path, fields: dict[str, str], fault: str) -> None:
    values = {"root": str(tmp_path), "layout": "class_folders", "licence": "PDM"} | fields
    with pytest.raises(ConfigError) as caught:
        parse_settings(values, FolderSettings, "the test")
    assert fault in str(caught.value)
