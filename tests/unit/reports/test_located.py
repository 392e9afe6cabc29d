"""One photograph located: by the policy of the index, from its pixels alone."""

import io
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import ExifTags, Image

from tests.unit.indexes.place_photographs import SETTINGS, payload
from tests.unit.models.geolocation import bundles
from tests.unit.models.geolocation.bundles import CLASSES
from tests.unit.reports.photographed_places import network, world
from zuroku.errors import BundleError, ImageError
from zuroku.geo.answers import AnswerSettings, answer, spread_km
from zuroku.indexes.answer_policy import AnswerPolicy, RadiusSettings
from zuroku.indexes.place_borders import borders_bytes
from zuroku.indexes.place_build import build_place_index
from zuroku.indexes.place_bundle import PlaceSource
from zuroku.indexes.place_index import EdgePlaceIndex, open_place_index
from zuroku.indexes.thumbnail import thumbnail_jpeg
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.reports.located import locate, located_text
from zuroku.reports.located_page import located_page

pytestmark = pytest.mark.slow

N = 30
POLICY = AnswerPolicy(
    rule="cluster_medoid",
    area="everywhere",
    neighbours=7,
    answer=AnswerSettings(),
    radius=RadiusSettings(confidence=0.9, quantile=2.0, normalised=True, floor=1.0, n_groups=40),
)
OUTLINES = {
    "type": "FeatureCollection",
    "features": [
        {
            "type": "Feature",
            "properties": {"prefecture_code": code, "prefecture": name},
            "geometry": {"type": "Polygon", "coordinates": [[[138, 34], [140, 34], [140, 36], [138, 34]]]},
        }
        for code, name in (("13", "東京都"), ("14", "神奈川県"))
    ],
}

NAMES = {"prefecture": {"13": "東京都", "14": "神奈川県"}, "municipality": {}, "town": {}}

Opened = Callable[..., EdgePlaceIndex]


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> GeolocatorPredictor:
    root = tmp_path_factory.mktemp("located")
    dataset, _, _ = world(root)
    return GeolocatorPredictor(bundles.bundle(root / "bundle", network(dataset)).path)


def vectors() -> np.ndarray:
    return np.random.default_rng(8).standard_normal((N, 24)).astype(np.float32)


@pytest.fixture
def opened(predictor: GeolocatorPredictor, tmp_path: Path) -> Opened:
    """Return what builds and opens an index with a policy."""

    def make(
        policy: AnswerPolicy = POLICY,
        table: pd.DataFrame | None = None,
        encoder: str = "",
        names: dict[str, dict[str, str]] = NAMES,
        sources: tuple[PlaceSource, ...] = (),
        borders: bytes | None = None,
    ) -> EdgePlaceIndex:
        beside = {
            "policy.json": policy.model_dump_json().encode(),
            "outlines.geojson": json.dumps(OUTLINES, ensure_ascii=False).encode(),
            "names.json": json.dumps(names, ensure_ascii=False).encode(),
        }
        if borders is not None:
            beside["borders.arrow"] = borders
        thumbnails = [thumbnail_jpeg(Image.new("RGB", (40, 30), (row, 0, 0))) for row in range(N)]
        rows = payload(N) if table is None else table
        sha256 = encoder or predictor.sha256
        target = tmp_path / "index"
        build_place_index(vectors(), rows, sha256, SETTINGS, target, thumbnails, beside, sources)
        return open_place_index(target)

    return make


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "query.webp"
    path.write_bytes(bundles.picture(160, 40, 200))
    return path


def by_hand(vector: np.ndarray, rows: pd.DataFrame, allowed: np.ndarray) -> dict[str, Any]:
    """Return neighbours and answer of a full scan of the ``allowed`` rows."""
    gallery = vectors() / np.linalg.norm(vectors(), axis=1, keepdims=True)
    cosines = gallery @ vector
    best = sorted(np.flatnonzero(allowed), key=lambda row: -cosines[row])[: POLICY.neighbours]
    around = rows.iloc[best][["latitude", "longitude"]].to_numpy()
    place = answer(around, cosines[best], POLICY.rule, POLICY.answer)
    return {
        "ids": rows.iloc[best]["item_id"].tolist(),
        "place": place,
        "spread": spread_km(around, cosines[best], place, POLICY.answer),
    }


def named(predictor: GeolocatorPredictor, image: Path, task: str) -> str:
    return CLASSES[task][int(predictor.geolocate(image.read_bytes()).probabilities[task].argmax())]


