"""What assets expect of the resource that tracks runs and models. Its MLflow form is elsewhere."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import dagster as dg

from zuroku.artifacts import Artifact
from zuroku.config import Settings

OUTPUT_TAG = "output.sha256"


@dataclass(frozen=True)
class RegisteredVersion:
    """A version in the model registry, the seal of its bundle, and where its page is."""

    version: str
    sha256: str
    run_id: str


@dataclass(frozen=True)
class Champion:
    """The version that holds the alias ``champion``, the seal of its bundle, and whose profile made it.

    ``profile`` is None where nothing tells.
    """

    version: str
    sha256: str
    profile: str | None


class TrackedRun(Protocol):
    """One open run."""

    run_id: str
    url: str

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Record numbers."""

    def log_artifact(self, path: Path, folder: str = "") -> None:
        """Keep a copy of a file."""

    def log_picture(self, name: str, data: bytes) -> None:
        """Keep a PNG or JPEG."""

    def log_output(self, artifact: Artifact) -> None:
        """Tag the run with the SHA-256 of what it made, or found made (``OUTPUT_TAG``)."""

    def register(self, name: str, bundle: Artifact) -> RegisteredVersion:
        """Register a bundle as a version of the model ``name``."""


class RunTracking(Protocol):
    """The resource ``tracker``."""

    def run(
        self, context: dg.AssetExecutionContext, settings: Settings, inputs: Mapping[str, Artifact]
    ) -> AbstractContextManager[TrackedRun]:
        """Open the run of this asset attempt and end it whatever happens."""

    def champion(self, name: str) -> Champion | None:
        """Return the champion of the model ``name``."""

    def set_champion(self, name: str, version: str) -> None:
        """Move the alias ``champion``."""

    def version_of(self, name: str, sha256: str) -> RegisteredVersion | None:
        """Return the registered version with this seal."""

    def fetch(self, name: str, version: str, folder: Path) -> None:
        """Copy the bundle of a registered version into ``folder``."""

    def finished_runs(self, asset: str) -> list[dict[str, Any]]:
        """Return the finished runs of ``asset``, newest first."""
