"""A geolocator and a gallery of photographs of any number, to time a query against.

The gallery's vectors and places are those of a given bundle, jittered, or random clusters of both: pictures
that look alike lie together, as they do in a trained space. What is timed belongs to ``geolocate_query``.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
import torch
from PIL import Image

from zuroku.artifacts import Artifact, build
from zuroku.geo.answers import AnswerSettings
from zuroku.indexes.answer_policy import POLICY, AnswerPolicy, RadiusSettings
from zuroku.indexes.place_borders import BORDERS, borders_bytes
from zuroku.indexes.place_build import build_place_index
from zuroku.indexes.place_bundle import (
    GIVEN_COLUMNS,
    NAMES,
    OUTLINES,
    PLACE_THUMBNAIL_PX,
    PlaceBundle,
    PlaceIndexSettings,
)
from zuroku.indexes.thumbnail import thumbnail_jpeg
from zuroku.models.geolocation.bundle import write_geolocator
from zuroku.models.geolocation.card import GeolocatorCard
from zuroku.models.geolocation.network import create_geolocator
from zuroku.models.geolocation.settings import GeolocatorNetworkSettings, LocationSettings
from zuroku.models.geolocation.views import PREPROCESSING

NEIGHBOURS = 100

_SEED = 20211211
_CLASSES = {"prefecture": 4, "municipality": 12, "town": 150, "road": 400, "landmark": 60}
_CLUSTERS = 200
_PREFECTURES, _MUNICIPALITIES, _TOWNS, _VERTICES = 47, 1900, 200_000, 1000
_AREAS = {"municipality": (_MUNICIPALITIES, 0.15, 60), "town": (_TOWNS, 0.01, 4)}
"""Of each level how many, how wide in degrees, and a quarter of the corners of each."""
_SOUTH_WEST, _NORTH_EAST = (31.0, 130.0), (44.0, 145.0)
_JITTER = 0.3
_JITTER_DEGREES = 0.01
_CLUSTER_DEGREES = 0.1

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Photographs:
    """Vectors ``(n, d)`` and what is known of each photograph (``GIVEN_COLUMNS``)."""

    vectors: Vectors
    payload: pd.DataFrame


def random_geolocator(target: Path) -> Artifact:
    """Write a geolocator of the sample's size with random weights to ``target`` unless it is there."""
    network = GeolocatorNetworkSettings(
        backbone="tf_efficientnet_lite0", weights="random", size_px=128, location=LocationSettings(width=128)
    )
    classes = {task: [f"{task}{i}" for i in range(count)] for task, count in _CLASSES.items()}
    card = GeolocatorCard(
        name="random",
        licence="CC0-1.0",
        backbone=network.backbone,
        weights=network.weights,
        dimension=network.dimension,
        size_px=network.size_px,
        views=network.views,
        preprocessing=PREPROCESSING,
        classes=classes,
        sigmas=list(network.location.sigmas),
        data={},
        network=network,
        settings={},
        validation={},
        code_version="benchmark",
    )

    def write(folder: Path) -> None:
        torch.manual_seed(_SEED)
        write_geolocator(folder, create_geolocator(network, classes).eval(), card, [])

    return build(target, write)


def jittered(bundle: PlaceBundle, count: int, seed: int = _SEED) -> Photographs:
    """Return ``count`` photographs, each one of ``bundle`` moved a little in the space and on the ground."""
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(bundle), count)
    vectors = _moved(np.asarray(bundle.vectors)[rows], _JITTER, rng)
    payload = bundle.rows(rows)[list(GIVEN_COLUMNS)]
    moved = payload[["latitude", "longitude"]] + rng.normal(0, _JITTER_DEGREES, (count, 2))
    return Photographs(vectors, payload.assign(**moved, item_id=[f"photo{i:07d}" for i in range(count)]))


def clustered(count: int, dimension: int, centres: Vectors | None = None, seed: int = _SEED) -> Photographs:
    """Return ``count`` photographs in clusters, each about one direction of the space and one place.

    ``centres`` ``(c, dimension)`` are directions of further clusters, such as those of the queries, so that
    these have neighbours.
    """
    rng = np.random.default_rng(seed)
    directions = _unit(rng.standard_normal((_CLUSTERS, dimension), dtype=np.float32))
    if centres is not None:
        directions = np.concatenate([directions, _unit(centres)])
    where = rng.uniform(_SOUTH_WEST, _NORTH_EAST, (len(directions), 2))
    of = rng.integers(0, len(directions), count)
    places = where[of] + rng.normal(0, _CLUSTER_DEGREES, (count, 2))
    prefectures = np.char.zfill((1 + of % _PREFECTURES).astype(str), 2)
    payload = pd.DataFrame(
        {
            "item_id": [f"photo{i:07d}" for i in range(count)],
            "latitude": places[:, 0],
            "longitude": places[:, 1],
            "prefecture": prefectures,
            "municipality": np.char.add(prefectures, np.char.zfill(of.astype(str), 3)),
            "town": "",
            "split": "train",
            "image": [f"000000.tar/{512 * i}/100" for i in range(count)],
            "licence": "CC-BY-4.0",
            "source_url": [f"https://example.org/{i}" for i in range(count)],
            "author": "somebody",
        }
    )
    return Photographs(_moved(directions[of], _JITTER, rng), payload)


