"""Vectors in training: batches change nothing, whatever their size; pictures and features are told apart."""

import numpy as np
import torch
from torch import nn

from zuroku.training.embedder_vectors import raw_vectors, unit_vectors


class Mean(nn.Module):
    """Pictures ``(n, 3, h, w)`` → their mean colours ``(n, 3)``."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images.mean(dim=(2, 3))


def test_pictures_are_taken_in_batches_as_floats_of_one() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (70, 4, 4, 3), dtype=np.uint8)
    expected = [[channel.mean() / 255 for channel in picture.transpose(2, 0, 1)] for picture in pictures]
    np.testing.assert_allclose(raw_vectors(Mean(), pictures), expected, atol=1e-6)


def test_features_are_taken_in_batches_as_they_are() -> None:
    features = np.random.default_rng(0).normal(size=(600, 5)).astype(np.float32)
    np.testing.assert_array_equal(raw_vectors(nn.Identity(), features), features)


def test_unit_vectors_have_length_one_and_their_direction() -> None:
    raw = np.random.default_rng(0).normal(size=(9, 5)).astype(np.float32)
    expected = [row / np.sqrt(sum(float(value) ** 2 for value in row)) for row in raw]
    np.testing.assert_allclose(unit_vectors(raw), expected, atol=1e-6)
