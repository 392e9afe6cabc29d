"""One photograph located: the answer with its radius and the evidence; the page that shows both is beside.

The EXIF position of the photograph is never read: an answer comes from the pixels, or there is none. Whoever
asks for one answer waits for the imports here, so maps, tables of geometries and training stay out of them.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pandas as pd

from zuroku.datasets.images import decode_rgb
from zuroku.errors import ImageError
from zuroku.indexes.answer_policy import PlaceEstimate, area_filter, estimate_place, read_policy
from zuroku.indexes.place_bundle import PLACE_THUMBNAIL_PX, PlaceBundle, read_names
from zuroku.indexes.place_index import PlaceIndex
from zuroku.indexes.thumbnail import thumbnail_jpeg
from zuroku.models.geolocation.predictor import GeolocatorPredictor

_LISTED = 5


@dataclass(frozen=True)
class Located:
    """What is known of where one photograph was taken.

    ``neighbours`` are the rows of the index with their ``score``, the most similar first; ``heads`` the most
    probable class of each task by name, with its probability; ``confidence`` is that of the radius.
    """

    estimate: PlaceEstimate
    neighbours: pd.DataFrame
    heads: dict[str, tuple[str, float]]
    confidence: float
    thumbnail: bytes


def locate(image: Path, predictor: GeolocatorPredictor, index: PlaceIndex) -> Located:
    """Return where ``image`` may have been taken, by the policy that the index carries.

    Raises:
        ImageError: the file cannot be read or is no image.
        BundleError: the index was made by another geolocator.
    """
    try:
        data = image.read_bytes()
    except OSError as error:
        raise ImageError(
            f"{image} cannot be read: {error.strerror}",
            expected="an image file",
            remedy="check the path and the rights of the file",
        ) from error
    bundle = index.bundle
    policy = read_policy(bundle.path)
    found = predictor.geolocate(data)
    best = {
        task: int(found.probabilities[task].argmax()) for task, names in predictor.classes.items() if names
    }
    classes = {task: predictor.classes[task][place] for task, place in best.items()}
    where = area_filter(policy.area, classes)
    if where and not index.count(where):
        where = {}
    k = min(policy.neighbours, len(bundle))
    near = index.search(found.vector, k, where, encoder_sha256=predictor.sha256)
    neighbours = bundle.rows(near.rows).assign(score=near.scores)
    neighbours["thumbnail"] = [bundle.thumbnail(int(row)) or b"" for row in near.rows]
    estimate = estimate_place(policy, neighbours[["latitude", "longitude"]].to_numpy(), near.scores)
    heads = {task: (name, float(found.probabilities[task][best[task]])) for task, name in classes.items()}
    for task, names in _names(bundle).items():
        if task in heads:
            code, share = heads[task]
            heads[task] = (names.get(code) or code, share)
    thumbnail = thumbnail_jpeg(decode_rgb(data, min_side_px=2 * PLACE_THUMBNAIL_PX), PLACE_THUMBNAIL_PX)
    return Located(estimate, neighbours, heads, policy.radius.confidence, thumbnail)


def located_text(located: Located, coarse: bool) -> str:
    """Return the answer for people; ``coarse`` gives away the prefecture and nothing finer."""
    if coarse:
        if "prefecture" not in located.heads:
            return f"no answer: this model knows no prefectures, only {', '.join(located.heads) or 'places'}"
        prefecture, share = located.heads["prefecture"]
        return f"{prefecture} ({share:.0%})"
    estimate = located.estimate
    latitude, longitude = estimate.place
    within = f"within {estimate.radius_km:.1f} km with {located.confidence:.0%} confidence"
    if estimate.radius_km == float("inf"):
        within = "no radius: too few separate blocks of places to promise one"
    lines = [f"{latitude:.5f}, {longitude:.5f}  ({within})"]
    if estimate.abstained:
        spread = f"{estimate.uncertainty_km:.0f} km"
        lines = [f"no answer: the evidence lies {spread} apart; the best guess is {lines[0]}"]
    lines += [f"{task}: {name} ({share:.0%})" for task, (name, share) in located.heads.items()]
    lines.append("evidence:")
    for row in located.neighbours.head(_LISTED).itertuples():
        place = f"{row.latitude:.5f}, {row.longitude:.5f}"
        credit = ", ".join(filter(None, (str(row.author), str(row.licence))))
        lines.append(f"  {row.score:.3f}  {place}  {row.item_id}  {credit}")
    return "\n".join(lines)


# Read once for a bundle: those of a country take longer than the rest of a query.
@lru_cache(maxsize=1)
def _names(bundle: PlaceBundle) -> dict[str, dict[str, str]]:
    return read_names(bundle)
