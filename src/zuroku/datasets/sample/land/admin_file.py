"""The municipalities of a made-up land as GeoJSON in the layout N03 of 国土数値情報.

The columns are N03_001 (prefecture), N03_002 (subprefecture), N03_003 (district or large city), N03_004
(municipality) and N03_007 (code).
"""

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import shapely

from zuroku.artifacts import write_atomically
from zuroku.datasets.sample.land.land import Land


def write_admin(land: Land, path: Path) -> None:
    """Write one feature for each municipality, by code; lakes belong to their municipality."""
    features = [_feature(code, towns, land) for code, towns in land.areas.groupby("municipality_code")]
    text = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    write_atomically(path, text.encode())


def _feature(code: str, towns: gpd.GeoDataFrame, land: Land) -> dict[str, Any]:
    water = land.water.geometry[land.water["municipality_code"] == code]
    # Coordinates are rounded town by town: snapping closes the seams of a centimetre.
    ground = shapely.union_all([*towns.geometry, *water], grid_size=1e-7)
    properties = {
        "N03_001": towns["prefecture"].iloc[0],
        "N03_002": None,
        "N03_003": None,
        "N03_004": towns["municipality"].iloc[0],
        "N03_007": code,
    }
    return {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(ground)}
