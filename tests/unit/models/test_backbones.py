"""What a card may tell of the weights that a network started from."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from zuroku.artifacts import Artifact, build, file_sha256
from zuroku.errors import ConfigError, IntegrityError
from zuroku.models.backbones import followed, start_origin, state_sha256


def fresh() -> nn.Module:
    torch.manual_seed(5)
    return nn.Linear(3, 2)


def untouched() -> nn.Module:
    raise AssertionError("no backbone is made from packaged weights or timm's")


@pytest.fixture
def bundle(tmp_path: Path) -> Artifact:
    def write(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"weights")
        (folder / "card.json").write_text("{}")
        (folder / "training_groups.json").write_text(json.dumps(["a", "b"]))

    return build(tmp_path / "bundle", write)


@pytest.mark.parametrize("weights", ["packaged", "timm"])
def test_what_a_package_or_hub_gave_is_told_by_its_values(weights: str) -> None:
    assert start_origin(weights, fresh) == (weights, {"weights": state_sha256(fresh())}, set())


def test_random_weights_have_no_origin() -> None:
    assert start_origin("random", untouched) == ("random", {}, set())


def test_a_file_is_told_by_its_content_and_a_bundle_tells_its_groups(
    bundle: Artifact, tmp_path: Path
) -> None:
    weights = bundle.path / "model.safetensors"
    sha256 = file_sha256(weights)
    named = (f"file:{sha256}", {"weights": sha256})
    assert start_origin(str(weights), untouched) == (*named, {"a", "b"})
    loose = tmp_path / "loose.safetensors"
    loose.write_bytes(weights.read_bytes())
    assert start_origin(str(loose), untouched) == (*named, set())
    link = tmp_path / "link.safetensors"
    link.symlink_to(weights)
    assert start_origin(str(link), untouched) == (*named, {"a", "b"})


@pytest.mark.parametrize("weights", ["packaged", "timm", "random"])
def test_weights_that_are_no_path_are_not_followed(weights: str) -> None:
    assert followed(weights) == weights


def test_links_of_folders_are_followed_and_that_of_a_file_is_not(bundle: Artifact, tmp_path: Path) -> None:
    champion, home = tmp_path / "champion", bundle.path.resolve()
    champion.symlink_to(bundle.path)
    assert followed(str(champion)) == str(home)
    assert followed(str(champion / "model.safetensors")) == str(home / "model.safetensors")
    (bundle.path / "cached.pt").symlink_to(tmp_path / "blob")
    assert followed(str(champion / "cached.pt")) == str(home / "cached.pt")


@pytest.mark.parametrize("name", ["training_groups.json", "SHA256SUMS"])
def test_a_bundle_that_is_not_what_was_sealed_is_no_start(bundle: Artifact, name: str) -> None:
    (bundle.path / name).unlink()
    with pytest.raises(IntegrityError, match=name):
        start_origin(str(bundle.path / "model.safetensors"), untouched)


def test_weights_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no weights at"):
        start_origin(str(tmp_path / "nothing.safetensors"), untouched)
