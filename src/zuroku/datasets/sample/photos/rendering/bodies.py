"""What a scene is made of: bodies, and the light on them."""

from dataclasses import dataclass

import numpy as np

from zuroku.datasets.sample.photos.rendering.materials import Colour, Finish
from zuroku.datasets.sample.photos.rendering.surfaces import Piece
from zuroku.datasets.sample.photos.rendering.textures import Array


@dataclass(frozen=True)
class Body:
    """A thing in the scene: ``pieces`` make its surface, ``materials`` are those of its parts.

    ``middle`` and ``reach`` are a ball around it.
    """

    pieces: tuple[Piece, ...]
    materials: tuple[Finish, ...]
    middle: tuple[float, float, float]
    reach: float


@dataclass(frozen=True)
class Light:
    """One lamp or sun, and what comes from everywhere.

    ``direction`` points towards the lamp. ``key`` is its light, ``above`` what the sky or ceiling gives,
    ``below`` what the floor throws back; all linear. ``size`` (0–1) softens shadows and widens reflections.
    """

    direction: tuple[float, float, float]
    key: Colour
    above: Colour
    below: Colour
    size: float

    @property
    def way(self) -> Array:
        """The unit vector towards the lamp, ``(3,)``."""
        way = np.asarray(self.direction, np.float32)
        return np.asarray(way / np.sqrt((way * way).sum()))
