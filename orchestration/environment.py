"""What this process was told by its environment, read once and in one place.

Besides the command line, only this module reads environment variables.
"""

import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from mlflow import MlflowClient

from zuroku.artifacts import locked, write_atomically
from zuroku.errors import ConfigError
from zuroku.profile import Profile

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
_INSTANCES = Path(__file__).parent / "instance"


@dataclass(frozen=True)
class Environment:
    """Profile and addresses. Without any variable set, everything lies in ``var/``.

    ``ZUROKU_PROFILE``: folder of ``configs/`` (sample). ``ZUROKU_ROOT``: the repository, where it is
    not the one that the code lies in. ``ZUROKU_INSTANCE``: local or postgres. ``MLFLOW_TRACKING_URI``
    and ``ZUROKU_ARTIFACTS``: database or server, and folder or object store, of MLflow. ``ZUROKU_DECISION``:
    who allows restricted models to be sent to one that is not on this machine, and why.
    """

    profile: Profile
    instance: str
    tracking_uri: str = field(repr=False)
    artifact_root: str = field(repr=False)
    mlflow_port: int
    dagster_port: int
    decision: str = ""

    @property
    def has_mlflow_server(self) -> bool:
        """Whether runs are tracked on a server that is there already, and not in a database."""
        return self.tracking_uri.startswith("http")

    @property
    def mlflow_url(self) -> str:
        """Where MLflow's pages are: on that server, or on the one that ``make ui`` starts."""
        if not self.has_mlflow_server:
            return f"http://{HOST}:{self.mlflow_port}"
        # Links are for everybody to read: without the name and the password that may stand in the address.
        parts = urlsplit(self.tracking_uri)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl().rstrip("/")

    @property
    def dagster_url(self) -> str:
        """Where ``make ui`` serves Dagster's pages."""
        return f"http://{HOST}:{self.dagster_port}"

    @property
    def dagster_home(self) -> Path:
        """Where Dagster keeps its state: a folder of the profile's own, because it keeps assets by name.

        In one, what another profile made last would make every asset stale, and would set off sensors.
        """
        return Path(os.environ.get("DAGSTER_HOME", self.profile.home / "dagster"))


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
        decision=os.environ.get("ZUROKU_DECISION", ""),
    )


def prepare_state(settings: Environment) -> None:
    """Create Dagster's home and MLflow's tables before several processes use them at once.

    A fresh SQLite store crashes when several processes run its migrations together.

    Raises:
        ConfigError: the instance is unknown, or Dagster's home has a ``dagster.yaml`` that is not ours.
    """
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    _write_instance(settings.instance, home / "dagster.yaml")
    os.environ["DAGSTER_HOME"] = str(home)
    if settings.has_mlflow_server:
        return
    with locked(settings.profile.var / ".mlflow.lock"):
        MlflowClient(settings.tracking_uri).search_experiments(max_results=1)


def _write_instance(name: str, target: Path) -> None:
    """Write ``instance/<name>.yaml`` to ``target``, unless that is a file of the user's own.

    Ours are known by their first line, which is that of one of the files in ``instance/``.
    """
    ours = {path.stem: path.read_bytes() for path in sorted(_INSTANCES.glob("*.yaml"))}
    if name not in ours:
        raise ConfigError(
            f"ZUROKU_INSTANCE is {name!r}",
            expected=f"one of {', '.join(ours)}",
            remedy="set it to one of these, or unset it for local",
        )
    present = target.read_bytes() if target.exists() else None
    if present is not None and _first_line(present) not in map(_first_line, ours.values()):
        raise ConfigError(
            f"{target} was not written by zuroku",
            expected=f"no dagster.yaml there, or one that starts with {_first_line(ours[name]).decode()!r}",
            remedy="unset DAGSTER_HOME or point it at another folder; what this instance needs stands in "
            f"{_INSTANCES / f'{name}.yaml'}",
        )
    if present != ours[name]:
        write_atomically(target, ours[name])


def _first_line(data: bytes) -> bytes:
    return data.partition(b"\n")[0]
