"""The units of the corpus line on a Ray cluster, by Ray Data with a pool of actors.

Only the numbers of units travel through Ray, and summaries back: actors read pages and write rows and
crops themselves. So the object store stays small whatever the pages weigh, and nothing waits on one
driver. Ray is imported here and nowhere else.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
import ray
import ray.data

from zuroku import errors
from zuroku.corpus.executors import RaySettings
from zuroku.corpus.stage import PageStage
from zuroku.corpus.units import UnitSummary, UnitWork, process_unit
from zuroku.errors import ZurokuError

# Ray Data schedules a task per block, so millions of units must share blocks; few blocks leave actors idle.
_MOST_BLOCKS = 10_000
_LOCAL_STORE_BYTES = 128 << 20


class RayExecutor:
    """Works off units by a fixed pool of actors, each with a stage of its own."""

    def __init__(self, settings: RaySettings) -> None:
        self._settings = settings

    def __call__(self, work: UnitWork, n_units: int) -> Iterator[UnitSummary]:
        """Yield the summaries as the actors finish."""
        with connected(self._settings):
            # Numbers that lie in the store already: a task that lists them would wait for ever for a
            # processor where actors hold them all.
            numbers = np.array_split(np.arange(n_units), min(n_units, _MOST_BLOCKS))
            summaries = ray.data.from_numpy(numbers).map_batches(
                _UnitActor,
                fn_constructor_args=(work,),
                batch_size=1,
                compute=ray.data.ActorPoolStrategy(size=self._settings.actors),
                num_cpus=self._settings.cpus_per_actor,
            )
            for row in summaries.iter_rows():
                yield _summary(row["outcome"])


class _UnitActor:
    """Opens a stage once and then works off one unit after the other.

    Our own errors are results: of what an actor raises, Ray hands on nothing but the text.
    """

    def __init__(self, work: UnitWork) -> None:
        self._work = work

    @cached_property
    def _stage(self) -> PageStage:
        return self._work.opened()

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Return, as JSON, what came of each unit whose number is in ``batch["data"]``."""
        return {"outcome": [self._outcome(int(number)) for number in batch["data"]]}

    def _outcome(self, number: int) -> str:
        try:
            return json.dumps(asdict(process_unit(self._stage, self._work, number)))
        except ZurokuError as error:
            return json.dumps([type(error).__name__, error.found, error.expected, error.remedy])


def _summary(outcome: str) -> UnitSummary:
    """Return the summary that an actor sent, or raise its error."""
    values = json.loads(outcome)
    if isinstance(values, list):
        name, found, expected, remedy = values
        kind: type[ZurokuError] = getattr(errors, name)
        raise kind(found, expected=expected, remedy=remedy)
    return UnitSummary(**values)


@contextmanager
def connected(settings: RaySettings) -> Iterator[None]:
    """Be connected to the configured cluster, or to one that lives as long as this."""
    if ray.is_initialized():
        yield
        return
    if settings.address is None:
        ray.init(
            address="local",
            num_cpus=max(1, round(settings.actors * settings.cpus_per_actor)),
            object_store_memory=_LOCAL_STORE_BYTES,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
    else:
        ray.init(address=settings.address, log_to_driver=False, logging_level=logging.WARNING)
    ray.data.DataContext.get_current().enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.WARNING)
    try:
        yield
    finally:
        ray.shutdown()
