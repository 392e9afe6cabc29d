"""The heat map's page in a real browser without network: what its script draws is seen in both frames."""

import io
import os
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

from zuroku.reports.heat_map import heat_map_page

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine runs the page's script"),
]

WIDTH, HEIGHT = 1200, 900
PLACE = (35.0, 135.7)
LEAST_PIXELS = 400


def areas_within(box: tuple[float, float, float, float]) -> gpd.GeoDataFrame:
    towns = {"西町": shapely.box(135.0, 34.5, 135.705, 35.5), "東町": shapely.box(135.705, 34.5, 136.4, 35.5)}
    return gpd.GeoDataFrame(
        {"level": "town", "name": list(towns)}, geometry=list(towns.values()), crs="EPSG:4326"
    )


def page() -> str:
    """Return a page whose only warm colours are the heat's: the photographs are blue, the circle is red."""
    picture = io.BytesIO()
    Image.new("RGB", (8, 6), "blue").save(picture, "PNG")
    rng = np.random.default_rng(4)
    near = np.array(PLACE) + np.concatenate([rng.normal(0, 0.005, (20, 2)), rng.normal(0, 0.1, (20, 2))])
    neighbours = pd.DataFrame(
        {
            "latitude": near[:, 0],
            "longitude": near[:, 1],
            "score": np.linspace(0.9, 0.5, len(near)),
            "thumbnail": [picture.getvalue()] * len(near),
            "licence": "CC0-1.0",
            "author": "",
            "source_url": "",
            "item_id": [f"i{i}" for i in range(len(near))],
        }
    )
    land = gpd.GeoDataFrame(geometry=[shapely.box(135.0, 34.5, 136.4, 35.5)], crs="EPSG:4326")
    heads = {"prefecture": ("京都府", 0.76)}
    return heat_map_page(PLACE, 5.0, neighbours, picture.getvalue(), heads, land, areas_within)


def browse(text: str, folder: Path, *options: str) -> bytes:
    """Return what headless Chromium prints for the page, or an error that holds what it says."""
    (folder / "map.html").write_text(text, encoding="utf-8")
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
        f"--user-data-dir={folder / 'browser'}", "--virtual-time-budget=5000",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--window-size={WIDTH},{HEIGHT}",
        *options, (folder / "map.html").as_uri(),
    ]  # fmt: skip
    home = os.environ | {"HOME": str(folder)}
    return subprocess.run(command, check=True, capture_output=True, timeout=100, env=home).stdout


def warm_pixels(text: str, folder: Path) -> tuple[int, int]:
    """Return how many pixels are yellow to orange in the left half of a screenshot, and in the right."""
    browse(text, folder, f"--screenshot={folder / 'map.png'}")
    with Image.open(folder / "map.png") as screenshot:
        red, green, blue = np.asarray(screenshot.convert("RGB"), dtype=np.int16).transpose(2, 0, 1)
    # The circle, the cross and their edges against white have as much green as blue.
    warm = (red > 200) & (green > blue + 25) & (red > blue + 70)
    return int(warm[:, : WIDTH // 2].sum()), int(warm[:, WIDTH // 2 :].sum())


def test_the_heat_is_seen_in_both_frames_and_only_by_its_own_script(tmp_path: Path) -> None:
    text = page()
    wide, close = warm_pixels(text, tmp_path)
    assert wide > LEAST_PIXELS
    assert close > LEAST_PIXELS
    heat = (files("folium") / "templates" / "leaflet_heat.min.js").read_text("utf-8")
    without = text.replace(heat, "")
    assert len(without) < len(text)
    # Leaflet's yellow and blue flag is left in a corner, because the script ends before it is taken away.
    assert max(warm_pixels(without, tmp_path)) < LEAST_PIXELS / 4


def test_the_script_runs_to_its_end_and_draws_borders_names_and_photographs(tmp_path: Path) -> None:
    drawn = browse(page(), tmp_path, "--dump-dom").decode()
    assert drawn.count('<figure class="photo">') == 24
    names, outlines = 'class="leaflet-tooltip area', 'class="leaflet-pane leaflet-outlines-pane"'
    assert drawn.count(names) == 4
    assert drawn.count("西町</span>") == drawn.count("東町</span>") == 2
    assert drawn.count(outlines) == 2
    # Land and the lines of the towns.
    for pane in drawn.split(outlines)[1:]:
        assert pane.split("leaflet-names-pane")[0].count('stroke="#b4bfc8"') >= 1
