"""The page that shows where a photograph was taken, and why: a heat map of the most similar photographs.

The page holds every script, style, outline and picture itself and fetches nothing, except tiles once the
reader asks for them. How places are found and answers are made belongs to ``zuroku.indexes``.
"""

import base64
import html
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any, cast

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from branca.element import Element, Figure, MacroElement
from folium.template import Template

from zuroku.geo.distances import Coordinates, checked_coordinates, haversine_km
from zuroku.reports.heat_map_outlines import AreasWithin, Bounds, outline_sheet, text_json
from zuroku.reports.heat_map_script import PAGE, SCRIPT, STYLE
from zuroku.reports.leaflet import InlineHeatMap, InlineMap, leaflet_scripts, leaflet_style

_TILE_SERVER = "https://tile.openstreetmap.org"
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    f"img-src data: {_TILE_SERVER}; base-uri 'none'; form-action 'none'"
)
_LISTED = 24
_LEAST_KM = 1.0
_KM_PER_DEGREE = 111.2
_HEAT = {0.2: "#ffe08a", 0.45: "#fdb94f", 0.7: "#f4702f", 1.0: "#b9151b"}


def heat_map_page(
    answer: npt.ArrayLike,
    radius_km: float,
    neighbours: pd.DataFrame,
    query_thumbnail: bytes,
    head_estimates: Mapping[str, tuple[str, float]],
    land: gpd.GeoDataFrame | None = None,
    areas_within: AreasWithin | None = None,
    *,
    confidence: float = 0.9,
    abstained: bool = False,
    attribution: str = "",
) -> str:
    """Return the HTML of a page with a wide and a close heat map of the evidence.

    Args:
        answer: latitude and longitude in degrees, ``(2,)``.
        radius_km: around the answer; infinite where none is known, then no circle is drawn.
        neighbours: the most similar first, with columns latitude, longitude, score, thumbnail (bytes of a
            JPEG, PNG or WebP, or b""), licence, author, source_url, item_id.
        query_thumbnail: bytes as above.
        head_estimates: by task the name of the most probable class and its probability.
        land: coarse polygons in WGS84, with ``name`` where they have one.
        areas_within: gives finer areas where some are known.
        confidence: with which the answer lies within the radius.
        abstained: whether the evidence is too wide for an answer; the page then says so.
        attribution: of outlines and photographs, shown below the maps.

    Raises:
        GeoDataError: the answer or a neighbour is no place on Earth.
    """
    place = checked_coordinates(answer)[0]
    found = checked_coordinates(neighbours[["latitude", "longitude"]])
    distances = haversine_km(place, found) if len(found) else np.empty(0)
    evidence = _unrolled(found, place)
    wide, close = _views(place, radius_km, evidence, distances)
    weights = _weights(neighbours["score"].to_numpy(dtype=np.float64))
    rows = np.column_stack([evidence, weights]).round(5).tolist()
    options = {
        "place": place.tolist(),
        "radius_m": 1000 * radius_km if math.isfinite(radius_km) else None,
        "tiles": f"{_TILE_SERVER}/{{z}}/{{x}}/{{y}}.png",
    }
    ids = itertools.count()
    maps = [_map(sheet, view, options, rows, ids) for sheet, view in enumerate((wide, close))]
    return PAGE.substitute(
        policy=html.escape(_POLICY),
        style=leaflet_style() + STYLE,
        libraries=leaflet_scripts(),
        functions=SCRIPT,
        outlines=f"[{', '.join(outline_sheet(land, areas_within, view) for view in (wide, close))}]",
        photos=text_json(_photos(neighbours, evidence, distances)),
        # Megabytes without anything to escape.
        pictures="[" + ",".join(f'"{_data_uri(data)}"' for data in neighbours["thumbnail"]) + "]",
        query=_picture(query_thumbnail),
        answer=_answer(place, radius_km, confidence, abstained),
        heads=_heads(head_estimates),
        wide=maps[0][0],
        close=maps[1][0],
        maps=maps[0][1] + maps[1][1],
        listed=_LISTED,
        attribution=html.escape(attribution),
    )


