"""Who works off the units: threads of this process. The cluster's way is in ``ray_executor``."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from pydantic import Field

from zuroku.config import Settings
from zuroku.corpus.units import UnitSummary, UnitWork, process_unit
from zuroku.streams import ordered_map


class RaySettings(Settings):
    """Where the actors run. The machines of a cluster need zuroku installed and the folders mounted."""

    address: str | None = Field(default=None, description="of a cluster; none: an instance of this machine")
    actors: int = Field(default=2, ge=1)
    cpus_per_actor: float = Field(default=1, gt=0)


class UnitExecutor(Protocol):
    """Works off the units 0 … ``n_units`` − 1, in any order, and yields what came of each.

    Memory must not grow with ``n_units``. An error in a unit ends the whole.
    """

    def __call__(self, work: UnitWork, n_units: int) -> Iterable[UnitSummary]:
        """Yield the summary of each unit as it is finished."""


class ThreadExecutor:
    """Threads that share one stage, each with one unit, and in it one page, at a time.

    Decoding, resizing, inference and encoding release Python's lock, so threads suffice.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def __call__(self, work: UnitWork, n_units: int) -> Iterator[UnitSummary]:
        """Yield the summaries in order."""
        stage = work.opened()
        with ThreadPoolExecutor(self._workers) as pool:
            yield from ordered_map(
                pool, partial(process_unit, stage, work), range(n_units), window=2 * self._workers
            )
