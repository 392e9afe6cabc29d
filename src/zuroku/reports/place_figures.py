"""Pictures of a data set of places: where its points lie, and what its panoramas show.

The map of an answer is ``heat_map``; numbers are drawn in ``figures``.
"""

import io
import math
from collections.abc import Sequence

import geopandas as gpd
import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image

from zuroku.datasets.images import decode_rgb
from zuroku.datasets.manifest import Dataset
from zuroku.errors import EvaluationError
from zuroku.reports.contact_sheet import contact_sheet

_DPI = 110
_KINDS = 9
_COLOURS = [colormaps["tab10"](number) for number in (0, 1, 2, 3, 4, 5, 6, 8, 9, 7)]
"""Those of the classes, and grey for all others."""
_LEAST_RATIO = 3.0
"""Width by height from which a picture is a panorama of four headings, and no wide photograph."""


def points_map(points: gpd.GeoDataFrame, areas: gpd.GeoDataFrame) -> bytes:
    """Draw sample points (columns kind, geometry) by class on the outlines of ``areas``; PNG.

    The nine most frequent classes have a colour each, with their counts; both tables are in WGS84. Degrees
    are drawn as long as they are in the middle of the map. Areas reach beyond the points only as far as a
    twentieth of their extent.

    Raises:
        EvaluationError: there are no points.
    """
    if points.empty:
        raise EvaluationError("no points", expected="at least one", remedy="sample points first")
    west, south, east, north = (float(value) for value in points.total_bounds)
    margin = 0.05 * max(east - west, north - south, 0.01)
    west, south, east, north = west - margin, south - margin, east + margin, north + margin
    stretch = 1 / max(math.cos(math.radians((south + north) / 2)), 0.01)
    height = min(12.0, max(3.0, 8.0 * (north - south) * stretch / (east - west)))
    figure = Figure(figsize=(10.5, height), layout="constrained")
    axes = figure.subplots()
    near = areas.cx[west:east, south:north]
    if not near.empty:
        near.boundary.plot(ax=axes, color="#a9b4be", linewidth=0.6, zorder=1)
    classes = points["kind"].value_counts().index.tolist()
    rank = points["kind"].map({kind: number for number, kind in enumerate(classes)}).clip(upper=_KINDS)
    for number, drawn in points.groupby(rank):
        name = classes[number] if number < _KINDS else "other classes"
        label = f"{name} ({len(drawn):,})"
        axes.scatter(drawn.geometry.x, drawn.geometry.y, s=9, color=_COLOURS[number], label=label, zorder=2)
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect(stretch)
    axes.ticklabel_format(useOffset=False)
    axes.set_title(f"{len(points):,} points of {len(classes)} classes")
    axes.set_xlabel("longitude")
    axes.set_ylabel("latitude")
    figure.legend(loc="outside right upper", frameon=False, markerscale=1.6, fontsize=8)
    buffer = io.BytesIO()
    # Latitudes stretched, the axes outgrow what the layout gave them.
    figure.savefig(buffer, format="png", dpi=_DPI, bbox_inches="tight")
    return buffer.getvalue()


def panorama_sheet(
    pictures: Sequence[tuple[Image.Image, Sequence[str]]], title: str = "", columns: int = 4
) -> bytes:
    """Return a JPEG sheet of panoramas and their caption lines.

    A panorama of four headings is folded: north and east above south and west, so that each is seen twice
    as large. Other pictures stay as they are.
    """
    folded = [(folded_panorama(picture), lines) for picture, lines in pictures]
    return contact_sheet(folded, columns=columns, title=title, thumbnail_px=260)


def dataset_sheet(dataset: Dataset, count: int = 12) -> bytes:
    """Return a sheet of ``count`` photographs of ``dataset``, evenly over its manifest, with their ids."""
    rows = dataset.rows()
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int))
    pictures = [(decode_rgb(dataset.read(rows[place])), [rows[place].item_id]) for place in chosen]
    return panorama_sheet(pictures, title=str(dataset.card["name"]))


def folded_panorama(picture: Image.Image) -> Image.Image:
    """Return a panorama of four headings as a square, two above two; any other picture as it is."""
    if picture.width < _LEAST_RATIO * picture.height:
        return picture
    half = picture.width // 2
    sheet = Image.new("RGB", (half, 2 * picture.height))
    for row in range(2):
        sheet.paste(
            picture.crop((row * half, 0, (row + 1) * half, picture.height)), (0, row * picture.height)
        )
    return sheet
