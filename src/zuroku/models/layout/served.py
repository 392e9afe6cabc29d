"""What a detector's bundle exports: pixels in, one tensor out, nothing for a user to get wrong."""

import torch
from torch import Tensor, nn


class ServedDetector(nn.Module):
    """``(1, h, w, 3)`` uint8 RGB, sides multiples of 32 → the network's output for pixels in [0, 1]."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the network's output."""
        output: Tensor = self.network((pixels.float() / 255).permute(0, 3, 1, 2))
        return output


def example_pixels(size_px: int) -> Tensor:
    """Return a blank input to trace with; its sides differ, so that none is taken for the other."""
    side = max(size_px // 32, 4) * 32
    return torch.zeros(1, side, side - 32, 3, dtype=torch.uint8)
