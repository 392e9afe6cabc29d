"""What is served is looked at: gone, another than the alias, or damaged; and cheaply."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from assets.tracking import Champion
from orchestration import publications as module
from orchestration.publications import Publication, publication_fault, publications
from tests.workspace import REPOSITORY
from zuroku.artifacts import Artifact, build
from zuroku.profile import Profile
from zuroku.publishing import publish

Lookup = Callable[[str], Champion | None]


def bundle(folder: Path, text: str) -> Artifact:
    return build(
        folder, lambda work: [(work / name).write_text(text) for name in ("card.json", "model.onnx")]
    )


@pytest.fixture
def made(tmp_path: Path) -> Artifact:
    return bundle(tmp_path / "made", "weights")


@pytest.fixture
def served(made: Artifact, tmp_path: Path) -> Path:
    champion = tmp_path / "models" / "tagger" / "champion"
    publish(made, champion, "sample")
    return champion


def alias(artifact: Artifact | None) -> Lookup:
    return lambda model: None if artifact is None else Champion("1", artifact.sha256, "sample")


def test_what_is_whole_and_the_champion_has_no_fault(served: Path, made: Artifact) -> None:
    assert publication_fault(Publication(served, "tagger"), alias(made)) == ""
    assert publication_fault(Publication(served), alias(None)) == ""


def test_a_model_is_gone_only_where_there_is_a_champion(tmp_path: Path, made: Artifact) -> None:
    nothing = Publication(tmp_path / "nothing" / "champion", "tagger")
    assert publication_fault(nothing, alias(None)) == ""
    assert "gone" in publication_fault(nothing, alias(made))
    assert "gone" in publication_fault(Publication(nothing.folder), alias(None))


def test_a_publication_must_be_what_the_alias_names(served: Path, tmp_path: Path) -> None:
    other = bundle(tmp_path / "other", "other weights")
    assert "not the champion" in publication_fault(Publication(served, "tagger"), alias(other))
    assert "not the champion" in publication_fault(Publication(served, "tagger"), alias(None))


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "model.onnx").write_text("weightz"),
        lambda folder: (folder / "model.onnx").write_text(""),
        lambda folder: (folder / "model.onnx").unlink(),
        lambda folder: (folder / "stranger").touch(),
    ],
)
def test_a_damaged_publication_is_found(served: Path, made: Artifact, harm: Callable[[Path], None]) -> None:
    harm(served.resolve())
    assert "damaged" in publication_fault(Publication(served, "tagger"), alias(made))


@pytest.mark.parametrize("text", [b"", b"0123", "図".encode()[:2]], ids=["empty", "cut", "cut letter"])
def test_an_index_whose_seal_is_broken_is_found(served: Path, text: bytes) -> None:
    (served / "SHA256SUMS").write_bytes(text)
    assert "damaged" in publication_fault(Publication(served), alias(None))


def test_only_what_was_touched_is_hashed(
    served: Path, made: Artifact, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = []
    monkeypatch.setattr(module, "verify", hashed.append)
    assert publication_fault(Publication(served, "tagger"), alias(made)) == ""
    assert not hashed
    # A copy without its times has been touched, but nothing is wrong with it.
    monkeypatch.undo()
    copy = served.parent / "versions" / "copy"
    shutil.copytree(served.resolve(), copy)
    os.utime(copy / "card.json")
    assert publication_fault(Publication(copy, "tagger"), alias(made)) == ""


def test_every_release_and_index_of_the_sample_is_looked_at() -> None:
    found = {key.to_user_string(): one for key, one in publications(Profile("sample", REPOSITORY)).items()}
    releases = {
        f"{name}_release" for name in ("figure_tagger", "layout_detector", "figure_embedder", "geolocator")
    }
    assert releases | {"figure_index", "place_index"} <= set(found)
    assert found["figure_tagger_release"].model == "figure_tagger"
    assert found["place_index"].model is None
    assert found["place_index"].folder.parent.name == "place_index"
