"""Batches of books: permanent, complete, and told apart by their content."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.unit.training.page_data import page_dataset
from zuroku.config import config_hash
from zuroku.corpus.batches import BatchPages, CorpusSettings, batch_names, batch_of
from zuroku.corpus.pages import DatasetPages
from zuroku.datasets.manifest import MANIFEST


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the manifest of a dataset as it was with four books, and the dataset grown to six."""
    grown = page_dataset(tmp_path_factory.mktemp("grown"), books=6).root
    small = tmp_path_factory.mktemp("small")
    table = pq.read_table(grown / MANIFEST)
    pq.write_table(table.slice(0, 8), small / MANIFEST)
    return small, grown


def test_every_page_is_in_exactly_one_batch(folders: tuple[Path, Path]) -> None:
    whole = [page.page_id for page in DatasetPages(folders[1])]
    parts = [page.page_id for name in batch_names(3) for page in BatchPages(folders[1], name, 3)]
    assert sorted(parts) == sorted(whole)
    assert len(whole) == 12


def test_a_batch_changes_only_when_its_own_books_do(folders: tuple[Path, Path]) -> None:
    small, grown = folders
    changed = {
        name
        for name in batch_names(3)
        if BatchPages(small, name, 3).fingerprint != BatchPages(grown, name, 3).fingerprint
    }
    before = {page.group for page in DatasetPages(small)}
    after = {page.group for page in DatasetPages(grown)}
    assert changed == {batch_of(group, 3) for group in after - before}


def test_batches_are_about_equal() -> None:
    counts = dict.fromkeys(batch_names(4), 0)
    for number in range(4000):
        counts[batch_of(str(9_000_000 + number), 4)] += 1
    assert all(900 < count < 1100 for count in counts.values())


@pytest.mark.parametrize(
    "values", [{"workers": 8}, {"ray": {"actors": 4}}, {"line": {"max_bad_share": 0.5}}], ids=str
)
def test_what_the_figures_do_not_follow_from_leaves_finished_batches_where_they_are(
    values: dict[str, object],
) -> None:
    usual = CorpusSettings(batches=2)
    changed = CorpusSettings.model_validate({"batches": 2} | values)
    assert changed != usual
    assert config_hash(changed) == config_hash(usual)


@pytest.mark.parametrize(
    "values",
    [
        {"batches": 3},
        {"line": {"pages_per_unit": 4}},
        {"stage": {"min_score": 0.5}},
        {"embedders": {"general": "figure_embedder_imet"}},
    ],
    ids=str,
)
def test_what_the_figures_follow_from_makes_other_batches(values: dict[str, object]) -> None:
    changed = CorpusSettings.model_validate({"batches": 2} | values)
    assert config_hash(changed) != config_hash(CorpusSettings(batches=2))
