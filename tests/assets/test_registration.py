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

from assets import embeddings, geolocation, layout
from assets.lineages import build_assets
from assets.outputs import ARTIFACT
from tests.workspace import REPOSITORY
from zuroku.artifacts import Artifact
from zuroku.config import Settings
from zuroku.profile import Profile

OWN = {name: f"my_{name}" for name in (layout.MODEL, embeddings.MODEL, geolocation.MODEL)}


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
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | {"model": model}))
    return own


def _given(key: dg.AssetKey, artifact: Artifact) -> dg.AssetsDefinition:
    @dg.asset(key=key, dagster_type=ARTIFACT)
    def given() -> Artifact:
        return artifact

    return given


@pytest.mark.parametrize("name", [*OWN, *geolocation.STUDIED])
def test_a_model_is_registered_as_it_is_released(
    profile: Profile, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = Artifact(profile.root, "0" * 64)

    def trained(*arguments: Any) -> Artifact:
        return bundle

    for module, task in [
        (layout, "train_layout_detector"),
        (embeddings, "train_embedder"),
        (geolocation, "train_geolocator"),
    ]:
        monkeypatch.setattr(module, task, trained)
        monkeypatch.setattr(module, "Dataset", lambda folder: None)
        monkeypatch.setattr(module, "open_card", lambda folder, kind: SimpleNamespace(validation={}))
    (asset,) = (one for one in build_assets(profile) if one.key == dg.AssetKey(name))
    books = Books()
    inputs = [_given(key, bundle) for key in asset.dependency_keys]
    result = dg.materialize(
        [*inputs, asset],
        resources={"io_manager": dg.mem_io_manager, "tracker": books},
        raise_on_error=False,
    )
    assert not result.success
    assert books.names == [OWN.get(name, name)]
