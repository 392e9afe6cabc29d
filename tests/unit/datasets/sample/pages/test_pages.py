"""The generated pages: planned stably, rendered alike anywhere, with all classes, one look for each book."""

import io
import pickle
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from zuroku.datasets.sample.pages.pages import PagePlan, PageSampleSettings, plan_pages, render_page
from zuroku.datasets.zones import NDL_DOCL_CLASSES, Zone, ZonedImage

SMALL = PageSampleSettings(seed=5, books=6, pages_per_book=4, long_side_px=640, rare_share=0.5)
LINES = {"2_handwritten", "3_typography", "6_headline", "7_caption", "8_textline"}
RARE = {"1_overall", "2_handwritten", "3_typography", "4_illustration", "5_stamp"}


@pytest.fixture(scope="module")
def rendered() -> list[tuple[PagePlan, ZonedImage]]:
    return [(plan, render_page(plan)) for plan in plan_pages(SMALL)]


def opened(page: ZonedImage) -> Image.Image:
    return Image.open(io.BytesIO(page.data))


def tones(page: ZonedImage) -> np.ndarray:
    return np.asarray(opened(page).convert("L"), np.float32)


def test_plan_is_stable_and_depends_on_the_seed() -> None:
    assert plan_pages(SMALL) == plan_pages(SMALL)
    assert plan_pages(SMALL) != plan_pages(SMALL.model_copy(update={"seed": 6}))


def test_plans_name_their_book_and_survive_pickling() -> None:
    plans = plan_pages(SMALL)
    assert pickle.loads(pickle.dumps(plans)) == plans
    assert len({plan.item_id for plan in plans}) == len(plans) == 24
    for plan in plans:
        pid, frame = plan.item_id.split("_")
        assert pid == plan.group
        assert len(pid) == 7
        assert int(frame) >= 1


def test_every_book_has_both_labels_and_the_shares_are_kept() -> None:
    settings = PageSampleSettings(seed=1, books=50, pages_per_book=8, rare_share=0.3, spread_share=0.6)
    labels = defaultdict(set)
    plans = plan_pages(settings)
    for plan in plans:
        labels[plan.group].add(plan.label)
    assert all(found == {"illustrated", "plain"} for found in labels.values())
    assert np.mean([plan.label == "illustrated" for plan in plans]) == pytest.approx(0.6, abs=0.05)
    assert len({plan.group for plan in plans if plan.rare}) == 15
    assert len({plan.group for plan in plans if plan.spread}) == 30
    shortest = plan_pages(settings.model_copy(update={"pages_per_book": 2}))
    assert [plan.label for plan in shortest] == ["plain", "illustrated"] * 50


def test_planning_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("planning made an image")

    monkeypatch.setattr(Image, "new", refuse)
    monkeypatch.setattr(Image, "fromarray", refuse)
    assert len(plan_pages(PageSampleSettings(books=500, pages_per_book=2))) == 1000


def test_rendering_is_the_same_twice_and_in_a_spawned_process(
    rendered: list[tuple[PagePlan, ZonedImage]],
) -> None:
    plans = [plan for plan, _ in rendered][::8]
    here = [page for _, page in rendered][::8]
    assert [render_page(plan) for plan in plans] == here
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(render_page, plans)) == here


def test_images_have_the_planned_size(rendered: list[tuple[PagePlan, ZonedImage]]) -> None:
    for plan, page in rendered:
        image = opened(page)
        assert max(image.size) == 640
        assert (image.width > image.height) == plan.spread
        assert image.mode in {"L", "RGB"}


def test_zones_lie_within_the_page_and_the_book(rendered: list[tuple[PagePlan, ZonedImage]]) -> None:
    for _, page in rendered:
        width, height = opened(page).size
        overall = page.zones[0]
        assert [zone.label for zone in page.zones].count("1_overall") == 1
        assert overall.label == "1_overall"
        for zone in page.zones:
            assert 0 <= zone.x_min < zone.x_max <= width
            assert 0 <= zone.y_min < zone.y_max <= height
            assert zone.x_min >= overall.x_min - 1
            assert zone.x_max <= overall.x_max + 1


