"""What an embedder started from, where another is released meanwhile."""

import json
from pathlib import Path

import pytest
from torch import nn

from zuroku.artifacts import Artifact, build, verify
from zuroku.models.embedding import create


def sealed(folder: Path, groups: list[str]) -> Artifact:
    return build(folder, lambda out: (out / "training_groups.json").write_text(json.dumps(groups)))


def test_an_embedder_and_its_groups_are_told_of_one_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sealed(tmp_path / "first", ["a"]), sealed(tmp_path / "second", ["b"])
    champion = tmp_path / "champion"
    champion.symlink_to(first.path)

    def released_after(folder: Path) -> Artifact:
        found = verify(folder)
        champion.unlink()
        champion.symlink_to(second.path)
        return found

    monkeypatch.setattr(create, "verify", released_after)
    origin = create.weights_origin(str(champion), nn.Identity())
    assert origin == (f"embedder:{first.sha256}", {"weights": first.sha256}, {"a"})
