"""Using a geolocator on a CPU: pictures in, unit vectors and the heads' probabilities out.

Answers with coordinates are made elsewhere, from an index and by a rule. The EXIF position of a picture is
never read.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from zuroku.artifacts import verify
from zuroku.errors import ImageError
from zuroku.geo.distances import checked_coordinates
from zuroku.models.bundle import ONNX, open_card
from zuroku.models.geolocation.card import GeolocatorCard
from zuroku.models.geolocation.views import picture_views
from zuroku.models.inference_pool import InferencePool
from zuroku.streams import ordered_map

if TYPE_CHECKING:
    from zuroku.models.geolocation.location_encoder import LocationEncoder

_THREADS = 4
_BATCH = 4096

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Geolocation:
    """Of one picture its unit vector ``(d,)`` and each task's probabilities ``(C,)``, float32."""

    vector: Floats
    probabilities: dict[str, Floats]


@dataclass(frozen=True)
class Geolocations:
    """Of n pictures unit vectors ``(n, d)`` and each task's probabilities ``(n, C)``, float32.

    C is 0 for a task that had no labelled picture in training.
    """

    vectors: Floats
    probabilities: dict[str, Floats]


class GeolocatorPredictor:
    """A verified geolocator bundle, ready to run; models are compiled and loaded on first use.

    ``classes`` are the ids of each task in the order of its probabilities.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.card = open_card(folder, GeolocatorCard)
        self.sha256 = verify(folder).sha256
        self.dimension = self.card.dimension
        self.size_px = self.card.size_px
        self.classes = self.card.classes

    @cached_property
    def _single(self) -> InferencePool:
        return self._compiled(1)

    @cached_property
    def _panorama(self) -> InferencePool:
        return self._compiled(self.card.views)

    @cached_property
    def _location(self) -> "LocationEncoder":
        from zuroku.models.geolocation.bundle import load_location_encoder

        return load_location_encoder(self.folder)

    def geolocate(self, data: bytes) -> Geolocation:
        """Return vector and probabilities of one encoded image.

        Raises:
            ImageError: it does not decode.
        """
        answers = self.answers(picture_views(data, self.size_px, self.card.views))
        return Geolocation(answers[: self.dimension], self._by_task(answers))

    def answers(self, squares: npt.NDArray[np.uint8]) -> Floats:
        """Return what the graph says of one picture's squares ``(v, size, size, 3)`` uint8 RGB.

        It is the unit vector and behind it each task's probabilities; v is 1, or the card's ``views``.
        """
        model = self._single if len(squares) == 1 else self._panorama
        found: Floats = model.run(squares[None])[0]
        return found

    def stream(self, reads: Iterable[Callable[[], bytes]]) -> Iterator[Geolocation | ImageError | OSError]:
        """Yield the answer for each encoded image, in order; a bad image yields its error.

        ``reads`` are called in worker threads, so files and shards are read beside the decoding.
        """
        # Compiled here, not by whichever thread comes first.
        _ = self._single, self._panorama
        with ThreadPoolExecutor(_THREADS) as executor:
            yield from ordered_map(executor, self._try_one, reads, window=8 * _THREADS)

    def predict(self, images: Iterable[bytes]) -> Geolocations:
        """Return the answers for encoded ``images`` in their order; the first bad one is raised.

        Raises:
            ImageError: an image does not decode.
        """
        found = []
        for answer in self.stream(partial(bytes, data) for data in images):
            if not isinstance(answer, Geolocation):
                raise answer
            found.append(answer)
        n = len(found)
        vectors = np.array([answer.vector for answer in found], dtype=np.float32)
        by_task = {
            task: np.array([answer.probabilities[task] for answer in found], dtype=np.float32)
            for task in self.classes
        }
        return Geolocations(
            vectors.reshape(n, self.dimension),
            {task: part.reshape(n, len(self.classes[task])) for task, part in by_task.items()},
        )

    def encode_locations(self, coordinates: npt.ArrayLike) -> Floats:
        """Return unit vectors ``(n, d)`` of coordinates ``(n, 2)`` in degrees, latitude first.

        Raises:
            GeoDataError: they are no places on Earth.
        """
        # Only this needs torch, whose import takes longer than a whole query.
        import torch

        places = torch.from_numpy(checked_coordinates(coordinates))
        with torch.inference_mode():
            parts = [self._location(part).numpy() for part in torch.split(places, _BATCH)]
        return np.concatenate(parts)

    def _try_one(self, read: Callable[[], bytes]) -> Geolocation | ImageError | OSError:
        try:
            return self.geolocate(read())
        except (ImageError, OSError) as error:
            return error

    def _by_task(self, answers: Floats) -> dict[str, Floats]:
        ends = self.dimension + np.cumsum([len(names) for names in self.classes.values()])
        parts = np.split(answers, [self.dimension, *ends[:-1]])[1:]
        return dict(zip(self.classes, parts, strict=True))

    def _compiled(self, views: int) -> InferencePool:
        return InferencePool(self.folder / ONNX, [1, views, self.size_px, self.size_px, 3], _THREADS)
