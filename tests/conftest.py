"""Fixtures of tests in several packages."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.assets.release_workshop import Workshop
    from zuroku.artifacts import Artifact
    from zuroku.datasets.manifest import Dataset

# What is slow to import is imported by the tests that ask for it.


@pytest.fixture(scope="module")
def released_figures(tmp_path_factory: pytest.TempPathFactory) -> "tuple[Dataset, Artifact]":
    """Figures and their splits, on which models are judged."""
    from tests.unit.training import figure_data

    return figure_data.make(tmp_path_factory.mktemp("data"))


@pytest.fixture
def workshop(
    tmp_path: Path, released_figures: "tuple[Dataset, Artifact]", monkeypatch: pytest.MonkeyPatch
) -> "Workshop":
    """A release with answers in place of a network."""
    from tests.assets.release_workshop import Answers, Workshop
    from zuroku.reports import figure_tagger

    monkeypatch.setattr(figure_tagger, "TaggerPredictor", Answers)
    return Workshop(tmp_path, released_figures)