def test_the_answer_is_the_policys_on_the_nearest_photographs(
    predictor: GeolocatorPredictor, opened: Opened, image: Path
) -> None:
    located = locate(image, predictor, opened())
    found = predictor.geolocate(image.read_bytes())
    expected = by_hand(found.vector, payload(N), np.ones(N, dtype=bool))
    assert located.neighbours["item_id"].tolist() == expected["ids"]
    assert (np.diff(located.neighbours["score"]) <= 0).all()
    np.testing.assert_allclose(located.estimate.place, expected["place"], atol=1e-6)
    assert located.estimate.uncertainty_km == pytest.approx(expected["spread"], rel=1e-4)
    assert located.estimate.radius_km == pytest.approx(2 * (expected["spread"] + 1), rel=1e-4)
    assert (located.estimate.abstained, located.confidence) == (False, 0.9)
    for data, row in zip(located.neighbours["thumbnail"], expected["ids"], strict=True):
        with Image.open(io.BytesIO(data)) as thumbnail:
            assert abs(thumbnail.getpixel((5, 5))[0] - int(row.removeprefix("photo"))) <= 2
    with Image.open(io.BytesIO(located.thumbnail)) as thumbnail:
        assert thumbnail.size == (96, 24)


def test_heads_are_named_with_their_probability(
    predictor: GeolocatorPredictor, opened: Opened, image: Path
) -> None:
    heads = locate(image, predictor, opened()).heads
    assert set(heads) == {"prefecture", "municipality", "road", "landmark"}
    found = predictor.geolocate(image.read_bytes())
    for task, (name, share) in heads.items():
        code = named(predictor, image, task)
        assert name == ({"13": "東京都", "14": "神奈川県"}[code] if task == "prefecture" else code)
        assert share == pytest.approx(float(found.probabilities[task].max()), abs=1e-6)


@pytest.mark.parametrize("names", [{"13": "", "14": ""}, {}])
def test_an_area_without_a_name_is_called_by_its_code(
    predictor: GeolocatorPredictor, opened: Opened, image: Path, names: dict[str, str]
) -> None:
    located = locate(image, predictor, opened(names=NAMES | {"prefecture": names}))
    code = named(predictor, image, "prefecture")
    assert located.heads["prefecture"][0] == code
    assert located_text(located, coarse=True).startswith(f"{code} (")


def test_a_road_called_like_the_code_of_a_prefecture_keeps_its_name(
    predictor: GeolocatorPredictor, opened: Opened, image: Path
) -> None:
    roads = SimpleNamespace(
        classes=CLASSES | {"road": ["13"]}, geolocate=predictor.geolocate, sha256=predictor.sha256
    )
    assert locate(image, roads, opened()).heads["road"][0] == "13"


@pytest.mark.parametrize("held", [True, False])
def test_a_policy_by_prefecture_seeks_there_and_everywhere_where_that_holds_nothing(
    predictor: GeolocatorPredictor, opened: Opened, image: Path, held: bool
) -> None:
    prefecture = named(predictor, image, "prefecture")
    rows = payload(N)
    inside = np.arange(N) % 4 == 0 if held else np.zeros(N, dtype=bool)
    rows["prefecture"] = np.where(inside, prefecture, "47")
    policy = POLICY.model_copy(update={"area": "prefecture"})
    located = locate(image, predictor, opened(policy, rows))
    vector = predictor.geolocate(image.read_bytes()).vector
    expected = by_hand(vector, rows, inside if held else ~inside)
    assert located.neighbours["item_id"].tolist() == expected["ids"]
    assert len(expected["ids"]) == 7
    np.testing.assert_allclose(located.estimate.place, expected["place"], atol=1e-6)


def test_more_neighbours_than_photographs_are_all_of_them(
    predictor: GeolocatorPredictor, opened: Opened, image: Path
) -> None:
    located = locate(image, predictor, opened(POLICY.model_copy(update={"neighbours": 100})))
    assert sorted(located.neighbours["item_id"]) == payload(N)["item_id"].tolist()


def test_the_position_in_the_file_never_changes_the_answer(
    predictor: GeolocatorPredictor, opened: Opened, tmp_path: Path
) -> None:
    index, texts = opened(), []
    pixels = Image.open(io.BytesIO(bundles.picture(160, 40, 200)))
    for latitude in (None, 35.0, 70.0):
        exif = Image.Exif()
        if latitude is not None:
            exif[ExifTags.IFD.GPSInfo] = {
                ExifTags.GPS.GPSLatitudeRef: "N", ExifTags.GPS.GPSLatitude: (latitude, 0.0, 0.0),
                ExifTags.GPS.GPSLongitudeRef: "E", ExifTags.GPS.GPSLongitude: (139.0, 0.0, 0.0),
            }  # fmt: skip
        path = tmp_path / f"{latitude}.webp"
        pixels.save(path, "WEBP", lossless=True, exif=exif)
        located = locate(path, predictor, index)
        texts.append(located_text(located, coarse=False) + located_page(located, index.bundle))
    assert len({path.read_bytes() for path in tmp_path.glob("*.webp")}) == 3
    assert len(set(texts)) == 1


def test_the_text_tells_answer_heads_and_evidence(
    predictor: GeolocatorPredictor, opened: Opened, image: Path
) -> None:
    located = locate(image, predictor, opened())
    text = located_text(located, coarse=False)
    latitude, longitude = located.estimate.place
    assert text.startswith(f"{latitude:.5f}, {longitude:.5f}  (within {located.estimate.radius_km:.1f} km")
    assert "90% confidence" in text
    listed = re.findall(r"photo\d+", text)
    assert listed == located.neighbours["item_id"].tolist()[:5]
    assert text.count("描いた人, CC-BY-4.0") == 5
    anonymous = replace(located, neighbours=located.neighbours.assign(author=""))
    assert text.replace("描いた人, ", "") == located_text(anonymous, coarse=False)


