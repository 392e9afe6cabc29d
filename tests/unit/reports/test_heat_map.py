"""The heat map's page: it fetches nothing, says what it was given, and lets no text become markup."""

import io
import json
import math
import re
from html.parser import HTMLParser

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from PIL import Image

from zuroku.errors import GeoDataError
from zuroku.reports.heat_map import heat_map_page

HEADS = {"prefecture": ("京都府", 0.76), "municipality": ("右京区", 0.413), "road": ("", 0.1)}
LAND = gpd.GeoDataFrame(
    geometry=[shapely.Point(135.7, 35.0).buffer(0.5, quad_segs=400), shapely.box(-60, -50, -50, -40)],
    crs="EPSG:4326",
)


def picture(kind: str, colour: str) -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 6), colour).save(data, kind)
    return data.getvalue()


def neighbours(n: int = 5, **values: object) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "latitude": 35.0 + 0.01 * np.arange(n),
            "longitude": [135.7] * n,
            "score": 0.9 - 0.1 * np.arange(n),
            "thumbnail": [picture(("JPEG", "PNG", "WEBP")[i % 3], "red") for i in range(n)],
            "licence": ["CC BY-SA 4.0"] * n,
            "author": ["山田"] * n,
            "source_url": ["https://example.org/photo"] * n,
            "item_id": [f"i{i}" for i in range(n)],
        }
        | values
    )


def page(near: pd.DataFrame | None = None, radius_km: float = 12.0, **values: object) -> str:
    near = neighbours() if near is None else near
    return heat_map_page([35.0, 135.7], radius_km, near, picture("PNG", "blue"), HEADS, LAND, **values)


