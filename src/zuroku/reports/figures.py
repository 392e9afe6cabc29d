"""Drawings of numbers for reports: confusion matrix, bars by label, reliability diagram, errors on a map.

Numbers in, PNG bytes out. Nothing is computed here beyond what is drawn; sheets of images live in
``contact_sheet``.
"""

import io
from collections.abc import Iterable, Mapping
from functools import cache

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, fontManager
from matplotlib.text import Text
from PIL import Image

from zuroku.evaluation.calibration import expected_calibration_error, reliability_bins
from zuroku.evaluation.checks import Array, raise_if_any
from zuroku.fonts import japanese_font_path

_DPI = 90
_COLOURS = 96
_BLUE, _PALE, _GREY, _RED = "#1f5a96", "#8fb4d9", "#888888", "#b03a2e"


def confusion_matrix_figure(table: pd.DataFrame) -> bytes:
    """Draw counts ``(true, predicted)`` with their names; the colour is the share of the row.

    Raises:
        EvaluationError: the table is empty.
    """
    raise_if_any(
        [f"a table of shape {table.shape}"] if table.empty else [],
        expected="at least one class",
        remedy="pass the result of confusion_matrix",
    )
    counts = table.to_numpy(dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows, columns = counts.shape
    figure = Figure(figsize=(2.6 + 0.52 * columns, 2.2 + 0.4 * rows), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in zip(*np.nonzero(counts), strict=True):
        colour = "white" if shares[row, column] > 0.5 else "black"
        text = f"{counts[row, column]:g}"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(columns), [str(name) for name in table.columns], rotation=45, ha="right")
    axes.set_yticks(range(rows), [str(name) for name in table.index])
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return _png(figure)


def distance_matrix_figure(distances: pd.DataFrame) -> bytes:
    """Draw distances between named things, ``(n, n)``; dark is near.

    Raises:
        EvaluationError: the table is empty.
    """
    raise_if_any(
        [f"a table of shape {distances.shape}"] if distances.empty else [],
        expected="at least one name",
        remedy="pass the result of centroid_distances",
    )
    values = distances.to_numpy(dtype=float)
    figure = Figure(figsize=(2.6 + 0.52 * len(values), 2.2 + 0.4 * len(values)), layout="constrained")
    axes = figure.subplots()
    highest = max(values.max(), 1e-9)
    axes.imshow(values, cmap="Blues_r", vmin=0, vmax=highest, aspect="auto")
    for row, column in np.ndindex(*values.shape):
        colour = "white" if values[row, column] < highest / 2 else "black"
        text = f"{values[row, column]:.2f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    names = [str(name) for name in distances.index]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
    axes.set_yticks(range(len(names)), names)
    return _png(figure)


def label_bars(
    labels: Iterable[str],
    values: Iterable[float],
    lows: Iterable[float],
    highs: Iterable[float],
    title: str,
) -> bytes:
    """Draw one bar per label with its interval, values in [0, 1]; all four of one length, in order.

    A NaN value draws no bar, a NaN bound no interval (a label in too few books has none).

    Raises:
        EvaluationError: the lengths differ, or there is no label.
    """
    names = [str(label) for label in labels]
    columns = {"values": list(values), "lows": list(lows), "highs": list(highs)}
    faults = [
        f"{len(column)} {kind} for {len(names)} labels"
        for kind, column in columns.items()
        if len(column) != len(names)
    ]
    raise_if_any(
        faults + ([] if names else ["no labels"]),
        expected="one value, lower and upper bound per label",
        remedy="pass columns of one table",
    )
    figure = Figure(figsize=(6.4, 1.2 + 0.3 * len(names)), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(names))
    axes.barh(places, columns["values"], color=_PALE, height=0.6)
    # Not error bars: a percentile interval need not contain its estimate, and lengths may not be negative.
    axes.hlines(places, columns["lows"], columns["highs"], color="black", linewidth=1.2)
    for bound in ("lows", "highs"):
        axes.plot(columns[bound], places, "|", color="black", markersize=6)
    axes.set_yticks(places, names)
    axes.set_ylim(len(names) - 0.5, -0.5)  # the first on top, and room for a label without a bar
    axes.set_xlim(0, 1)
    axes.set_title(title)
    return _png(figure)


def reliability_diagram(targets: Array, probabilities: Array, bins: int = 15) -> bytes:
    """Draw observed frequency against confidence, ``(n, L)`` pooled over labels, above the counts per bin.

    Targets in {0, 1}, probabilities in [0, 1] (Guo 2017, fig. 1, with points at the mean confidence of a
    bin in place of bars).

    Raises:
        EvaluationError: as ``reliability_bins``.
    """
    found = reliability_bins(targets, probabilities, bins)
    error = expected_calibration_error(targets, probabilities, bins)
    figure = Figure(figsize=(4.6, 5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], "--", color=_GREY, linewidth=1)
    filled = found.count > 0
    upper.plot(found.confidence[filled], found.frequency[filled], "o-", color=_BLUE, markersize=4)
    upper.set_ylabel("observed frequency")
    upper.set_title(f"reliability (expected calibration error {error:.3f})")
    upper.set_ylim(0, 1)
    edges = np.arange(bins) / bins
    lower.bar(edges, found.count, width=1 / bins, align="edge", color=_GREY, edgecolor="white")
    lower.set_yscale("symlog")
    lower.set_ylabel("count")
    lower.set_xlabel("probability")
    lower.set_xlim(0, 1)
    return _png(figure)


def error_map(truth: Array, answers: Array, gallery: Array) -> bytes:
    """Draw a line from each true place to its answer, over the gallery; all ``(n, 2)`` latitude, longitude.

    Raises:
        EvaluationError: there is no place, or not one answer for each.
    """
    raise_if_any(
        [] if len(truth) == len(answers) > 0 else [f"{len(truth)} places and {len(answers)} answers"],
        expected="at least one true place, and one answer for each",
        remedy="pass the places and answers of one evaluation",
    )
    figure = Figure(figsize=(8, 6), layout="constrained")
    axes = figure.subplots()
    axes.scatter(gallery[:, 1], gallery[:, 0], s=3, color=_PALE, label="gallery", linewidths=0)
    lines = np.stack([truth[:, ::-1], answers[:, ::-1]], axis=1)
    axes.add_collection(LineCollection(list(lines), colors=_RED, linewidths=0.8, alpha=0.6))
    axes.scatter(truth[:, 1], truth[:, 0], s=10, color=_BLUE, label="true place", linewidths=0, zorder=3)
    axes.set_xlabel("longitude")
    axes.set_ylabel("latitude")
    # A degree of longitude is shorter than one of latitude.
    axes.set_aspect(1 / max(float(np.cos(np.radians(truth[:, 0].mean()))), 0.01))
    axes.legend(frameon=False, fontsize=8)
    axes.set_title("From the true place to the answer")
    return _png(figure)


def share_within_figure(shares: Mapping[str, Mapping[str, float]]) -> bytes:
    """Draw, for each series, the share of answers within each distance; keys of the inner ones are km.

    Raises:
        EvaluationError: there is no share at all.
    """
    raise_if_any(
        [] if any(map(len, shares.values())) else ["no shares"],
        expected="at least one series with one distance",
        remedy="pass the shares of an evaluation",
    )
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    for (name, series), colour in zip(shares.items(), _cycle(len(shares)), strict=True):
        kilometres = [float(km) for km in series]
        # Not clipped: shares of 0 and 1 lie on the frame.
        axes.plot(kilometres, list(series.values()), "o-", label=name, color=colour, clip_on=False)
    axes.set_xscale("log")
    axes.set_ylim(0, 1)
    axes.set_xlabel("km")
    axes.set_ylabel("share within")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return _png(figure)


def _cycle(length: int) -> list[str]:
    return [(_BLUE, _RED, "#3b7d3b", "#8a5a9e", _GREY)[position % 5] for position in range(length)]


def _png(figure: Figure) -> bytes:
    """Render with a palette: a drawing has few colours, and reports are kept with every run."""
    for part in figure.findobj():
        if isinstance(part, Text):
            part.set_fontfamily(_font_families())
    rendered = io.BytesIO()
    figure.savefig(rendered, format="png", dpi=_DPI)
    packed = io.BytesIO()
    with Image.open(rendered) as image:
        image.convert("RGB").quantize(_COLOURS).save(packed, format="PNG", optimize=True)
    return packed.getvalue()


@cache
def _font_families() -> list[str]:
    """Return the default family followed by the Japanese one, for labels the default cannot draw."""
    path = str(japanese_font_path())
    fontManager.addfont(path)
    return ["DejaVu Sans", FontProperties(fname=path).get_name()]