def test_coarse_gives_away_the_prefecture_and_nothing_finer(
    predictor: GeolocatorPredictor, opened: Opened, image: Path
) -> None:
    located = locate(image, predictor, opened())
    assert re.fullmatch(r"(東京都|神奈川県) \(\d+%\)", located_text(located, coarse=True))


def test_a_model_without_prefectures_says_what_it_knows_instead(
    predictor: GeolocatorPredictor, opened: Opened, image: Path
) -> None:
    located = locate(image, predictor, opened())
    city = replace(located, heads={task: located.heads[task] for task in ("municipality", "road")})
    said = located_text(city, coarse=True)
    assert said == "no answer: this model knows no prefectures, only municipality, road"
    assert located_text(replace(located, heads={}), coarse=True).endswith("knows no prefectures, only places")


def test_an_answer_is_withheld_and_an_infinite_radius_is_said(
    predictor: GeolocatorPredictor, opened: Opened, image: Path
) -> None:
    radius = POLICY.radius.model_copy(update={"quantile": None})
    index = opened(POLICY.model_copy(update={"radius": radius, "abstain_above": 0.001}))
    located = locate(image, predictor, index)
    assert located.estimate.abstained
    assert np.isinf(located.estimate.radius_km)
    text = located_text(located, coarse=False)
    assert text.startswith("no answer: the evidence lies")
    assert "no radius: too few separate blocks of places to promise one" in text
    page = located_page(located, index.bundle)
    assert "No answer" in page
    assert "no radius: too few separate blocks of places to promise one" in page


def test_the_page_shows_answer_and_evidence(
    predictor: GeolocatorPredictor, opened: Opened, image: Path
) -> None:
    index = opened()
    located = locate(image, predictor, index)
    page = located_page(located, index.bundle)
    latitude, longitude = located.estimate.place
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert f"<h1>{latitude:.5f}, {longitude:.5f}</h1>" in page
    assert all(f'"{item_id}"' in page for item_id in located.neighbours["item_id"])
    assert "<footer>Photographs: CC-BY-4.0</footer>" in page
    assert located.heads["prefecture"][0] in page


def test_the_page_draws_the_borders_of_the_index(
    predictor: GeolocatorPredictor, opened: Opened, image: Path
) -> None:
    # One that is older has none, and a page all the same.
    index = opened()
    older = located_page(locate(image, predictor, index), index.bundle)
    index.close()
    town = gpd.GeoDataFrame({"name": ["丸の内"]}, geometry=[shapely.box(138, 34, 140, 36)], crs="EPSG:4326")
    shutil.rmtree(index.bundle.path)
    index = opened(borders=borders_bytes({"town": town}))
    page = located_page(locate(image, predictor, index), index.bundle)
    assert "丸の内" in page
    assert "丸の内" not in older


def test_roads_and_landmarks_are_called_by_their_names(
    predictor: GeolocatorPredictor, opened: Opened, image: Path
) -> None:
    names = {"road": {"Aoba-dori": "青葉通り"}, "landmark": {"node/3": "城", "way/9": "駅"}}
    index = opened(names=NAMES | names)
    located = locate(image, predictor, index)
    assert located.heads["road"][0] == "青葉通り"
    assert located.heads["landmark"][0] in ("城", "駅")
    for said in (located_text(located, coarse=False), located_page(located, index.bundle)):
        assert "青葉通り" in said
        assert "way/9" not in said
        assert "node/3" not in said


def test_the_page_credits_what_names_and_outlines_come_from(
    predictor: GeolocatorPredictor, opened: Opened, image: Path
) -> None:
    land = PlaceSource(of="areas", licence="CC-BY-4.0", citation="")
    osm = PlaceSource(of="roads", licence="ODbL-1.0", citation="Data © OpenStreetMap contributors.")
    index = opened(sources=(land, osm, osm.model_copy(update={"of": "landmarks"})))
    page = located_page(locate(image, predictor, index), index.bundle)
    said = (
        "Photographs: CC-BY-4.0 · Areas: CC-BY-4.0 · "
        "Roads, landmarks: Data © OpenStreetMap contributors., ODbL-1.0"
    )
    assert f"<footer>{said}</footer>" in page


def test_what_is_no_photograph_and_an_index_of_another_model_are_refused(
    predictor: GeolocatorPredictor, opened: Opened, image: Path, tmp_path: Path
) -> None:
    index = opened(encoder="cd" * 32)
    with pytest.raises(BundleError, match="a query made by the encoder"):
        locate(image, predictor, index)
    with pytest.raises(ImageError, match="cannot be read: No such file"):
        locate(tmp_path / "missing.jpg", predictor, index)
    with pytest.raises(ImageError, match="cannot be read: Is a directory"):
        locate(tmp_path, predictor, index)
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(ImageError):
        locate(tmp_path / "text.jpg", predictor, index)
