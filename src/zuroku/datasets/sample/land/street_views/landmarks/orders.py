"""What the builder of a landmark is given, and the materials to choose from."""

from dataclasses import dataclass

import numpy as np

from zuroku.datasets.sample.land.street_views.camera.optics import Colour
from zuroku.datasets.sample.land.street_views.habits import Habits, jittered

WOODS: tuple[Colour, ...] = ((196, 62, 40), (104, 70, 48), (140, 104, 70), (84, 60, 50))
PALE: tuple[Colour, ...] = ((236, 232, 220), (214, 206, 190), (226, 214, 188), (204, 208, 210))
ROOFS: tuple[Colour, ...] = ((70, 76, 82), (86, 128, 110), (92, 70, 56), (58, 62, 74))
STONE: Colour = (152, 148, 138)


@dataclass(frozen=True)
class Order:
    """What a builder is given: the landmark's own generator, the name it bears, and the habits around it."""

    rng: np.random.Generator
    name: str
    habits: Habits

    def pick(self, colours: tuple[Colour, ...], reach: float = 14) -> Colour:
        """Choose one of ``colours`` and vary it."""
        return jittered(self.rng, colours[int(self.rng.integers(len(colours)))], reach)
