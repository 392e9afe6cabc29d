"""Leaflet and its heat layer as text that stands in a page, so that a map opens without network.

folium links scripts and styles of five servers. What a map of ours needs of them lies in installed packages:
Leaflet in ``js_lib_leaflet`` (BSD-2-Clause), its heat layer in folium itself. jQuery, Bootstrap and fonts,
which folium links for its own popups and icons, are not needed: ours are drawn by ``heat_map_script``.
"""

import base64
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

import folium
from folium.plugins import HeatMap


class InlineMap(folium.Map):
    """A folium map without tiles that links nothing: its page holds the style and scripts below."""

    def __init__(self, **options: Any) -> None:
        super().__init__(tiles=None, **options)
        self.default_js, self.default_css = [], []


class InlineHeatMap(HeatMap):
    """A folium heat layer over ``rows`` of latitude, longitude and heat that links nothing."""

    def __init__(self, rows: Sequence[Sequence[float]], **options: Any) -> None:
        super().__init__(rows, **options)  # type: ignore[no-untyped-call]
        self.default_js = []


@cache
def leaflet_style() -> str:
    """Return Leaflet's style sheet with its pictures as data URIs."""
    folder = _leaflet()

    def inlined(found: re.Match[str]) -> str:
        data = base64.b64encode((folder / found[1]).read_bytes()).decode()
        return f"url(data:image/png;base64,{data})"

    return re.sub(r"url\((images/[\w.-]+\.png)\)", inlined, (folder / "leaflet.css").read_text("utf-8"))


@cache
def leaflet_scripts() -> str:
    """Return Leaflet and the heat layer, in the order they must run."""
    leaflet = (_leaflet() / "leaflet.js").read_text("utf-8")
    heat = (files("folium") / "templates" / "leaflet_heat.min.js").read_text("utf-8")
    # A source map would be fetched from beside the page by a browser's tools.
    return re.sub(r"//# sourceMappingURL=\S+", "", f"{leaflet}\n{heat}")


def _leaflet() -> Traversable:
    return files("js_lib_leaflet") / "static" / "js_lib_leaflet"