def test_all_classes_occur_each_in_its_kind_of_book(rendered: list[tuple[PagePlan, ZonedImage]]) -> None:
    found = {False: set[str](), True: set[str]()}
    for plan, page in rendered:
        found[plan.rare] |= {zone.label for zone in page.zones}
    assert found[True] == RARE
    assert found[False] == set(NDL_DOCL_CLASSES) - {"2_handwritten", "3_typography"}


def test_lines_carry_text_and_direction_and_nothing_else_does(
    rendered: list[tuple[PagePlan, ZonedImage]],
) -> None:
    directions = set()
    for _, page in rendered:
        for zone in page.zones:
            assert (zone.direction != "") == bool(zone.text) == (zone.label in LINES)
            assert zone.text == zone.text.strip()
            if zone.label in LINES:
                directions.add(zone.direction)
            if len(zone.text) > 4:
                long = (zone.y_max - zone.y_min) > (zone.x_max - zone.x_min)
                assert long == (zone.direction == "tate")
    assert directions == {"tate", "yoko"}


def test_labels_say_whether_there_is_an_illustration(rendered: list[tuple[PagePlan, ZonedImage]]) -> None:
    for plan, page in rendered:
        pictures = [zone for zone in page.zones if zone.label == "4_illustration"]
        assert plan.label == ("illustrated" if pictures else "plain")


def test_lines_are_darker_than_the_paper_beside_them(rendered: list[tuple[PagePlan, ZonedImage]]) -> None:
    darker = []
    for _, page in rendered:
        image = tones(page)
        for zone in page.zones:
            if zone.label == "8_textline" and len(zone.text) > 8:
                darker.append(_inside(image, zone) < _beside(image, zone))
    assert len(darker) > 100
    assert np.mean(darker) > 0.97


def _inside(image: np.ndarray, zone: Zone) -> float:
    box = [round(edge) for edge in (zone.x_min, zone.y_min, zone.x_max, zone.y_max)]
    return float(image[box[1] : box[3], box[0] : box[2]].mean())


def _beside(image: np.ndarray, zone: Zone) -> float:
    """Median tone of the strip, two pixels wide, along both long sides of the line."""
    left, top, right, bottom = (round(e) for e in (zone.x_min, zone.y_min, zone.x_max, zone.y_max))
    if zone.direction == "tate":
        strips = [image[top:bottom, left - 2 : left], image[top:bottom, right : right + 2]]
    else:
        strips = [image[top - 2 : top, left:right], image[bottom : bottom + 2, left:right]]
    return float(np.median(np.concatenate([strip.ravel() for strip in strips])))


def test_paper_is_alike_within_a_book_and_differs_between_books(
    rendered: list[tuple[PagePlan, ZonedImage]],
) -> None:
    books = defaultdict(list)
    for plan, page in rendered:
        if "cover" not in plan.faces:
            zone = page.zones[0]
            leaf = tones(page)[round(zone.y_min) : round(zone.y_max), round(zone.x_min) : round(zone.x_max)]
            books[plan.group].append(float(np.percentile(leaf, 75)))
    within = float(np.mean([np.var(values) for values in books.values()]))
    between = float(np.var([np.mean(values) for values in books.values()]))
    assert within < 0.5 * between


def test_settings_reject_what_cannot_be_made() -> None:
    with pytest.raises(ValidationError, match="pages_per_book"):
        PageSampleSettings(pages_per_book=1)
    with pytest.raises(ValidationError, match="rare_share"):
        PageSampleSettings(rare_share=1.5)
    with pytest.raises(ValidationError, match="seven digits"):
        PageSampleSettings(first_pid=9_999_999)
