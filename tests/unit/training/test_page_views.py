"""Views of pages: boxes must go where the ink goes."""

import numpy as np
import pytest
import torch

from zuroku.training.augment import item_draw
from zuroku.training.page_views import PageViewSettings, page_views

PLAIN = {"greyscale": 0.0, "brightness": 0.0, "contrast": 0.0}


def page_with(
    box: tuple[int, int, int, int], side: int = 128
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Return a white page with a black rectangle, and its target."""
    image = torch.ones(1, 3, side, side)
    left, top, right, bottom = box
    image[:, :, top:bottom, left:right] = 0
    target = {"boxes": torch.tensor([box], dtype=torch.float32), "labels": torch.tensor([3])}
    return image, target


def ink_box(image: torch.Tensor) -> list[float]:
    rows, columns = np.nonzero(image[0].numpy() < 0.5)
    return [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]


@pytest.mark.parametrize("item", range(12))
def test_a_box_goes_where_the_ink_goes(item: int) -> None:
    image, target = page_with((40, 30, 90, 100))
    settings = PageViewSettings(scale=0.25, shift=0.08, **PLAIN)
    views, moved = page_views(image, [target], [item_draw(1, 0, item)], settings)
    assert moved[0]["labels"].tolist() == [3]
    np.testing.assert_allclose(moved[0]["boxes"][0].numpy(), ink_box(views[0]), atol=1.01)


def test_without_any_change_a_page_stays_as_it_is() -> None:
    image, target = page_with((40, 30, 90, 100))
    settings = PageViewSettings(scale=0.0, shift=0.0, **PLAIN)
    views, moved = page_views(image, [target], [item_draw(1, 0, 0)], settings)
    torch.testing.assert_close(views, image)
    torch.testing.assert_close(moved[0]["boxes"], target["boxes"])


def test_a_box_that_leaves_the_view_is_no_longer_asked_for() -> None:
    image, target = page_with((0, 0, 6, 6))
    settings = PageViewSettings(scale=0.24, shift=0.0, **PLAIN)
    zoomed = [
        page_views(image, [target], [draw], settings)[1][0]
        for draw in (item_draw(1, 0, item) for item in range(40))
    ]
    kept = [len(view["boxes"]) for view in zoomed]
    assert 0 in kept
    assert 1 in kept
    for view in zoomed:
        assert (view["boxes"] >= 0).all()
        assert (view["boxes"] <= 128).all()


def test_a_view_depends_on_seed_epoch_and_item_alone() -> None:
    image, target = page_with((40, 30, 90, 100))
    both = image.repeat(2, 1, 1, 1)
    settings = PageViewSettings()
    alone, _ = page_views(image, [target], [item_draw(1, 2, 5)], settings)
    together, _ = page_views(both, [target, target], [item_draw(1, 2, 4), item_draw(1, 2, 5)], settings)
    torch.testing.assert_close(together[1:], alone)
    assert not torch.equal(together[0], together[1])


def test_a_page_without_zones_is_fine() -> None:
    image = torch.ones(1, 3, 64, 64)
    target = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    _, moved = page_views(image, [target], [item_draw(1, 0, 0)], PageViewSettings())
    assert moved[0]["boxes"].shape == (0, 4)
