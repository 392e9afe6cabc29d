"""Geolocators on 137 real photographs of 31 places in Japan, always asked about places that they do not know.

Every photograph is asked once, against the others that lie farther away than a distance
(``real_photographs``). Everything is fixed here beforehand; no number is chosen by what it scores. By
construction no rule that answers with a place of the gallery can come nearer than that distance.
"""

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
import yaml
from torch.utils.data import DataLoader

from benchmarks.real_photographs import (
    PHOTOS,
    Photographs,
    dealt,
    fold_splits,
    joined_places,
    read_photographs,
)
from benchmarks.timing import write_json
from zuroku.config import parse_settings
from zuroku.evaluation.geolocation import error_km, score_distances, score_intervals
from zuroku.evaluation.geolocation_floors import constant_guess
from zuroku.geo.answers import RULES, AnswerSettings
from zuroku.geo.distances import Coordinates
from zuroku.models.geolocation.network import PlaceSpace, create_geolocator
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.models.geolocation.settings import LocationSettings
from zuroku.reports.place_answers import EncodePlaces, answers_by_way, encoder_answers
from zuroku.reports.place_vectors import LocatedPhotographs, locate_photographs
from zuroku.tracking import NullTracker
from zuroku.training.geolocator import GeolocatorTrainingSettings
from zuroku.training.geolocator_items import (
    FrozenBackbone,
    PlaceInputs,
    PlaceItems,
    as_batch,
    cache_place_features,
)
from zuroku.training.geolocator_losses import PlaceLosses, class_weights
from zuroku.training.geolocator_module import CachedFeatures, GeolocatorModule
from zuroku.training.geolocator_rows import geolocator_rows
from zuroku.training.loop import fit
from zuroku.training.pixels import EpochSampler

ROOT = Path(__file__).resolve().parent.parent
APART_KM = (0.0, 1.0, 25.0)
FOLDS = 8
NEIGHBOURS = 10
RADII_KM = (1.0, 25.0)
RESAMPLES, SEED = 2000, 20211211
SIZE_PX = 224

Errors = npt.NDArray[np.float64]
Features = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]


