"""What this process was told by its environment, read once and in one place.

Besides the command line, only this module reads environment variables.
"""

import os
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mlflow import MlflowClient

from zuroku.artifacts import locked
from zuroku.profile import Profile

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Environment:
    """Profile and addresses. Without any variable set, everything lies in ``var/``.

    ``ZUROKU_PROFILE``: folder of ``configs/`` (sample). ``ZUROKU_ROOT``: the repository, where it is
    not the one that the code lies in. ``ZUROKU_INSTANCE``: local or postgres. ``MLFLOW_TRACKING_URI``
    and ``ZUROKU_ARTIFACTS``: database or server, and folder or object store, of MLflow.
    """

    profile: Profile
    instance: str
    tracking_uri: str
    artifact_root: str
    mlflow_port: int
    dagster_port: int

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its state."""
        return Path(os.environ.get("DAGSTER_HOME", self.profile.var / "dagster"))


@cache
def environment() -> Environment:
    """Return the environment of this process."""
    root = Path(os.environ.get("ZUROKU_ROOT", ROOT)).resolve()
    profile = Profile(os.environ.get("ZUROKU_PROFILE", "sample"), root)
    return Environment(
        profile=profile,
        instance=os.environ.get("ZUROKU_INSTANCE", "local"),
        tracking_uri=os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{profile.var / 'mlflow.db'}"),
        artifact_root=os.environ.get("ZUROKU_ARTIFACTS", (profile.var / "artifacts").as_uri()),
        mlflow_port=int(os.environ.get("ZUROKU_MLFLOW_PORT", "5000")),
        dagster_port=int(os.environ.get("ZUROKU_DAGSTER_PORT", "3000")),
    )


def prepare_state(settings: Environment) -> None:
    """Create Dagster's home and MLflow's tables before several processes use them at once.

    A fresh SQLite store crashes when several processes run its migrations together.
    """
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(home)
    shutil.copyfile(Path(__file__).parent / "instance" / f"{settings.instance}.yaml", home / "dagster.yaml")
    if settings.tracking_uri.startswith("http"):
        return
    with locked(settings.profile.var / ".mlflow.lock"):
        MlflowClient(settings.tracking_uri).search_experiments(max_results=1)
