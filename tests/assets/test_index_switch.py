"""The indexes as Dagster runs them: a bad challenger is stopped, and a wider bound lets it through."""

import json
from pathlib import Path

import dagster as dg
import pytest
import yaml

from assets import geolocation
from assets.corpus import INDEX, MANIFEST, index_asset
from assets.outputs import ARTIFACT
from assets.places import ADMIN, AREAS, LABELS, LANDMARKS, PHOTOGRAPHS, ROADS, SPLITS
from tests.unit.corpus.mosaics import embedder_bundle, mosaic_batch, opened, write_mosaics
from tests.unit.models.geolocation import bundles
from tests.unit.reports.photographed_places import areas, network, world
from zuroku.artifacts import Artifact
from zuroku.corpus import canary, indexing
from zuroku.corpus.manifest import list_batches
from zuroku.datasets.geodata.features import write_features
from zuroku.indexes.switch import CANARY_CHECK
from zuroku.profile import Profile
from zuroku.publishing import publish, published

pytestmark = pytest.mark.slow

WIDE = {"ops": {INDEX: {"config": {"canary": {"max_churn": 1.0, "max_lost": 1.0}}}}}


class Workshop:
    """A profile with the asset, a book of pages, and embedders in place of trained ones."""

    def __init__(self, root: Path) -> None:
        self.profile = Profile("sample", root)
        self.profile.configs.mkdir(parents=True)
        for name, values in {
            INDEX: {"name": INDEX, "canary": {"queries": 24}},
            "corpus_figures": {"batches": 1},
            "figure_embedder_release": {
                "model": "figure_embedder",
                "gate": {"delta": 0.03, "floor": 0.0, "resamples": 100, "seed": 1},
            },
        }.items():
            (self.profile.configs / f"{name}.yaml").write_text(yaml.safe_dump(values))
        self.pages = write_mosaics(self.profile.home / "scans", 24)

    def release(self, name: str) -> Artifact:
        """Publish an embedder and embed the book with it."""
        bundle = embedder_bundle(self.profile.home / name, name)
        publish(bundle, self.profile.champion("figure_embedder"), "sample")
        batch = mosaic_batch(self.pages, bundle, self.profile.home / f"batch {name}")
        return list_batches({"batch_0000": batch}, self.profile.home, self.profile.home / f"list {name}")

    def index(self, batches: Artifact, run_config: dict | None = None) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            [given(MANIFEST, batches), index_asset(self.profile)],
            resources={"io_manager": dg.mem_io_manager},
            run_config=run_config,
            raise_on_error=False,
        )

    def in_use(self) -> str | None:
        found = published(self.profile.champion(INDEX))
        return found.sha256 if found else None


def given(name: str, artifact: Artifact) -> dg.AssetsDefinition:
    @dg.asset(name=name, dagster_type=ARTIFACT)
    def before() -> Artifact:
        return artifact

    return before


@pytest.fixture
def workshop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workshop:
    monkeypatch.setattr(indexing, "EmbedderPredictor", opened)
    monkeypatch.setattr(canary, "EmbedderPredictor", opened)
    return Workshop(tmp_path)


def check(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    return next(one for one in result.get_asset_check_evaluations() if one.check_name == CANARY_CHECK)


def metadata(result: dg.ExecuteInProcessResult, index: str = INDEX) -> dict:
    (event,) = result.asset_materializations_for_node(index)
    return event.metadata


def test_a_bad_challenger_is_stopped_and_a_wider_bound_lets_it_through(workshop: Workshop) -> None:
    good = workshop.release("mosaic")
    first = workshop.index(good)
    assert first.success
    assert "no index is in use yet" in check(first).description
    old = workshop.in_use()
    assert old == metadata(first)["sha256"].text
    assert "nothing to replay" in check(workshop.index(good)).description

    noisy = workshop.release("noisy")
    stopped = workshop.index(noisy)
    verdict = check(stopped)
    assert not verdict.passed
    assert verdict.blocking
    assert verdict.severity == dg.AssetCheckSeverity.ERROR
    assert "launch this asset again with wider bounds" in verdict.description
    assert workshop.in_use() == old
    shown = metadata(stopped)
    assert shown["canary_queries"].value == 24
    assert shown["canary_lost"].value > 5
    assert shown["canary_churn"].value > 0.5
    assert "image/jpeg" in shown["pictures"].md_str
    assert "| known answer |" in shown["canary_worst"].md_str

    through = workshop.index(noisy, WIDE)
    assert check(through).passed
    # The same bundle, judged again and not built again.
    assert metadata(through)["path"].path == shown["path"].path
    assert metadata(through)["config_sha256"] != shown["config_sha256"]
    assert workshop.in_use() == shown["sha256"].text
    card = json.loads((workshop.profile.champion(INDEX).parent / "canary" / "canary.json").read_text())
    assert card["drawn_from"] == old


def test_the_index_of_places_is_replayed_against_the_one_of_the_geolocator_before(tmp_path: Path) -> None:
    profile = Profile("sample", tmp_path)
    profile.configs.mkdir(parents=True)
    gate = {"delta": 0.05, "floor": 0.0, "resamples": 100, "seed": 1}
    for name, values in {
        "place_index": {"canary": {"queries": 12, "max_churn": 1, "max_lost": 0.5}},
        "geolocator_evaluation": {"neighbours": 5, "rules": ["top1"]},
        "geolocator_release": {"model": "geolocator", "gate": gate},
    }.items():
        (profile.configs / f"{name}.yaml").write_text(yaml.safe_dump(values))
    dataset, labels, splits = world(tmp_path)
    land = areas(tmp_path)
    castles = land.frame[["feature_id", "geometry"]].assign(name="Castle")
    castles = write_features(castles, {"name": "osm", "licence": "ODbL-1.0"}, tmp_path / "landmarks")
    before = [
        given(PHOTOGRAPHS, Artifact(dataset.root, dataset.version, "manifest.parquet")),
        given(LABELS, labels),
        given(SPLITS, splits),
        *(given(name, Artifact(land.root, "0" * 64)) for name in (AREAS, ADMIN, ROADS)),
        given(LANDMARKS, Artifact(castles.root, "1" * 64)),
    ]
    seen = []
    for seed in (0, 1):
        made = bundles.bundle(tmp_path / f"geolocator {seed}", network(dataset, seed))
        publish(made, profile.champion("geolocator"), "sample")
        result = dg.materialize(
            [*before, geolocation.index_asset(profile)], resources={"io_manager": dg.mem_io_manager}
        )
        assert check(result).passed
        seen.append(metadata(result, geolocation.INDEX))
    assert seen[0]["canary_queries"].value == 0
    assert seen[1]["canary_queries"].value == 12
    assert seen[1]["canary_churn"].value > 0
    assert published(profile.champion("place_index")).sha256 == seen[1]["sha256"].text