def markdown(scores: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Return a table of methods; each number with its 95% interval."""
    lines = ["| method | within 1 km | within 25 km | median km |", "|---|---|---|---|"]
    for name, found in scores.items():
        cells = ["{:.3f} [{:.3f}, {:.3f}]".format(*found[f"{radius:g}"]) for radius in RADII_KM]
        cells.append("{:.1f} [{:.1f}, {:.1f}]".format(*found["median_km"]))
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def scored(errors: Errors, groups: Sequence[str]) -> dict[str, list[float]]:
    """Return value, lower and upper end for each radius and for the median, drawn by place."""
    values = score_distances(errors, radii_km=RADII_KM)
    ends = score_intervals(errors, groups, radii_km=RADII_KM, resamples=RESAMPLES, seed=SEED)
    estimates = dict(values.accuracy_within_km) | {"median_km": values.median_km}
    return {name: [value, ends[name].lower, ends[name].upper] for name, value in estimates.items()}


def training_settings() -> GeolocatorTrainingSettings:
    """Return the sample's configuration of a head on a frozen backbone, at the size of photographs."""
    path = ROOT / "configs" / "sample" / "geolocator.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    values["network"]["size_px"] = SIZE_PX
    return parse_settings(values, GeolocatorTrainingSettings, origin=str(path))


def location_encoders() -> dict[str, LocationSettings]:
    """Return the location encoders beside which heads are trained: the sample's, GeoCLIP's form, its weights.

    The last is left out where the package geoclip is not installed.
    """
    name = "head trained on the other folds"
    found = {
        name: training_settings().network.location,
        f"{name} (GeoCLIP's form)": LocationSettings(variant="geoclip"),
    }
    if find_spec("geoclip") is None:
        print("left out: GeoCLIP's weights, because the package geoclip is not installed")
    else:
        found[f"{name} (GeoCLIP's weights)"] = LocationSettings(variant="geoclip", weights="packaged")
    return found


def features_of(photographs: Photographs, path: Path) -> Features:
    """Return the frozen backbone's features ``(n, d)`` of all photographs, computed once into ``path``."""
    network = create_geolocator(training_settings().network, {})
    found = cache_place_features(
        FrozenBackbone(network), photographs.dataset, photographs.dataset.rows(), path
    )
    features: Features = np.array(found.stored)
    return features


def trained(
    photographs: Photographs,
    features: Features,
    splits: pd.DataFrame,
    location: LocationSettings,
    folder: Path,
) -> PlaceSpace:
    """Train on one fold's train photographs beside ``location``, stopped by its val photographs.

    As ``train_geolocator`` does with a frozen backbone, but from features at hand, and nothing is exported.
    """
    settings = training_settings()
    loop = settings.loop
    rows = geolocator_rows(photographs.dataset, photographs.table, splits)
    torch.manual_seed(loop.seed)
    network = settings.network.model_copy(update={"location": location})
    space = PlaceSpace(features.shape[1], rows.classes, network)
    weights = {
        task: class_weights(rows.train.targets[task], len(names))
        for task, names in rows.classes.items()
        if names
    }
    losses = PlaceLosses(weights, settings.queue, settings.same_place_m)
    module = GeolocatorModule(CachedFeatures(), space, losses, loop).train()
    number = {item_id: place for place, item_id in enumerate(photographs.table["item_id"])}
    items = {}
    for split, placed in (("train", rows.train), ("val", rows.val)):
        path = folder / f"{split}.npy"
        np.save(path, features[[number[row.item_id] for row in placed.rows]])
        items[split] = PlaceItems(PlaceInputs(path, np.ones(len(placed.rows), dtype=np.int64)), placed)
    options: dict[str, Any] = {"batch_size": loop.batch_size, "collate_fn": as_batch}
    sampler = EpochSampler(len(items["train"]), loop.seed)
    best = fit(
        module,
        DataLoader(items["train"], sampler=sampler, **options),
        DataLoader(items["val"], **options),
        loop,
        folder / "checkpoints",
        NullTracker(),
    )
    module.load_state_dict(torch.load(best, map_location="cpu", weights_only=True)["state_dict"])
    return module.eval().space


@torch.inference_mode()
def head_places(
    photographs: Photographs,
    features: Features,
    space: PlaceSpace,
    asked: npt.NDArray[np.bool_],
    name: str,
) -> dict[str, Coordinates]:
    """Return what every rule and the location encoder answer with the vectors of a trained head."""
    space = space.cpu()
    vectors = unit(space.projection(torch.from_numpy(features)).numpy())

    def encode(coordinates: npt.ArrayLike) -> Features:
        encoded: Features = space.location(torch.from_numpy(np.asarray(coordinates))).numpy()
        return encoded

    located = LocatedPhotographs(photographs.table, vectors, {})
    return places_by_rule(located, asked, name, encode)


def unit(vectors: Features) -> Features:
    """Return ``vectors`` ``(n, d)`` at unit length."""
    scaled: Features = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled


def seen_by(photographs: Photographs, predictor: GeolocatorPredictor, kept: Path) -> LocatedPhotographs:
    """Return the vectors of all photographs by ``predictor``."""
    everything = pd.DataFrame({"group": photographs.table["group"].unique(), "split": "train"})
    return locate_photographs(photographs.dataset, photographs.table, everything, predictor, kept)


def places_by_rule(
    located: LocatedPhotographs, asked: npt.NDArray[np.bool_], name: str, encode: EncodePlaces | None = None
) -> dict[str, Coordinates]:
    """Return what every rule, and the location encoder where there is one, answers the photographs asked."""
    queries, gallery = _rows(located, np.flatnonzero(asked)), _rows(located, np.flatnonzero(~asked))
    found = answers_by_way(queries, gallery, RULES, ["everywhere"], NEIGHBOURS, AnswerSettings())
    places = {f"{name}, {rule}": answers.places for (rule, _), answers in found.items()}
    if encode is not None:
        places[f"{name}, location encoder"] = encoder_answers(queries, gallery, encode)
    return places


def compared(
    photographs: Photographs,
    features: Features,
    encoders: Mapping[str, LocatedPhotographs],
    locations: Mapping[str, LocationSettings],
    apart_km: float,
) -> dict[str, dict[str, list[float]]]:
    """Return the scores of all methods with ``apart_km`` between a photograph and what may answer it."""
    where, groups = photographs.coordinates, photographs.table["group"].tolist()
    components = joined_places(where, groups, apart_km)
    folds = dealt(components, FOLDS, SEED)
    errors: dict[str, Errors] = {}
    for fold in range(folds.max() + 1):
        asked = folds == fold
        splits = fold_splits(groups, components, folds, fold)
        places: dict[str, Coordinates] = {}
        for name, location in locations.items():
            with tempfile.TemporaryDirectory() as temporary:
                space = trained(photographs, features, splits, location, Path(temporary))
            places |= head_places(photographs, features, space, asked, name)
        for name, located in encoders.items():
            places |= places_by_rule(located, asked, name)
        for radius in (None, *RADII_KM):
            best = "median" if radius is None else f"{radius:g} km"
            guess = constant_guess(where[~asked], within_km=radius)
            places[f"constant guess, best by {best}"] = np.tile(guess, (int(asked.sum()), 1))
        for name, answers in places.items():
            errors.setdefault(name, np.full(len(asked), np.nan))[asked] = error_km(where[asked], answers)
    sizes = np.bincount(folds).tolist()
    print(f"\n{apart_km:g} km apart: {components.max() + 1} parts in folds of {sizes} photographs\n")
    return {name: scored(errors[name], groups) for name in sorted(errors)}


def _rows(located: LocatedPhotographs, rows: Rows) -> LocatedPhotographs:
    return LocatedPhotographs(located.table.iloc[rows].reset_index(drop=True), located.vectors[rows], {})


def main() -> None:
    """Compare floors, frozen features, a geolocator given, and heads trained on the other folds."""
    parser = argparse.ArgumentParser(prog="benchmarks.real_places", description=__doc__)
    parser.add_argument("--model", type=Path, help="a geolocator that has seen none of these places")
    parser.add_argument("--apart-km", type=float, nargs="+", default=APART_KM)
    parser.add_argument("--folder", type=Path, default=Path("var/benchmarks/real_places"))
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    if not PHOTOS.is_dir():
        print(f"left out: the photographs, because {PHOTOS} is missing")
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    photographs = read_photographs(options.folder)
    features = features_of(photographs, options.folder / "features.npy")
    encoders = {"frozen lite0": LocatedPhotographs(photographs.table, unit(features), {})}
    if options.model:
        encoders["geolocator of the sample"] = seen_by(
            photographs, GeolocatorPredictor(options.model), options.folder / "vectors"
        )
    results: dict[str, Any] = {}
    locations = location_encoders()
    for apart_km in options.apart_km:
        found = compared(photographs, features, encoders, locations, apart_km)
        print(markdown(found))
        results[f"{apart_km:g}"] = found
    write_json(options.out, results)


if __name__ == "__main__":
    main()