class _Evidence(MacroElement):
    """Draws all but the heat, by ``drawEvidence`` of the page's script; ``sheet`` numbers the outlines."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            drawEvidence(
                {{ this._parent.get_name() }}, {{ this.heat.get_name() }},
                photos, outlines[{{ this.sheet }}], {{ this.options|tojson }}
            );
        {% endmacro %}
        """
    )

    def __init__(self, heat: InlineHeatMap, sheet: int, options: Mapping[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name = "Evidence"
        self.heat, self.sheet, self.options = heat, sheet, options


def _map(
    sheet: int, view: Bounds, options: Mapping[str, Any], rows: list[list[float]], ids: Iterator[int]
) -> tuple[str, str]:
    """Return the markup and the script of one map; ``rows`` are latitude, longitude and heat."""
    drawn = InlineMap(location=options["place"], control_scale=True, min_zoom=2, max_zoom=18)
    heat = InlineHeatMap(rows, radius=26, blur=20, min_opacity=0.25, gradient=_HEAT)
    heat.add_to(drawn)
    _Evidence(heat, sheet, {**options, "view": view}).add_to(drawn)
    root = cast(Figure, drawn.get_root())
    _number(drawn, ids)
    root.render()
    return root.html.render(), root.script.render()


def _number(element: Element, ids: Iterator[int]) -> None:
    """Name the parts by number instead of by chance, so that one answer always makes one page."""
    element._id = f"{next(ids):04d}"
    for child in element._children.values():
        _number(child, ids)


def _unrolled(found: Coordinates, place: Coordinates) -> Coordinates:
    """Return the places with longitudes within 180° of the answer's: the map has no antimeridian."""
    longitudes = place[1] + (found[:, 1] - place[1] + 180) % 360 - 180
    return np.column_stack([found[:, 0], longitudes])


def _views(
    place: Coordinates, radius_km: float, evidence: Coordinates, distances: npt.NDArray[np.float64]
) -> tuple[Bounds, Bounds]:
    """Return the bounds of all evidence with the circle, and of the nearer half of it around the answer.

    Where the half reaches nearly as far as the whole, the second goes only a quarter as far.
    """
    circle = radius_km if math.isfinite(radius_km) else 0.0
    reach = _around(place, max(_LEAST_KM, circle))
    farthest = max(_LEAST_KM, circle, float(distances.max(initial=0)))
    half = float(np.median(distances)) if len(distances) else farthest
    near = _around(place, max(_LEAST_KM / 4, min(half, farthest / 4)))
    corners = np.vstack([evidence, reach])
    low, high = corners.min(axis=0), corners.max(axis=0)
    return ((low[0], low[1]), (high[0], high[1])), near


def _around(place: Coordinates, reach_km: float) -> Bounds:
    height = reach_km / _KM_PER_DEGREE
    width = min(180.0, height / max(math.cos(math.radians(place[0])), 0.01))
    south, north = max(-85.0, place[0] - height), min(85.0, place[0] + height)
    return (south, place[1] - width), (north, place[1] + width)


def _weights(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return heat ``(n,)`` from 0.3 for the least similar to 1 for the most."""
    span = float(np.ptp(scores)) if len(scores) else 0.0
    return 0.3 + 0.7 * (scores - scores.min()) / span if span else np.ones(len(scores))


def _photos(
    neighbours: pd.DataFrame, evidence: Coordinates, distances: npt.NDArray[np.float64]
) -> list[dict[str, Any]]:
    return [
        _photo(rank, row, evidence[rank - 1].round(5).tolist(), float(distances[rank - 1]))
        for rank, row in enumerate(neighbours.itertuples(), start=1)
    ]


def _photo(rank: int, row: Any, place: list[float], km: float) -> dict[str, Any]:
    credits = [text for text in (row.author, row.licence) if text]
    return {
        "rank": rank,
        "place": place,
        "distance": f"{_length(km)} from the answer",
        "item_id": row.item_id,
        "lines": [f"similarity {row.score:.3f}", *credits],
        # Anything else, such as a script, is not to be followed.
        "source_url": row.source_url if row.source_url.startswith(("https://", "http://")) else "",
    }


def _answer(place: Coordinates, radius_km: float, confidence: float, abstained: bool) -> str:
    within = (
        f"within {_length(radius_km)} with {confidence:.0%} confidence"
        if math.isfinite(radius_km)
        else "no radius: too few separate blocks of places to promise one"
    )
    where = f"{place[0]:.5f}, {place[1]:.5f}"
    if abstained:
        return f"<h1>No answer</h1><p>The evidence lies too far apart. Its best guess: {where}, {within}.</p>"
    return f"<h1>{where}</h1><p>{within}</p>"


def _heads(estimates: Mapping[str, tuple[str, float]]) -> str:
    return "".join(
        f'<dt>{html.escape(task)}</dt><dd>{html.escape(name)}</dd><dd class="share">{share:.0%}</dd>'
        for task, (name, share) in estimates.items()
        if name
    )


def _picture(data: bytes) -> str:
    return f'<img src="{_data_uri(data)}" alt="the photograph asked about">' if data else ""


def _data_uri(data: bytes) -> str:
    """Return the picture as a data URI of its own type, or nothing for no picture."""
    if not data:
        return ""
    kind = "png" if data.startswith(b"\x89PNG") else "webp" if data[8:12] == b"WEBP" else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def _length(km: float) -> str:
    return f"{1000 * km:.0f} m" if km < 0.95 else f"{km:.1f} km" if km < 9.95 else f"{km:,.0f} km"
