"""The commands ``search`` and ``rollback``: which space answers, what is refused, and the way back."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from tests.unit.indexes.figure_entries import (
    DATA,
    DIMENSION,
    ROUTES,
    SETTINGS,
    entries,
    thumbnail,
    unit_vectors,
)
from zuroku.artifacts import SEAL, Artifact, build, file_sha256
from zuroku.cli import app
from zuroku.errors import BundleError
from zuroku.indexes.build import build_index
from zuroku.indexes.bundle import EncoderIdentity, SpaceEncoder
from zuroku.profile import champion_folder
from zuroku.publishing import publish


class FakeEmbedder:
    """Sees figure 5, a landmark, in every image."""

    def __init__(self, folder: Path) -> None:
        self.sha256 = file_sha256(folder / SEAL)

    def embed_bytes(self, data: bytes) -> np.ndarray:
        return unit_vectors(12)[5]


class FakeTagger:
    """Gives every image the tag that its bundle holds."""

    def __init__(self, folder: Path) -> None:
        path = folder / "tag"
        if not path.is_file():
            raise BundleError(f"no model bundle in {folder}", expected="a tagger", remedy="train one")
        self.card = SimpleNamespace(labels=[path.read_text()], size_px=32)

    def probabilities(self, pixels: np.ndarray) -> np.ndarray:
        return np.ones(1, dtype=np.float32)

    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        return probabilities > 0.5


@pytest.fixture(autouse=True)
def fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the fakes where the command looks for models."""
    monkeypatch.setattr("zuroku.models.embedding.predictor.EmbedderPredictor", FakeEmbedder)
    monkeypatch.setattr("zuroku.models.tagger_predictor.TaggerPredictor", FakeTagger)


def written(name: str, text: str) -> Callable[[Path], None]:
    def make(work: Path) -> None:
        (work / name).write_text(text)

    return make


@pytest.fixture(scope="module")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SpaceEncoder]:
    """Sealed folders that stand for encoders."""
    folder = tmp_path_factory.mktemp("encoders")
    found = {}
    for space in ("general", "landmark"):
        bundle = build(folder / space, written("name", space))
        identity = EncoderIdentity(
            name=space, sha256=bundle.sha256, preprocessing="squashed", dimension=DIMENSION
        )
        found[space] = SpaceEncoder(identity, bundle.path)
    return found


def index_of(folder: Path, encoders: dict[str, SpaceEncoder], n: int = 12) -> Artifact:
    return build_index(entries(n), SETTINGS, encoders, ROUTES, folder, DATA)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "query.jpg"
    path.write_bytes(thumbnail(40))
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_with_one_space_no_tagger_is_needed(tmp_path: Path, encoders, image: Path) -> None:
    made = index_of(tmp_path / "index", {"general": encoders["general"]})
    result = run("search", image, "--index", made.path, "--var", tmp_path / "var", "--k", 3)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "space general (the only one)"
    assert "fig005" in lines[3]
    assert len(lines) == 6


@pytest.mark.parametrize(
    ("tag", "space", "why"),
    [
        ("picture_landmark", "landmark", "where picture_landmark belongs"),
        ("stamp", "general", "the default for stamp"),
        ("picture_indoor", "general", "because indoor_scene, where picture_indoor belongs, is empty"),
    ],
)
@pytest.mark.parametrize("released", [True, False])
def test_with_several_the_tag_of_the_image_chooses(
    tmp_path: Path, encoders, image: Path, tag: str, space: str, why: str, released: bool
) -> None:
    made = index_of(tmp_path / "index", encoders)
    tagger = build(tmp_path / "tagger", written("tag", tag))
    chosen: tuple[object, ...] = ("--tagger", tagger.path)
    if released:
        publish(tagger, champion_folder(tmp_path / "var", "figure_tagger"), "sample")
        chosen = ("--var", tmp_path / "var")
    result = run("search", image, "--index", made.path, *chosen)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"space {space} (the query is tagged {tag}: ")
    assert why in result.stdout.splitlines()[0]
    assert ("fig005" in result.stdout) == (space == "landmark")


def test_without_a_tagger_the_remedy_is_said_and_a_space_may_be_named(
    tmp_path: Path, encoders, image: Path
) -> None:
    made = index_of(tmp_path / "index", encoders)
    arguments = ("search", image, "--index", made.path, "--var", tmp_path / "var")
    result = run(*arguments)
    assert result.exit_code == 1
    assert "no model bundle" in result.stderr
    for named, space in (
        (("--space", "landmark"), "landmark"),
        (("--tag", "stamp"), "general"),
        (("--space", "general", "--exact"), "general"),
    ):
        result = run(*arguments, *named)
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith(f"space {space} (")


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (("--space", "museum"), "no space 'museum'"),
        (("--tag", "maps"), "primary tag 'maps'"),
        (("--space", "landmark", "--tag", "stamp"), "in the space landmark has the primary tag 'stamp'"),
    ],
)
def test_what_is_not_there_is_said(tmp_path: Path, encoders, image: Path, named, said: str) -> None:
    made = index_of(tmp_path / "index", encoders)
    result = run("search", image, "--index", made.path, *named)
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stdout == ""


def test_a_vector_by_another_encoder_is_refused(
    tmp_path: Path, encoders, image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = index_of(tmp_path / "index", encoders)
    monkeypatch.setattr("tests.unit.test_cli_search.file_sha256", lambda path: "00" * 32)
    result = run("search", image, "--index", made.path, "--space", "landmark")
    assert result.exit_code == 1
    assert "BundleError: a query made by the encoder 0000" in result.stderr


def test_a_rollback_brings_the_index_before_back(tmp_path: Path, encoders, image: Path) -> None:
    var = tmp_path / "var"
    first, second = (index_of(tmp_path / str(n), {"general": encoders["general"]}, n) for n in (2, 12))
    for made in (first, second):
        publish(made, champion_folder(var, "figure_index"), "sample")
    assert "fig005" in run("search", image, "--var", var).stdout
    result = run("rollback", "figure_index", "--var", var)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"figure_index: version {first.sha256[:16]} is published again\n"
    assert "fig005" not in run("search", image, "--var", var).stdout
    result = run("rollback", "figure_index", "--var", var)
    assert result.exit_code == 1
    assert "no version before" in result.stderr


def test_a_model_is_not_taken_back_beside_the_registry(tmp_path: Path) -> None:
    var = tmp_path / "var"
    for name in ("first", "second"):
        made = build(tmp_path / name, lambda work: (work / "card.json").write_text(work.name) and None)
        publish(made, champion_folder(var, "figure_embedder"), "sample")
    before = champion_folder(var, "figure_embedder").resolve()
    result = run("rollback", "figure_embedder", "--var", var)
    assert result.exit_code == 1
    assert "make rollback MODEL=figure_embedder" in result.stderr
    assert champion_folder(var, "figure_embedder").resolve() == before


def test_nothing_to_take_back_is_said(tmp_path: Path) -> None:
    result = run("rollback", "figure_indexes", "--var", tmp_path)
    assert result.exit_code == 1
    assert "nothing is published" in result.stderr
