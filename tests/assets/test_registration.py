"""What a profile releases under a name of its own, it registers under that name too."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
import yaml

from assets import corpus, embeddings, figures, geolocation, layout
from assets.embedding_study import CHAIN, IMAGENET
from assets.lineages import build_assets
from assets.outputs import ARTIFACT
from tests.workspace import REPOSITORY
from zuroku.artifacts import Artifact
from zuroku.config import Settings
from zuroku.profile import Profile

SPACES = {"general": embeddings.MODEL, "museum": CHAIN, "frozen": IMAGENET}
OWN = {name: f"my_{name}" for name in (figures.MODEL, layout.MODEL, geolocation.MODEL, *SPACES.values())}
EXPECTED = OWN | {f"{figures.MODEL}_faithful": f"{OWN[figures.MODEL]}_faithful"}


class Books:
    """Notes the name under which an asset registers, and ends the asset there."""

    def __init__(self) -> None:
        self.names: list[str] = []

    @contextmanager
    def run(self, context: object, settings: Settings, inputs: Mapping[str, Artifact]) -> Iterator["Books"]:
        yield self

    def log_metrics(self, metrics: Mapping[str, float]) -> None:
        pass

    def register(self, name: str, bundle: Artifact) -> None:
        self.names.append(name)
        raise RuntimeError("registered")


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    """The sample, with a name of its own for every model that it releases."""
    own = Profile("town", tmp_path)
    shutil.copytree(REPOSITORY / "configs" / "sample", own.configs)
    for name, model in OWN.items():
        path = own.configs / f"{name}_release.yaml"
        # What fills a space is released as the main line's embedder is.
        like = path if path.is_file() else own.configs / f"{embeddings.MODEL}_release.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(like.read_text()) | {"model": model}))
    path = own.configs / f"{corpus.FIGURES}.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"embedders": SPACES}))
    return own


def _given(key: dg.AssetKey, artifact: Artifact) -> dg.AssetsDefinition:
    @dg.asset(key=key, dagster_type=ARTIFACT)
    def given() -> Artifact:
        return artifact

    return given


@pytest.mark.parametrize("name", [*EXPECTED, *geolocation.STUDIED, geolocation.PAPER])
def test_a_model_is_registered_as_it_is_released(
    profile: Profile, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Artifact(profile.root, "0" * 64)

    def trained(*arguments: Any) -> Artifact:
        return bundle

    for module, task, read in [
        (figures, "train_figure_tagger", "read_card"),
        (layout, "train_layout_detector", "open_card"),
        (embeddings, "train_embedder", "open_card"),
        (embeddings, "build_embedder", "open_card"),
        (geolocation, "train_geolocator", "open_card"),
    ]:
        monkeypatch.setattr(module, task, trained)
        monkeypatch.setattr(module, "Dataset", lambda folder: None)
        monkeypatch.setattr(module, read, lambda *asked: SimpleNamespace(validation={}))
    (asset,) = (one for one in build_assets(profile) if one.key == dg.AssetKey(name))
    books = Books()
    inputs = [_given(key, bundle) for key in asset.dependency_keys]
    result = dg.materialize(
        [*inputs, asset],
        resources={"io_manager": dg.mem_io_manager, "tracker": books},
        raise_on_error=False,
    )
    assert not result.success
    assert books.names == [EXPECTED.get(name, name)]