class Reader(HTMLParser):
    """Collects tags with their attributes, scripts and visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.parts: dict[str, list[str]] = {}
        self.inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.inside = tag

    def handle_data(self, data: str) -> None:
        self.parts.setdefault(self.inside, []).append(data)


def variable(text: str, name: str) -> list:
    return json.JSONDecoder().raw_decode(text.split(f"const {name} = ", 1)[1])[0]


def test_nothing_is_fetched() -> None:
    reader = Reader(page())
    fetched = [
        value
        for tag, attributes in reader.tags
        for key, value in attributes.items()
        if key in ("src", "srcset", "poster", "data", "background") or (key == "href" and tag != "a")
    ]
    assert fetched
    assert all(str(value).startswith("data:image/") for value in fetched)
    styles = "".join(reader.parts["style"])
    urls = re.findall(r"url\(([^)]*)\)", styles)
    assert len(urls) > 2
    assert all(url.startswith(("data:", "#")) for url in urls)
    assert "@import" not in styles
    assert "sourceMappingURL" not in page()


def test_the_browser_is_told_to_refuse_all_but_the_tiles() -> None:
    policy = next(a["content"] for _, a in Reader(page()).tags if a.get("http-equiv"))
    rules = dict(rule.strip().split(" ", 1) for rule in str(policy).split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'unsafe-inline'"
    assert rules["img-src"] == "data: https://tile.openstreetmap.org"


def test_tiles_are_offered_but_not_put_on_the_map() -> None:
    text = page()
    assert re.search(r"const tiles = L\.tileLayer\(", text)
    assert "tiles.addTo" not in text


def test_both_maps_have_heat_over_all_neighbours() -> None:
    text = page()
    assert text.count('class="folium-map"') == 2
    heats = [json.loads(rows) for rows in re.findall(r"L\.heatLayer\(\s*(\[\[.*?\]\])", text)]
    assert len(heats) == 2
    assert heats[0] == heats[1]
    expected = np.column_stack([35.0 + 0.01 * np.arange(5), [135.7] * 5, np.linspace(1, 0.3, 5)])
    assert np.array(heats[0]) == pytest.approx(expected, abs=1e-4)


def test_the_wide_view_holds_everything_and_the_close_one_half_of_the_neighbours() -> None:
    near = neighbours(latitude=[35.0, 35.01, 35.02, 37.0, 38.0])
    views = [json.loads(found) for found in re.findall(r'"view": (\[\[.*?\]\])', page(near))]
    (south, west), (north, east) = views[0]
    assert north == 38.0
    # The circle of 12 km about 35 N, 135.7 E.
    assert south == pytest.approx(35 - 12 / 111.2, abs=1e-3)
    assert (west, east) == pytest.approx((135.568, 135.832), abs=2e-3)
    assert views[1][1][0] == pytest.approx(35.02, abs=1e-3)


def test_the_close_view_is_nearer_than_the_wide_one_where_evidence_is_scattered() -> None:
    near = neighbours(latitude=[30.0, 33.0, 37.0, 40.0, 41.0])
    views = [json.loads(found) for found in re.findall(r'"view": (\[\[.*?\]\])', page(near))]
    heights = [north - south for (south, _), (north, _) in views]
    assert heights[1] == pytest.approx(2 * 6.0 / 4, rel=0.01)
    assert heights[0] == pytest.approx(11.0)


def test_photographs_stand_in_order_with_distance_source_and_picture() -> None:
    text = page()
    photos, pictures = variable(text, "photos"), variable(text, "pictures")
    assert [photo["rank"] for photo in photos] == [1, 2, 3, 4, 5]
    assert photos[0]["distance"] == "0 m from the answer"
    assert photos[1]["distance"] == "1.1 km from the answer"
    assert photos[1]["lines"] == ["similarity 0.800", "山田", "CC BY-SA 4.0"]
    kinds = [found.split(";")[0] for found in pictures]
    assert kinds == [f"data:image/{kind}" for kind in ("jpeg", "png", "webp", "jpeg", "png")]


def test_text_of_the_data_never_becomes_markup() -> None:
    hostile = "</script><script>alert(1)</script>"
    near = neighbours(author=[hostile] * 5, licence=[hostile] * 5, item_id=[hostile] * 5)
    text = heat_map_page([35.0, 135.7], 1, near, b"", {"town": (hostile, 0.5)}, None, attribution=hostile)
    assert hostile not in text
    assert variable(text, "photos")[0]["item_id"] == hostile
    assert len([tag for tag, _ in Reader(text).tags if tag == "script"]) == 3


def test_only_web_addresses_become_links() -> None:
    near = neighbours(
        source_url=["javascript:alert(1)", "", "http://a.example", "https://b.example", "file:///x"]
    )
    links = [photo["source_url"] for photo in variable(page(near), "photos")]
    assert links == ["", "", "http://a.example", "https://b.example", ""]


def test_the_answer_the_radius_and_the_heads_are_said() -> None:
    text = page(confidence=0.8)
    assert "35.00000, 135.70000" in text
    assert "within 12 km with 80% confidence" in text
    assert '<dt>prefecture</dt><dd>京都府</dd><dd class="share">76%</dd>' in text
    assert "<dt>road</dt>" not in text
    assert '"radius_m": 12000.0' in text


def test_abstaining_and_an_unknown_radius_are_said() -> None:
    text = page(radius_km=math.inf, abstained=True)
    assert "No answer" in text
    assert "no radius: too few separate blocks of places to promise one" in text
    assert '"radius_m": null' in text
    assert "Infinity" not in text.split("const photos")[1]


def test_the_same_answer_makes_the_same_page() -> None:
    assert page() == page()


def test_neighbours_across_the_antimeridian_lie_beside_the_answer() -> None:
    near = neighbours(longitude=[179.9, -179.9, 179.8, -179.8, 180.0], latitude=[-17.0] * 5)
    text = heat_map_page([-17.0, 179.9], 5, near, b"", {}, None)
    longitudes = [photo["place"][1] for photo in variable(text, "photos")]
    assert longitudes == pytest.approx([179.9, 180.1, 179.8, 180.2, 180.0])


def test_without_neighbours_there_is_still_a_page() -> None:
    text = page(neighbours().iloc[:0])
    assert variable(text, "photos") == []


def test_places_that_are_none_are_refused() -> None:
    with pytest.raises(GeoDataError, match="swapped"):
        page(neighbours(latitude=[135.7] * 5, longitude=[35.0] * 5))
    with pytest.raises(GeoDataError):
        heat_map_page([91.0, 0.0], 1, neighbours(), b"", {}, None)
