"""Work on a stream with a bounded number of items in flight, so that memory stays flat."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ordered_map(
    executor: Executor, function: Callable[[T], R], items: Iterable[T], window: int
) -> Iterator[R]:
    """Yield ``function(item)`` in the order of ``items``, at most ``window`` of them in flight.

    ``Executor.map`` submits everything at once; a collection of millions would lie in memory.
    """
    source = iter(items)
    pending: deque[Future[R]] = deque(executor.submit(function, item) for item in islice(source, window))
    try:
        while pending:
            result = pending.popleft().result()
            pending.extend(executor.submit(function, item) for item in islice(source, 1))
            yield result
    finally:
        for future in pending:
            future.cancel()
