"""The page of one located photograph: its answer and evidence on a map with the index's outlines.

How it is drawn belongs to ``heat_map``, what was found to ``located``.
"""

from functools import lru_cache

import geopandas as gpd

from zuroku.indexes.place_borders import Borders, open_borders
from zuroku.indexes.place_bundle import PlaceBundle, read_outlines
from zuroku.reports.heat_map import heat_map_page
from zuroku.reports.located import Located


def located_page(located: Located, bundle: PlaceBundle) -> str:
    """Return the HTML page with the heat map of the evidence; it needs no network."""
    borders = _borders(bundle)
    return heat_map_page(
        located.estimate.place,
        located.estimate.radius_km,
        located.neighbours,
        located.thumbnail,
        located.heads,
        _land(bundle),
        borders.within if borders is not None else None,
        confidence=located.confidence,
        abstained=located.estimate.abstained,
        attribution=_attribution(located, bundle),
    )


def _attribution(located: Located, bundle: PlaceBundle) -> str:
    """Return whom to credit for photographs, names and outlines; authors stand at their photographs."""
    credited: dict[str, list[str]] = {}
    for source in bundle.manifest.sources:
        credited.setdefault(", ".join(filter(None, (source.citation, source.licence))), []).append(source.of)
    photographs = f"Photographs: {', '.join(sorted(set(located.neighbours['licence'])))}"
    tables = [f"{', '.join(names).capitalize()}: {credit}" for credit, names in credited.items()]
    return " · ".join([photographs, *tables])


# Both are read once for a bundle, as names are.
@lru_cache(maxsize=1)
def _land(bundle: PlaceBundle) -> gpd.GeoDataFrame:
    land = gpd.GeoDataFrame.from_features(read_outlines(bundle)["features"], crs="EPSG:4326")
    return land.rename(columns={"prefecture": "name"})


@lru_cache(maxsize=1)
def _borders(bundle: PlaceBundle) -> Borders | None:
    return open_borders(bundle)
