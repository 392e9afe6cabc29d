import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from zuroku.errors import EvaluationError
from zuroku.reports.figures import (
    confusion_matrix_figure,
    error_map,
    label_bars,
    reliability_diagram,
    share_within_figure,
)

NAMES = ["graphic_map", "graphic_graph", "picture_landmark", "stamp", "図版"]


def pixels(png):
    with Image.open(io.BytesIO(png)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB")).astype(int)


def bars(values, lows=None, highs=None):
    size = len(values)
    return label_bars(NAMES[:size], values, lows or [np.nan] * size, highs or [np.nan] * size, "F1")


def blue(png):
    image = pixels(png)
    return int(((image[..., 2] - image[..., 0]) > 40).sum())


def test_a_larger_confusion_table_stays_small_and_shows_its_counts():
    rng = np.random.default_rng(0)
    names = [f"class_{i:02}" for i in range(12)]
    table = pd.DataFrame(rng.integers(0, 99, (12, 13)), index=names, columns=[*names, "none"])
    png = confusion_matrix_figure(table)
    assert len(png) < 60_000
    assert (pixels(png) != pixels(confusion_matrix_figure(table * 0))).any(axis=2).mean() > 0.1


def test_a_row_without_items_is_drawn():
    table = pd.DataFrame([[0, 0], [1, 3]], index=["図版", "b"], columns=["a", "b"])
    assert blue(confusion_matrix_figure(table)) > 500


def test_bars_grow_with_their_values_and_nan_draws_none():
    assert blue(bars([0.8, 0.8])) == pytest.approx(2 * blue(bars([0.4, 0.4])), rel=0.05)
    assert blue(bars([0.8, np.nan])) == pytest.approx(blue(bars([0.8, 0.0])), abs=10)
    assert blue(bars([0.8, np.nan])) > 1000


def test_an_interval_is_drawn_even_when_it_misses_its_value():
    plain, missed = bars([0.2, 0.2]), bars([0.2, 0.2], [0.5, np.nan], [0.9, np.nan])
    far = np.abs(pixels(plain) - pixels(missed)).sum(axis=2) > 150  # palettes differ a little everywhere
    differing = np.flatnonzero(far.any(axis=0))
    axes_px = pixels(plain).shape[1] * 0.75  # the names take the rest
    assert differing.max() - differing.min() == pytest.approx(0.4 * axes_px, rel=0.1)


def test_bars_of_unequal_length_are_refused():
    with pytest.raises(EvaluationError, match=r"1 values for 2 labels; 3 highs for 2 labels"):
        label_bars(["a", "b"], [0.1], [0.1, 0.1], [0.1] * 3, "F1")
    with pytest.raises(EvaluationError, match="no labels"):
        label_bars([], [], [], [], "F1")
    with pytest.raises(EvaluationError, match=r"shape \(0, 0\)"):
        confusion_matrix_figure(pd.DataFrame())


def test_the_reliability_diagram_shows_the_data_and_checks_them():
    rng = np.random.default_rng(0)
    probabilities = rng.random((300, 4))
    honest = reliability_diagram(rng.random((300, 4)) < probabilities, probabilities)
    reversed_ = reliability_diagram(rng.random((300, 4)) > probabilities, probabilities)
    assert len(honest) < 60_000
    assert (pixels(honest) != pixels(reversed_)).any()
    with pytest.raises(EvaluationError, match="NaN"):
        reliability_diagram(np.ones((1, 1)), np.array([[np.nan]]))


def red(png):
    image = pixels(png)
    return image[..., 0] - image[..., 2] > 40


def test_errors_are_lines_from_the_true_place_to_the_answer():
    truth = np.array([[35.0, 139.0], [35.0, 140.0]])
    gallery = np.array([[34.9, 138.9], [35.6, 140.1]])
    right = error_map(truth, truth, gallery)
    assert red(right).sum() < 20
    # Half a degree to the north, inside the map: one upright line.
    wrong = error_map(truth, truth + np.array([[0.5, 0], [0, 0]]), gallery)
    rows, columns = np.nonzero(red(wrong))
    assert np.ptp(rows) > 100
    assert np.ptp(columns) < 4
    # The map reaches to answers beyond the gallery.
    far = error_map(truth, truth + np.array([[9.0, 0], [0, 0]]), gallery)
    assert np.ptp(np.nonzero(red(far))[0]) > 300
    assert error_map(np.array([[90.0, 0.0]]), np.array([[89.0, 0.0]]), gallery)


def test_an_error_map_of_nothing_or_of_other_answers_is_refused():
    for truth, answers in ((np.empty((0, 2)), np.empty((0, 2))), (np.ones((2, 2)), np.ones((1, 2)))):
        with pytest.raises(EvaluationError, match=f"{len(truth)} places and {len(answers)} answers"):
            error_map(truth, answers, np.ones((1, 2)))


def test_shares_are_drawn_for_each_series():
    served = {"1": 0.1, "25": 0.5, "2500": 1.0}
    one, two = share_within_figure({"a": served}), share_within_figure({"a": served, "b": served})
    assert blue(one) > 500
    # The second series lies on the first and covers it.
    assert red(two).sum() > 500 > red(one).sum()
    assert (pixels(one) != pixels(share_within_figure({"a": served | {"25": 0.9}}))).any()
    for nothing in ({}, {"a": {}}):
        with pytest.raises(EvaluationError, match="no shares"):
            share_within_figure(nothing)


def test_japanese_names_are_drawn_with_a_font_that_has_them(recwarn):
    first, second = (label_bars([name], [0.5], [0.4], [0.6], "F1") for name in ("図版", "地図"))
    assert not [w for w in recwarn if "missing from font" in str(w.message)]
    assert (pixels(first) != pixels(second)).any()  # not two boxes for unknown characters each


def test_the_same_numbers_give_the_same_bytes():
    assert bars([0.3, 0.6]) == bars([0.3, 0.6])


def test_pyplot_is_not_imported():
    code = "import sys, zuroku.reports.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
