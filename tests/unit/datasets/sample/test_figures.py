"""The generated collection: planned stably, rendered alike anywhere, of one look within a book."""

import io
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from zuroku.datasets.sample.books import class_quota
from zuroku.datasets.sample.figures import DRAWERS, SampleSettings, draw_figure, plan_figures, render_figure

SMALL = SampleSettings(seed=3, books=30, long_side_px_min=160, long_side_px_max=200)


def one_of_each_class() -> SampleSettings:
    return SMALL.model_copy(update={"class_weights": dict.fromkeys(DRAWERS, 1.0)})


def test_plan_is_stable_and_depends_on_the_seed() -> None:
    assert plan_figures(SMALL) == plan_figures(SMALL)
    assert plan_figures(SMALL) != plan_figures(SMALL.model_copy(update={"seed": 4}))


def test_ids_are_unique_and_name_their_book() -> None:
    plans = plan_figures(SampleSettings())
    assert len({plan.item_id for plan in plans}) == len(plans)
    for plan in plans:
        pid, frame, index = plan.item_id.split("_")
        assert pid == plan.group
        assert len(pid) == 7
        assert int(pid) >= 9000001
        assert int(frame) >= 0
        assert int(index) >= 0
    titles = {(plan.group, plan.title) for plan in plans}
    assert len(titles) == len({group for group, _ in titles})


def test_default_plan_is_about_1200_figures_in_books_of_few_classes() -> None:
    settings = SampleSettings()
    plans = plan_figures(settings)
    assert 1000 < len(plans) < 1400
    classes = defaultdict(set)
    for plan in plans:
        classes[plan.group].add(plan.label)
    assert max(len(labels) for labels in classes.values()) <= 3
    assert len(classes) > 200
    counts = Counter(plan.label for plan in plans)
    assert set(counts) == set(settings.class_weights)
    total = sum(settings.class_weights.values())
    for label, weight in settings.class_weights.items():
        assert counts[label] / len(plans) == pytest.approx(weight / total, abs=0.02)


def test_quota_adds_up() -> None:
    assert class_quota(10, {"a": 1, "b": 1, "c": 1, "none": 0}) == {"a": 4, "b": 3, "c": 3}


@pytest.mark.parametrize("label", sorted(DRAWERS))
def test_every_class_can_be_drawn_within_bounds(label: str) -> None:
    settings = SMALL.model_copy(update={"class_weights": {label: 1.0}, "books": 3})
    for plan in plan_figures(settings)[:6]:
        assert plan.label == label
        image = Image.open(io.BytesIO(render_figure(plan)))
        image.load()
        assert image.size == (plan.width_px, plan.height_px)
        assert 160 <= max(image.size) <= 200
        assert image.mode in {"L", "RGB"}
        assert np.asarray(image.convert("L")).std() > 3


def test_rendering_is_the_same_twice_and_in_a_spawned_process() -> None:
    plans = plan_figures(one_of_each_class())[::12]
    here = [render_figure(plan) for plan in plans]
    assert here == [render_figure(plan) for plan in plans]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(render_figure, plans)) == here


def test_paper_is_alike_within_a_book_and_differs_between_books() -> None:
    tones = defaultdict(list)
    for plan in plan_figures(SMALL.model_copy(update={"class_weights": {"graphic_graph": 1.0}, "books": 20})):
        if len(tones[plan.group]) < 3:
            # Paper is what most of a line drawing shows.
            tones[plan.group].append(float(np.percentile(np.asarray(draw_figure(plan).convert("L")), 70)))
    books = [values for values in tones.values() if len(values) > 1]
    within = float(np.mean([np.var(values) for values in books]))
    between = float(np.var([np.mean(values) for values in books]))
    assert within < 0.5 * between


def test_settings_reject_what_cannot_be_drawn() -> None:
    with pytest.raises(ValidationError, match="cannot draw picture_ghost"):
        SampleSettings(class_weights={"picture_ghost": 1.0})
    with pytest.raises(ValidationError, match="figures_per_book_min"):
        SampleSettings(figures_per_book_min=5, figures_per_book_max=2)
    with pytest.raises(ValidationError, match="seven digits"):
        SampleSettings(first_pid=9_999_999)
