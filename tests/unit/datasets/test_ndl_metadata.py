"""The published table: the real one reads as published, and every fault is named with its line."""

from pathlib import Path

import pytest

from tests.unit.datasets.ndl_server import FIGURES, metadata_csv, metadata_row, published_csv
from zuroku.datasets.ndl_imagelabel import (
    COLUMNS,
    PUBLISHED_CLASS_COUNTS,
    check_class_counts,
    read_metadata,
)
from zuroku.errors import SourceError

REAL = Path(__file__).resolve().parents[4] / "shared/data/ndl/imagelabel/metadata.csv"


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "metadata.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def refusal(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        read_metadata(path)
    assert str(path) in caught.value.found
    assert caught.value.expected
    assert caught.value.remedy
    return str(caught.value)


def row_with(column: int, value: str) -> list[str]:
    row = metadata_row("1017141_454_0", "graphic_graph")
    row[column] = value
    return row


@pytest.mark.skipif(not REAL.exists(), reason="the real metadata.csv does not lie beside the repository")
def test_real_table_has_the_published_class_counts() -> None:
    table = read_metadata(REAL)
    check_class_counts(table["label"])
    assert table["label"].value_counts().to_dict() == dict(PUBLISHED_CLASS_COUNTS)
    assert len(table) == 6405
    assert table["pid"].nunique() == 3349
    assert table["item_id"].is_unique
    assert table.iloc[0][["pid", "frame", "index", "title", "path", "region"]].tolist() == [
        "1017141",
        454,
        0,
        "経済学全集",
        "graphic_graph/1017141_454_0.jpg",
        "15.0,20.1,28.5,66.7",
    ]


def test_published_counts_sum_to_the_published_total() -> None:
    assert sum(PUBLISHED_CLASS_COUNTS.values()) == 6405


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_reads_utf8_with_and_without_a_byte_order_mark(tmp_path: Path, mark: bytes) -> None:
    table = read_metadata(written(tmp_path, mark + published_csv().encode()))
    assert table["item_id"].tolist() == list(FIGURES)
    assert table["label"].tolist() == list(FIGURES.values())
    assert str(table["frame"].dtype) == str(table["index"].dtype) == "int64"


def test_column_order_and_further_columns_do_not_matter(tmp_path: Path) -> None:
    header = [*reversed(COLUMNS), "備考"]
    row = [*reversed(metadata_row("1017141_454_0", "graphic_graph")), ""]
    table = read_metadata(written(tmp_path, metadata_csv([row], header)))
    assert table["title"].tolist() == ["経済学全集"]


def test_a_title_over_two_lines_keeps_the_line_numbers_right(tmp_path: Path) -> None:
    first = row_with(3, '"上\n下"')
    text = refusal(written(tmp_path, metadata_csv([first, row_with(0, "cover.jpg")])))
    assert "line 4: 'cover.jpg'" in text


def test_shift_jis_is_named_with_its_cure(tmp_path: Path) -> None:
    text = refusal(written(tmp_path, published_csv().encode("cp932")))
    assert "Shift-JIS (cp932), not UTF-8" in text
    assert "iconv -f CP932 -t UTF-8" in text


def test_utf16_and_unknown_bytes_are_named(tmp_path: Path) -> None:
    assert "UTF-16" in refusal(written(tmp_path, published_csv().encode("utf-16")))
    assert "unknown encoding" in refusal(written(tmp_path, b"\x81 \xff"))


@pytest.mark.parametrize("data", [b"", b"\xef\xbb\xbf", b"\r\n \n"])
def test_empty_file(tmp_path: Path, data: bytes) -> None:
    assert "is empty" in refusal(written(tmp_path, data))


def test_header_alone(tmp_path: Path) -> None:
    assert "tables without a row" in refusal(written(tmp_path, metadata_csv([])))


def test_missing_file(tmp_path: Path) -> None:
    assert "cannot be read" in refusal(tmp_path / "metadata.csv")


def test_missing_and_renamed_columns_are_all_listed(tmp_path: Path) -> None:
    header = list(COLUMNS)
    header[1], header[4] = "label", "URL"
    text = refusal(written(tmp_path, metadata_csv([], header)))
    assert "has no column ラベル名, 資料のURL" in text
    assert "its columns are ファイル名, label" in text


def test_a_column_named_twice(tmp_path: Path) -> None:
    header = [*COLUMNS, "タイトル"]
    assert "names タイトル twice" in refusal(written(tmp_path, metadata_csv([], header)))


def test_unclosed_quote(tmp_path: Path) -> None:
    text = refusal(written(tmp_path, published_csv() + '"1017141_454_0.jpg,'))
    assert "broken CSV in the row that begins on line 6" in text


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        (0, "cover.jpg", "file names not of the form"),
        (0, "1017141_454.jpg", "file names not of the form"),
        (1, "", "rows without a class"),
        (2, "stamp\\1017141_454_0.jpg", "paths that are not class"),
        (2, "..\\1017141_454_0.jpg", "paths that are not class"),
        (4, "https://dl.ndl.go.jp/info:ndljp/pid/999", "book URLs without the PID"),
        (5, "https://www.dl.ndl.go.jp/", "no IIIF crop"),
        (5, metadata_row("999_454_0", "x")[5], "another PID or frame"),
        (5, metadata_row("1017141_455_0", "x")[5], "another PID or frame"),
        (5, metadata_row("1017141_454_0", "x")[5].replace("28.5", "0"), "impossible region"),
        (5, metadata_row("1017141_454_0", "x")[5].replace("28.5", "1.2.3"), "impossible region"),
    ],
)
def test_each_faulty_cell_is_named_with_its_line(tmp_path: Path, column: int, value: str, kind: str) -> None:
    rows = [metadata_row("993750_2_2", "stamp"), row_with(column, value)]
    text = refusal(written(tmp_path, metadata_csv(rows)))
    assert kind in text
    assert "line 3" in text


def test_all_faults_come_at_once_with_counts_and_the_first_five(tmp_path: Path) -> None:
    rows = [row_with(0, f"cover{n}.jpg") for n in range(8)]
    rows += [metadata_row("993750_2_2", "stamp")] * 2
    rows += [["too", "short"]]
    text = refusal(written(tmp_path, metadata_csv(rows)))
    assert "has 10 faults" in text
    assert "8 file names not of the form PID_frame_index.jpg" in text
    assert "line 6: 'cover4.jpg', and 3 more" in text
    assert "1 figures listed twice (line 11: '993750_2_2.jpg', first on line 10)" in text
    assert "rows without exactly 6 cells (line 12: 2)" in text


def test_class_counts_list_every_difference() -> None:
    labels = ["a"] * 3 + ["b"] + ["c"]
    with pytest.raises(SourceError, match="3 class counts differ") as caught:
        check_class_counts(labels, {"a": 2, "b": 1, "d": 4})
    assert "a 3 instead of 2, c 1 instead of 0, d 0 instead of 4" in str(caught.value)
