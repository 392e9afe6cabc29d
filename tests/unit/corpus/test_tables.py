"""Tables joined from parts."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from zuroku.corpus.tables import concatenate, figures_schema, table_bytes

SCHEMA = figures_schema(4)


def row(index: int) -> dict[str, object]:
    values: dict[str, object] = dict.fromkeys(SCHEMA.names)
    vector = np.random.default_rng(index).random(4, dtype=np.float32)
    return values | {
        "figure_id": f"f{index}",
        "tags": ["a"] * (index % 3),
        "embedding": vector,
        "offset": index,
    }


def parts(folder: Path, sizes: list[int]) -> list[Path]:
    folder.mkdir()
    paths, start = [], 0
    for number, size in enumerate(sizes):
        path = folder / f"{number}.parquet"
        path.write_bytes(table_bytes([row(i) for i in range(start, start + size)], SCHEMA))
        paths.append(path)
        start += size
    return paths


@pytest.mark.parametrize("sizes", [[10], [0, 3, 0, 7], [1] * 10, [9, 1]])
def test_how_rows_were_cut_leaves_no_trace(tmp_path: Path, sizes: list[int]) -> None:
    concatenate(parts(tmp_path / "one", [4, 6]), tmp_path / "one.parquet", SCHEMA, 4)
    concatenate(parts(tmp_path / "other", sizes), tmp_path / "other.parquet", SCHEMA, 4)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "other.parquet").read_bytes()
    file = pq.ParquetFile(tmp_path / "other.parquet")
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [4, 4, 2]
    rows = file.read().to_pylist()
    assert [r["figure_id"] for r in rows] == [f"f{i}" for i in range(10)]
    np.testing.assert_array_equal(rows[7]["embedding"], row(7)["embedding"])


def test_no_rows_still_make_a_table(tmp_path: Path) -> None:
    concatenate(parts(tmp_path / "none", [0, 0]), tmp_path / "none.parquet", SCHEMA, 4)
    table = pq.read_table(tmp_path / "none.parquet")
    assert table.num_rows == 0
    assert table.schema.equals(SCHEMA)
