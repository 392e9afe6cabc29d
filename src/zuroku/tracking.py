"""What the domain tells about a run while it works, and to whom.

``Tracker`` is a protocol: the domain never knows who listens. The MLflow implementation is a
Dagster resource in ``orchestration/resources``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol


class Tracker(Protocol):
    """Receives numbers and files of one run."""

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Record scalar ``metrics`` at ``step`` (an epoch, or 0 for a final value)."""

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Keep a copy of the file at ``path`` under ``folder`` of the run."""


class NullTracker:
    """Listens to nothing: for the command line and for tests."""

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Drop ``metrics``."""

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Drop ``path``."""
