"""The command ``geolocate``: which model answers for the index in use, also after that was taken back."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tests.unit.indexes.place_photographs import payload, vectors
from tests.unit.models.geolocation import bundles
from zuroku.artifacts import verify
from zuroku.cli import app
from zuroku.geo.answers import AnswerSettings
from zuroku.indexes.answer_policy import AnswerPolicy, RadiusSettings
from zuroku.indexes.place_build import build_place_index
from zuroku.indexes.place_bundle import PlaceIndexSettings
from zuroku.profile import champion_folder
from zuroku.publishing import publish

pytestmark = pytest.mark.slow

N = 12
POLICY = AnswerPolicy(
    rule="cluster_medoid",
    area="everywhere",
    neighbours=5,
    answer=AnswerSettings(),
    radius=RadiusSettings(confidence=0.9, quantile=2.0, normalised=True, floor=1.0, n_groups=40),
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two bundles of other seals."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("first", "second"):
        bundles.bundle(folder / name, bundles.network(), name=name)
    return folder


class Served:
    """A home with released models and published indexes, asked from the command line."""

    def __init__(self, models: Path, home: Path) -> None:
        self.models, self.home = models, home
        (home / "query.webp").write_bytes(bundles.picture(160, 40, 200))

    def release(self, name: str) -> str:
        return publish(verify(self.models / name), champion_folder(self.home, "geolocator"), "sample").sha256

    def index(self, encoder_sha256: str, latitude: float) -> None:
        """Publish an index of photographs about ``latitude``."""
        beside = {
            "policy.json": POLICY.model_dump_json().encode(),
            "names.json": json.dumps(
                {level: {} for level in ("prefecture", "municipality", "town")}
            ).encode(),
        }
        made = build_place_index(
            vectors(N, dimension=24),
            payload(N).assign(latitude=latitude),
            encoder_sha256,
            PlaceIndexSettings(name="place_index"),
            self.home / f"index {latitude}",
            beside=beside,
        )
        publish(made, champion_folder(self.home, "place_index"), "sample")

    def ask(self, *options: str) -> Result:
        arguments = ["geolocate", str(self.home / "query.webp"), "--var", str(self.home), *options]
        return CliRunner().invoke(app, arguments)


@pytest.fixture
def served(models: Path, tmp_path: Path) -> Served:
    return Served(models, tmp_path)


def test_the_index_in_use_is_asked_by_the_model_that_made_it(served: Served) -> None:
    first = served.release("first")
    served.index(first, 35.0)
    second = served.release("second")
    # Its index is not built yet, or was refused.
    assert served.ask().stdout.startswith("35.00000, ")
    served.index(second, 43.0)
    assert served.ask().stdout.startswith("43.00000, ")
    rolled_back = CliRunner().invoke(app, ["rollback", "place_index", "--var", str(served.home)])
    assert rolled_back.exit_code == 0, rolled_back.output
    assert served.ask().stdout.startswith("35.00000, ")


def test_a_model_that_is_not_kept_is_said(served: Served) -> None:
    served.release("first")
    served.index("cd" * 32, 35.0)
    result = served.ask()
    assert result.exit_code == 1
    assert "the geolocator cdcdcdcdcdcdcdcd that made the index is not kept any more" in result.stderr
    assert served.ask("--model", str(served.models / "second")).exit_code == 1
