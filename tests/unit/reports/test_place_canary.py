"""The canary of an index of places: photographs disturbed, and answered by the geolocator of each index."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.indexes.place_photographs import SETTINGS as INDEX
from tests.unit.models.geolocation import bundles
from tests.unit.reports.photographed_places import network, world
from zuroku.artifacts import Artifact, verify
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.place_labels import read_labels
from zuroku.errors import BundleError
from zuroku.indexes.canary import CanarySettings, Region
from zuroku.indexes.place_build import build_place_index
from zuroku.indexes.switch import CanaryVerdict, switch_index
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.publishing import publish, published
from zuroku.reports.place_canary import PlaceKind

pytestmark = pytest.mark.slow

SETTINGS = CanarySettings(queries=12, k=5)


class Land:
    """Photographs, released geolocators, and indexes of the train photographs by each of them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.dataset, labels, _ = world(root)
        self.labels = read_labels(labels.path)
        self.released = root / "models" / "geolocator" / "champion"
        self.champion = root / "models" / "place_index" / "champion"

    @property
    def kind(self) -> PlaceKind:
        return PlaceKind(self.dataset, self.released.resolve().parent)

    def release(self, seed: int) -> Artifact:
        made = bundles.bundle(self.root / f"geolocator {seed}", network(self.dataset, seed))
        publish(made, self.released, "sample")
        return verify(self.released.resolve())

    def index(self, geolocator: Artifact, name: str, shuffled: bool = False) -> Artifact:
        predictor = GeolocatorPredictor(geolocator.path)
        rows = self.dataset.rows()
        vectors = predictor.predict(self.dataset.read(row) for row in rows).vectors
        if shuffled:
            vectors = vectors[np.random.default_rng(0).permutation(len(vectors))]
        payload = self.labels.assign(split="train", image="", licence="CC-BY-4.0", source_url="", author="")
        return build_place_index(vectors, payload, predictor.sha256, INDEX, self.root / f"index {name}")

    def switch(self, made: Artifact) -> CanaryVerdict:
        return switch_index(made, self.champion, self.kind, SETTINGS, [], "sample")


@pytest.fixture(scope="module")
def land(tmp_path_factory: pytest.TempPathFactory) -> Land:
    return Land(tmp_path_factory.mktemp("land"))


@pytest.fixture(scope="module")
def geolocator(land: Land) -> Artifact:
    return land.release(0)


@pytest.fixture(scope="module")
def sound(land: Land, geolocator: Artifact) -> Artifact:
    return land.index(geolocator, "sound")


def test_queries_come_evenly_from_all_prefectures_and_find_their_photographs(
    land: Land, sound: Artifact
) -> None:
    index = land.kind.open(sound.path)
    queries = index.draw(SETTINGS)
    assert sorted(query.stratum for query in queries) == ["13"] * 6 + ["14"] * 6
    hashes = {row.item_id: row.sha256 for row in land.dataset.rows()}
    assert {query.sha256 for query in queries} == {hashes[query.answer.source] for query in queries}
    answers = index.answers(queries, 5)
    assert [len(found) for found in answers] == [5] * 12
    itself = [
        query.answer in [answer.region for answer in found]
        for query, found in zip(queries, answers, strict=True)
    ]
    assert sum(itself) >= 10
    assert all(answer.score <= found[0].score for found in answers for answer in found)
    assert index.answers(queries[:1], 99)[0][-1].region.box is None
    assert len(index.answers(queries[:1], 99)[0]) == 40


def test_photographs_that_the_data_no_longer_hold_are_not_drawn(land: Land, sound: Artifact) -> None:
    rows = land.dataset.manifest

    class Smaller(Dataset):
        manifest = rows[rows["item_id"].str.endswith("13101")]

    kind = replace(land.kind, dataset=Smaller(land.dataset.root))
    held = set(Smaller.manifest["item_id"])
    drawn = kind.open(sound.path).draw(CanarySettings(queries=40))
    assert {query.answer for query in drawn} == {Region(item) for item in held}
    assert set(kind.sources({"p013101", "p014100"})) == {"p013101"}


def test_a_shuffled_index_is_stopped_and_each_index_is_asked_by_its_own_geolocator(
    land: Land, geolocator: Artifact, sound: Artifact
) -> None:
    assert land.switch(sound).finding.passed
    stopped = land.switch(land.index(geolocator, "shuffled", shuffled=True))
    assert not stopped.finding.passed
    assert stopped.finding.numbers["lost"] > 3
    assert published(land.champion).sha256 == sound.sha256

    # Another geolocator's vectors cannot be compared with these, but its answers can.
    newer = land.index(land.release(1), "newer")
    verdict = land.switch(newer)
    assert verdict.finding.numbers["queries"] == 12
    assert verdict.finding.numbers["lost"] <= 2
    assert 0 < verdict.finding.numbers["churn"] < stopped.finding.numbers["churn"]


def test_a_geolocator_that_is_not_kept_is_named(land: Land, sound: Artifact) -> None:
    kind = replace(land.kind, geolocators=land.root / "elsewhere")
    index = kind.open(sound.path)
    with pytest.raises(BundleError, match=r"(?s)is not kept any more.*from the registry to .*elsewhere"):
        index.answers(index.draw(SETTINGS), 5)
