"""One thread for the numeric libraries while a search or a build runs.

BLAS's own threads wait for each other in every call: where another process, or PyTorch's OpenMP, holds a
core, a scan took up to a hundred times as long.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

_lock = threading.Lock()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Keep BLAS and OpenMP to one thread inside; others who ask for the same wait.

    The limit belongs to the process, so two must not set and restore it at a time.
    """
    with _lock, _libraries("faiss" in sys.modules).limit(limits=1):
        yield


@cache
def _libraries(with_faiss: bool) -> ThreadpoolController:
    """Return the libraries that are loaded; faiss brings its own, and may be loaded late."""
    return ThreadpoolController()
