"""Random views of street pictures: bounds, determinism, what is never done."""

import numpy as np
import pytest
import torch

from zuroku.training.augment import item_draw
from zuroku.training.place_views import PlaceViewSettings, place_views

SIDE = 32
STILL = {"crop_scale_min": 1.0, "scale_max": 1.0, "shear_degrees": 0.0, "noise": 0}


def squares(n: int = 4) -> torch.Tensor:
    draw = torch.Generator().manual_seed(1)
    coarse = torch.rand(n, 3, 8, 8, generator=draw)
    smooth = torch.nn.functional.interpolate(coarse, SIDE, mode="bilinear")
    return (255 * smooth).to(torch.uint8)


def still(**values: object) -> PlaceViewSettings:
    """No geometry and no noise but what ``values`` add; AugMix always mixes."""
    return PlaceViewSettings(**STILL | values)


def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zuroku.training.place_views._AugMixUpright.forward", lambda self, images: images)


def test_a_view_depends_only_on_seed_epoch_and_item_and_leaves_torchs_generator() -> None:
    settings = PlaceViewSettings()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = place_views(squares(), item_draw(1, 2, 3), settings)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(7)
    assert torch.equal(first, place_views(squares(), item_draw(1, 2, 3), settings))
    assert not torch.equal(first, place_views(squares(), item_draw(1, 3, 3), settings))
    assert first.shape == (4, 3, SIDE, SIDE)
    assert first.dtype == torch.uint8


def test_noise_is_uniform_in_its_bounds_and_on_half_of_the_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch)
    grey = torch.full((1, 3, SIDE, SIDE), 128, dtype=torch.uint8)
    changes = [
        (place_views(grey, item_draw(0, 0, item), still(noise=10)).int() - 128).numpy() for item in range(200)
    ]
    noisy = [change for change in changes if change.any()]
    assert 70 < len(noisy) < 130
    values, counts = np.unique(np.stack(noisy), return_counts=True)
    assert values.tolist() == list(range(-10, 11))
    assert counts.max() / counts.min() < 1.1
    black = place_views(torch.zeros_like(grey), item_draw(0, 0, 1), still(noise=10, noise_probability=1.0))
    assert 0 <= int(black.min()) <= int(black.max()) <= 10


def test_a_picture_is_never_mirrored_nor_turned(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch)
    # Left is dark and the upper half red: under crop, scale and shear they stay there.
    picture = torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8)
    picture[..., SIDE // 2 :] += 200
    picture[:, 0, : SIDE // 2] += 50
    for item in range(60):
        view = place_views(picture, item_draw(0, 0, item), PlaceViewSettings(noise=0))[0].float()
        blue = view[2, 10:22]
        assert blue[:, SIDE - 6 :].mean() >= blue[:, :6].mean()
        red = view[0] - view[2]
        assert red[:6].mean() >= red[SIDE - 6 :].mean()


def test_shear_keeps_to_its_bound_and_scale_only_enlarges(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch)
    column = torch.zeros(1, 3, 65, 65, dtype=torch.uint8)
    column[..., 30:35] = 255
    slopes, widths = [], []
    for item in range(80):
        settings = still(shear_degrees=15.0, scale_max=1.1)
        view = place_views(column, item_draw(0, 0, item), settings)[0, 0].float().numpy()
        middles = [(view[row] @ np.arange(65)) / view[row].sum() for row in (12, 52)]
        slopes.append(np.degrees(np.arctan((middles[1] - middles[0]) / 40)))
        widths.append(view[32].sum() / 255)
    assert 11 < np.abs(slopes).max() <= 15.5
    assert min(slopes) < 0 < max(slopes)
    assert 4.9 < min(widths) < 5.3
    assert max(widths) < 5.7


def test_the_squares_of_a_panorama_are_changed_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch)
    one = squares(1)
    views = place_views(one.expand(4, -1, -1, -1), item_draw(0, 0, 1), PlaceViewSettings(noise=0))
    assert all(torch.equal(view, views[0]) for view in views)
    assert not torch.equal(views[0], one[0])


def test_the_papers_crop_takes_one_square_anywhere_around(monkeypatch: pytest.MonkeyPatch) -> None:
    plain(monkeypatch)
    panorama = squares(4)
    strip = torch.cat(list(panorama), dim=-1)
    around = torch.cat([strip, strip], dim=-1)
    starts = set()
    for item in range(300):
        view = place_views(panorama, item_draw(0, 0, item), still(whole_panorama=False))
        assert view.shape == (1, 3, SIDE, SIDE)
        found = [s for s in range(4 * SIDE) if torch.equal(around[..., s : s + SIDE], view[0])]
        assert found
        starts.update(found)
    assert len(starts) > 100
    assert max(starts) > 3 * SIDE
    # A single photograph stays whole.
    assert torch.equal(place_views(squares(1), item_draw(0, 0, 1), still(whole_panorama=False)), squares(1))


def test_mixing_changes_tones_and_never_rotates(monkeypatch: pytest.MonkeyPatch) -> None:
    used = set()

    def noted(self: object, image: torch.Tensor, name: str, *args: object, **options: object) -> torch.Tensor:
        used.add(name)
        return image

    monkeypatch.setattr("torchvision.transforms.v2.AugMix._apply_image_or_video_transform", noted)
    for item in range(60):
        place_views(squares(1), item_draw(0, 0, item), still())
    assert "Rotate" not in used
    assert {"ShearX", "Posterize", "Equalize", "Brightness", "Sharpness"} <= used
    monkeypatch.undo()
    changed = [
        not torch.equal(place_views(squares(1), item_draw(0, 0, i), still()), squares(1)) for i in range(9)
    ]
    assert sum(changed) > 6
