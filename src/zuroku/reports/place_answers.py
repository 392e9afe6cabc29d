"""Every way to answer where photographs were taken, on one gallery: rules by area, and the location encoder.

Answers only: what they score, and which way is served, belongs to ``geolocation``.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from zuroku.geo.answers import AnswerSettings, Rule, answer, spread_km
from zuroku.geo.distances import Coordinates
from zuroku.indexes.answer_policy import Area
from zuroku.reports.place_vectors import LocatedPhotographs, nearest_photographs

Way = tuple[Rule, Area]

EncodePlaces = Callable[[npt.ArrayLike], npt.NDArray[np.float32]]
"""Coordinates ``(n, 2)`` → unit vectors ``(n, d)`` in the space of the photographs."""


@dataclass(frozen=True)
class Answers:
    """Places ``(q, 2)`` that one way gives, and its uncertainty in km ``(q,)``."""

    places: Coordinates
    uncertainty_km: npt.NDArray[np.float64]


def answers_by_way(
    queries: LocatedPhotographs,
    gallery: LocatedPhotographs,
    rules: Sequence[Rule],
    areas: Sequence[Area],
    neighbours: int,
    settings: AnswerSettings,
) -> dict[Way, Answers]:
    """Return the answers of every rule in every area.

    The paper lets the heads estimate first and then takes neighbours (section 4); whether these were sought
    in the estimated area, it does not say. So all of them are tried. Where the gallery holds no photograph of
    the area that a head names, neighbours are sought everywhere.
    """
    found: dict[Way, Answers] = {}
    known = gallery.coordinates
    for area in areas:
        near = _neighbours(queries, gallery, area, neighbours)
        for rule in rules:
            places = np.empty((len(near), 2))
            spread = np.empty(len(near))
            for query, (rows, scores) in enumerate(near):
                places[query] = answer(known[rows], scores, rule, settings)
                spread[query] = spread_km(known[rows], scores, places[query], settings)
            found[rule, area] = Answers(places, spread)
    return found


def encoder_answers(
    queries: LocatedPhotographs, gallery: LocatedPhotographs, encode: EncodePlaces
) -> Coordinates:
    """Return for each query the gallery's place whose encoded coordinates are nearest, as GeoCLIP answers."""
    candidates = np.unique(gallery.coordinates, axis=0)
    rows, _ = nearest_photographs(queries.vectors, encode(candidates), 1)
    places: Coordinates = candidates[rows[:, 0]]
    return places


def _neighbours(
    queries: LocatedPhotographs, gallery: LocatedPhotographs, area: Area, k: int
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]]:
    """Return rows of the gallery and cosines for each query."""
    near: dict[int, tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]] = {}
    for asked, held in _by_area(queries.heads, gallery, area, len(queries.vectors)):
        rows, scores = nearest_photographs(queries.vectors[asked], gallery.vectors[held], k)
        near |= {int(query): (held[rows[i]], scores[i]) for i, query in enumerate(asked)}
    return [near[query] for query in range(len(queries.vectors))]


def _by_area(
    heads: Mapping[str, npt.NDArray[np.object_]], gallery: LocatedPhotographs, area: Area, n_queries: int
) -> list[tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]]:
    """Return which queries are sought among which rows of the gallery."""
    everything = np.arange(len(gallery.vectors))
    if area == "everywhere":
        return [(np.arange(n_queries), everything)]
    named, true = heads[area], gallery.table[area].to_numpy()
    parts = []
    for name in sorted(set(named.tolist())):
        held = np.flatnonzero(true == name) if name else everything[:0]
        parts.append((np.flatnonzero(named == name), held if len(held) else everything))
    return parts
