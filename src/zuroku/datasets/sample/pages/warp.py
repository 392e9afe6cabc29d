"""The geometry of a photographed opening: the leaves' curl towards the gutter, and the skew.

Points map exactly in both directions; images follow on a mesh. Coordinates are pixels with the
origin at the upper left corner of the image (pixel centres at halves).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from zuroku.datasets.sample.strokes import Box

Coordinates = npt.NDArray[np.float64]

_CELLS = 6
_CELLS_NEAR = 24
_REACHES = 4
_ALONG_EDGE = 9


@dataclass(frozen=True)
class Warp:
    """Maps the flat print to the photograph, both of ``size`` = (width, height).

    Near ``gutter_x`` leaves fall away from the lens: heights about the image's middle shrink by
    ``curl``, over a distance of ``reach_px``. Then all turns by ``angle_deg`` about the middle,
    clockwise on the screen.
    """

    size: tuple[int, int]
    gutter_x: float
    curl: float
    reach_px: float
    angle_deg: float

    def forward(self, points: Coordinates) -> Coordinates:
        """Map points ``(n, 2)`` of the print to the photograph."""
        x, y = points[:, 0], points[:, 1]
        middle = self.size[1] / 2
        curled = middle + (y - middle) * self._shrink(x)
        return self._turn(np.stack([x, curled], 1), self.angle_deg)

    def backward(self, points: Coordinates) -> Coordinates:
        """Map points ``(n, 2)`` of the photograph to the print."""
        upright = self._turn(points, -self.angle_deg)
        x, y = upright[:, 0], upright[:, 1]
        middle = self.size[1] / 2
        return np.stack([x, middle + (y - middle) / self._shrink(x)], 1)

    def _shrink(self, x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(1 - self.curl * np.exp(-np.abs(x - self.gutter_x) / self.reach_px), np.float64)

    def _turn(self, points: Coordinates, angle_deg: float) -> Coordinates:
        angle = np.radians(angle_deg)
        cos, sin = np.cos(angle), np.sin(angle)
        middle = np.array(self.size) / 2
        turned: Coordinates = (points - middle) @ np.array([[cos, sin], [-sin, cos]]) + middle
        return turned

    def box(self, box: Box) -> Box:
        """Return the upright hull of ``box`` after the warp."""
        outline = self.outline(box)
        left, top = outline.min(axis=0).tolist()
        right, bottom = outline.max(axis=0).tolist()
        return left, top, right, bottom

    def outline(self, box: Box) -> Coordinates:
        """Return points along the warped edges of ``box``, ``(n, 2)``, clockwise from its upper left."""
        left, top, right, bottom = box
        x, y = np.linspace(left, right, _ALONG_EDGE), np.linspace(top, bottom, _ALONG_EDGE)
        sides = [(x, np.full_like(x, top)), (np.full_like(y, right), y)]
        sides += [(x[::-1], np.full_like(x, bottom)), (np.full_like(y, left), y[::-1])]
        return self.forward(np.concatenate([np.stack(side, 1) for side in sides]))

    def image(self, print_: Image.Image) -> Image.Image:
        """Warp ``print_``; what comes from outside it is white."""
        width, height = self.size
        # Cells map bilinearly, and so does the warp but for the curl, which changes across the gutter.
        near = self.gutter_x + self.reach_px * np.linspace(-_REACHES, _REACHES, _CELLS_NEAR + 1)
        x = np.unique(np.concatenate([np.linspace(0, width, _CELLS + 1), near.clip(0, width)]).round())
        y = np.unique(np.linspace(0, height, _CELLS + 1).round())
        # A margin of white keeps the edge from being smeared by samples beyond it.
        margin = 2 + round(0.05 * max(self.size))
        white = (255, 255, 255) if print_.mode == "RGB" else 255
        padded = Image.new(print_.mode, (width + 2 * margin, height + 2 * margin), white)
        padded.paste(print_, (margin, margin))
        grid = np.stack(np.meshgrid(x, y), 2)
        sources = self.backward(grid.reshape(-1, 2)).reshape(grid.shape) + margin
        cells = []
        for row in range(len(y) - 1):
            for column in range(len(x) - 1):
                target = (int(x[column]), int(y[row]), int(x[column + 1]), int(y[row + 1]))
                corners = (
                    sources[row, column],
                    sources[row + 1, column],
                    sources[row + 1, column + 1],
                    sources[row, column + 1],
                )
                cells.append((target, tuple(float(value) for corner in corners for value in corner)))
        return padded.transform(self.size, Image.Transform.MESH, cells, Image.Resampling.BILINEAR)
