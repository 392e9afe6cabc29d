"""Class weights, unlabelled items, contrast and queue of the geolocator, against slow oracles."""

import math

import numpy as np
import pytest
import torch
from pyproj import Geod
from torch.nn import functional

from tests.unit.models.geolocation import bundles
from zuroku.training.geolocator_losses import (
    CONTRAST,
    LocationQueue,
    PlaceLosses,
    class_weights,
    contrast_loss,
    same_place,
    task_loss,
)


def unit(n: int, d: int, seed: int) -> torch.Tensor:
    return functional.normalize(torch.randn(n, d, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_class_weights_have_the_mean_one_and_the_ratio_of_the_counts() -> None:
    targets = np.array([0] * 50 + [1] * 10 + [2] * 2 + [-1] * 30)
    weights = class_weights(targets, 3)
    assert weights.mean() == pytest.approx(1)
    assert weights[1] / weights[0] == pytest.approx(5)
    assert weights[2] / weights[0] == pytest.approx(25)
    by_hand = [62 / (3 * n) for n in (50, 10, 2)]
    np.testing.assert_allclose(weights, [w / (sum(by_hand) / 3) for w in by_hand], rtol=1e-6)
    np.testing.assert_allclose(class_weights(np.array([0, 1, 1, 0]), 2), [1, 1])


def test_the_loss_of_a_task_is_the_weighted_mean_over_the_labelled() -> None:
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    targets, weights = torch.tensor([0, 2, -1, 1, -1, 2]), torch.tensor([0.5, 1.0, 1.5])
    total = norm = 0.0
    for row, target in zip(logits.tolist(), targets.tolist(), strict=True):
        if target >= 0:
            nll = math.log(sum(math.exp(x) for x in row)) - row[target]
            total += float(weights[target]) * nll
            norm += float(weights[target])
    assert float(task_loss(logits, targets, weights)) == pytest.approx(total / norm, rel=1e-5)


def test_unlabelled_items_have_no_gradient_and_none_labelled_is_zero() -> None:
    logits = torch.randn(4, 3, requires_grad=True)
    task_loss(logits, torch.tensor([1, -1, 2, -1]), torch.ones(3)).backward()
    assert logits.grad is not None
    assert (logits.grad[[1, 3]] == 0).all()
    assert (logits.grad[[0, 2]].abs().sum(dim=1) > 0).all()
    logits.grad = None
    loss = task_loss(logits, torch.full((4,), -1), torch.ones(3))
    assert loss.item() == 0
    loss.backward()
    assert (logits.grad == 0).all()


def test_the_contrast_is_the_cross_entropy_from_images_to_places() -> None:
    images, places = unit(3, 8, 0), unit(7, 8, 1)
    scale = math.log(1 / 0.07)
    same = torch.zeros(3, 7, dtype=torch.bool)
    same[[0, 1, 2], [0, 1, 2]] = True
    # The place of the first image comes again in the batch, and twice in the queue for the third.
    same[0, 1] = same[1, 0] = same[2, 4] = same[2, 6] = True
    expected = 0.0
    for i in range(3):
        logits = {j: float(images[i] @ places[j]) / 0.07 for j in range(7) if j == i or not same[i, j]}
        expected += math.log(sum(math.exp(x) for x in logits.values())) - logits[i]
    found = contrast_loss(images, places, torch.tensor(scale), same)
    assert float(found) == pytest.approx(expected / 3, rel=1e-5)


def test_left_out_places_have_no_gradient() -> None:
    places = unit(4, 8, 1).requires_grad_()
    same = torch.eye(2, 4, dtype=torch.bool)
    same[:, 3] = True
    contrast_loss(unit(2, 8, 0), places, torch.tensor(2.0), same).backward()
    assert places.grad is not None
    assert (places.grad[3] == 0).all()
    assert (places.grad[2] != 0).any()


def test_the_temperature_is_bounded_as_in_clip() -> None:
    arguments = unit(2, 8, 0), unit(2, 8, 1)
    same = torch.eye(2, dtype=torch.bool)
    bound = contrast_loss(*arguments, torch.tensor(math.log(100)), same)
    assert torch.equal(contrast_loss(*arguments, torch.tensor(9.0), same), bound)


def test_the_same_place_is_a_matter_of_metres() -> None:
    geod = Geod(a=6371000, b=6371000)
    for latitude, longitude in ((35.6812, 139.7671), (0.0, 180.0), (89.0, -180.0)):
        around = []
        for metres in (0.0, 5.0, 19.9, 20.1, 500.0):
            east, north, _ = geod.fwd(longitude, latitude, 70, metres)
            around.append((north, east))
        here = torch.tensor([(latitude, longitude)], dtype=torch.float64)
        found = same_place(here, torch.tensor(around, dtype=torch.float64), 20.0)
        assert found.tolist() == [[True, True, True, False, False]]
    across = torch.tensor([[10.0, 180.0], [10.0, -180.0]], dtype=torch.float64)
    assert same_place(across, across, 1.0).all()


def test_the_queue_holds_the_newest_and_the_oldest_leave() -> None:
    queue, seen = LocationQueue(5), []
    assert queue.coordinates().shape == (0, 2)
    for step, n in enumerate((2, 2, 3, 1, 9, 0)):
        batch = torch.tensor([[float(step), float(i)] for i in range(n)], dtype=torch.float64).reshape(-1, 2)
        queue.push(batch)
        seen = [*batch.tolist(), *seen][:5]
        assert queue.coordinates().tolist() == seen
    other = LocationQueue(5)
    other.load_state_dict(queue.state_dict())
    assert other.coordinates().tolist() == seen
    LocationQueue(0).push(torch.zeros(3, 2, dtype=torch.float64))


def losses_of(queue: int = 6) -> PlaceLosses:
    weights = {t: np.ones(len(names), dtype=np.float32) for t, names in bundles.CLASSES.items() if names}
    return PlaceLosses(weights, queue, 20.0)


def batch(n: int, seed: int) -> tuple[torch.Tensor, dict[str, torch.Tensor], torch.Tensor]:
    draw = np.random.default_rng(seed)
    raw = torch.from_numpy(draw.standard_normal((n, 24)).astype(np.float32))
    targets = {t: torch.from_numpy(draw.integers(-1, max(len(c), 1), n)) for t, c in bundles.CLASSES.items()}
    coordinates = torch.from_numpy(draw.uniform([30, 130], [40, 140], (n, 2)))
    return raw, targets, coordinates


def test_a_picture_seen_again_is_no_negative_of_its_own() -> None:
    space, losses = bundles.network().space, losses_of()
    alone = losses(space, *batch(1, 1))[CONTRAST]
    assert float(alone) == 0
    # The queue holds this very place now, then three times: there is still nothing to tell it from.
    for _ in range(2):
        assert float(losses(space, *batch(1, 1))[CONTRAST]) == 0
    losses(space, *batch(2, 2))
    assert float(losses(space, *batch(1, 1))[CONTRAST]) > 0


def test_in_validation_the_queue_has_no_part() -> None:
    space, losses = bundles.network().space, losses_of()
    alone = losses(space, *batch(4, 1))
    losses(space, *batch(4, 2))
    stored = losses.queue.coordinates().clone()
    judged = losses.eval()(space, *batch(4, 1))
    assert float(judged[CONTRAST]) == pytest.approx(float(alone[CONTRAST]))
    assert torch.equal(losses.queue.coordinates(), stored)
    assert list(judged) == ["prefecture", "municipality", "road", "landmark", CONTRAST]