def write_gallery(
    photographs: Photographs, encoder_sha256: str, beside: Mapping[str, bytes], target: Path
) -> Artifact:
    """Write the index of ``photographs`` to ``target``, with one thumbnail for all and a policy of 100.

    ``beside`` holds outlines and names by their files, as an index has them.
    """
    policy = AnswerPolicy(
        rule="cluster_medoid",
        area="everywhere",
        neighbours=NEIGHBOURS,
        answer=AnswerSettings(),
        radius=RadiusSettings(confidence=0.9, quantile=10.0, normalised=False, floor=1.0, n_groups=100),
    )
    drawn = Image.open(io.BytesIO(drawn_picture(384, 96, 0, "PNG")))
    picture = thumbnail_jpeg(drawn, PLACE_THUMBNAIL_PX)
    return build_place_index(
        photographs.vectors,
        photographs.payload,
        encoder_sha256,
        PlaceIndexSettings(name="benchmark"),
        target,
        [picture] * len(photographs.vectors),
        {POLICY: policy.model_dump_json().encode(), **beside},
    )


def drawn_picture(width: int, height: int, seed: int, format: str, **saved: Any) -> bytes:
    """Return an encoded picture of soft shapes with some grain, about as hard to decode as a photograph."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (max(2, height // 32), max(2, width // 32), 3), dtype=np.uint8)
    soft = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))
    grain = rng.integers(-12, 13, (height, width, 1), dtype=np.int16)
    encoded = io.BytesIO()
    Image.fromarray(np.clip(soft + grain, 0, 255).astype(np.uint8)).save(encoded, format, **saved)
    return encoded.getvalue()


def made_up_areas() -> dict[str, bytes]:
    """Return outlines, names and borders as large as Japan's: prefectures of 1000 corners, 200,000 towns."""
    towns = {f"{code:011d}": f"town {code}" for code in range(_TOWNS)}
    municipalities = {f"{code:05d}": f"municipality {code}" for code in range(_MUNICIPALITIES)}
    prefectures = {f"{code:02d}": f"prefecture {code}" for code in range(1, _PREFECTURES + 1)}
    names = {"prefecture": prefectures, "municipality": municipalities, "town": towns}
    return {OUTLINES: _outlines(), NAMES: json.dumps(names).encode(), BORDERS: _borders()}


def _borders() -> bytes:
    rng = np.random.default_rng(_SEED)
    levels = {}
    for level, (count, radius, quarter) in _AREAS.items():
        places = rng.uniform(_SOUTH_WEST, _NORTH_EAST, (count, 2))
        round_ = shapely.buffer(shapely.points(places[:, ::-1]), radius, quad_segs=quarter)
        names = [f"{level} {number}" for number in range(count)]
        levels[level] = gpd.GeoDataFrame({"name": names}, geometry=round_, crs="EPSG:4326")
    return borders_bytes(levels)


def _outlines() -> bytes:
    rng = np.random.default_rng(_SEED)
    turn = np.linspace(0, 2 * np.pi, _VERTICES, endpoint=False)
    features = []
    for number, (latitude, longitude) in enumerate(
        rng.uniform(_SOUTH_WEST, _NORTH_EAST, (_PREFECTURES, 2)), start=1
    ):
        reach = 0.6 + 0.02 * rng.standard_normal(_VERTICES).cumsum() / np.sqrt(_VERTICES)
        ring = np.column_stack([longitude + reach * np.cos(turn), latitude + reach * np.sin(turn)])
        features.append(
            {
                "type": "Feature",
                "properties": {"prefecture_code": f"{number:02d}", "prefecture": f"prefecture {number}"},
                "geometry": {"type": "Polygon", "coordinates": [[*ring.tolist(), ring[0].tolist()]]},
            }
        )
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def _moved(vectors: Vectors, length: float, rng: np.random.Generator) -> Vectors:
    """Return unit vectors, each moved from ``vectors`` by about ``length`` in a direction of its own."""
    step = rng.standard_normal(vectors.shape, dtype=np.float32) * np.float32(length / vectors.shape[1] ** 0.5)
    return _unit(vectors + step)


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit
