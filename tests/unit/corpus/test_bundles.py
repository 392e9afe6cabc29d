"""The stage of real bundles: opened where it is needed, or refused."""

import pickle
from pathlib import Path

import pytest

from zuroku.corpus.bundles import StageBundles
from zuroku.corpus.stage import StageSettings
from zuroku.errors import BundleError


def test_the_folders_travel_to_other_processes_and_a_missing_bundle_is_said(tmp_path: Path) -> None:
    embedders = {"general": tmp_path / "embedder"}
    settings = StageSettings(min_score=0.4)
    bundles = StageBundles(tmp_path / "detector", tmp_path / "tagger", embedders, settings)
    travelled = pickle.loads(pickle.dumps(bundles.open))
    assert travelled.__self__ == bundles
    with pytest.raises(BundleError, match=r"no model bundle in .*detector"):
        travelled()
