"""The model registry in MLflow: bundles registered with their bytes unchanged, by their seal.

MLflow's own ONNX flavour renames weight files, so its copies have no stable hash; ours do.
"""

import json
import shutil
import tempfile
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import mlflow.artifacts
import numpy as np
import onnx
from mlflow import MlflowClient
from mlflow.entities import LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.models import Model, ModelSignature
from mlflow.types import Schema, TensorSpec

from assets.tracking import Champion, RegisteredVersion
from zuroku.artifacts import SEAL, Artifact, verify
from zuroku.errors import ConfigError
from zuroku.indexes.place_decisions import append_decision
from zuroku.models.bundle import CARD

SHA256_TAG = "bundle.sha256"
PROFILE_TAG = "profile"
ALIAS = "champion"

_WITHOUT_HOST = ("", "file", "sqlite", "mlflow-artifacts")
"""Schemes of addresses on this machine, and of what goes through the tracking server."""


class ModelRegistry:
    """Reads and writes registered models through one client.

    ``decision`` says who allows restricted models to leave this machine, and why; the file ``decisions``
    keeps it.
    """

    def __init__(self, client: MlflowClient, decision: str, decisions: Path) -> None:
        self._client = client
        self._decision = decision
        self._decisions = decisions

    def register(self, name: str, bundle: Artifact, run_id: str) -> RegisteredVersion:
        """Register ``bundle``, unless a version with the same seal is there already.

        Raises:
            ConfigError: it is restricted, MLflow is not on this machine, and nobody has decided to send it.
        """
        known = self.version_of(name, bundle.sha256)
        if known is not None:
            return known
        verify(bundle.path, bundle.sha256)
        run = self._client.get_run(run_id)
        self._require_decision(name, bundle, [self._client.tracking_uri, str(run.info.artifact_uri)])
        logged = self._client.create_logged_model(
            run.info.experiment_id, name=name, source_run_id=run_id, tags={SHA256_TAG: bundle.sha256}
        )
        self._client.log_model_artifacts(logged.model_id, str(bundle.path))
        with tempfile.TemporaryDirectory() as folder:
            mlmodel = Path(folder) / "MLmodel"
            flavors = {"zuroku_bundle": {"seal": SEAL, "sha256": bundle.sha256, "onnx": "model.onnx"}}
            Model(
                artifact_path=logged.artifact_location,
                run_id=run_id,
                flavors=flavors,
                signature=_signature(bundle.path / "model.onnx"),
                model_id=logged.model_id,
            ).save(str(mlmodel))
            self._client.log_model_artifact(logged.model_id, str(mlmodel))
        self._client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
        self._create_model(name)
        version = self._client.create_model_version(
            name,
            source=f"models:/{logged.model_id}",
            run_id=run_id,
            model_id=logged.model_id,
            tags={SHA256_TAG: bundle.sha256},
            description=(bundle.path / "README.md").read_text(encoding="utf-8"),
        )
        return _registered(version)

    def version_of(self, name: str, sha256: str) -> RegisteredVersion | None:
        """Return the version whose bundle has the seal ``sha256``."""
        found = self._client.search_model_versions(f"name = '{name}' and tags.`{SHA256_TAG}` = '{sha256}'")
        return _registered(found[0]) if found else None

    def champion(self, name: str) -> Champion | None:
        """Return the version that holds the alias, or None where there is none yet."""
        try:
            version = self._client.get_model_version_by_alias(name, ALIAS)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        profile = self._client.get_run(str(version.run_id)).data.tags.get(PROFILE_TAG)
        return Champion(str(version.version), version.tags[SHA256_TAG], profile)

    def set_champion(self, name: str, version: str) -> None:
        """Move the alias; MLflow keeps no history of it, the release's runs do."""
        self._client.set_registered_model_alias(name, ALIAS, version)

    def fetch(self, name: str, version: str, folder: Path) -> None:
        """Copy the bundle of a version into ``folder``."""
        # ``model_id`` of a model version is None in MLflow 3.17; its source names the logged model.
        source = self._client.get_model_version(name, version).source
        logged = self._client.get_logged_model(str(source).removeprefix("models:/"))
        with tempfile.TemporaryDirectory(dir=folder.parent) as aside:
            copy = mlflow.artifacts.download_artifacts(logged.artifact_location, dst_path=aside)
            for path in Path(copy).iterdir():
                if path.name != "MLmodel":
                    shutil.copy2(path, folder / path.name)

    def _require_decision(self, name: str, bundle: Artifact, addresses: list[str]) -> None:
        """Record the decision to send a restricted ``bundle`` to those ``addresses`` that lie elsewhere."""
        elsewhere = [address for address in addresses if not is_here(address)]
        card = json.loads((bundle.path / CARD).read_text(encoding="utf-8"))
        if not elsewhere or card.get("release") != "restricted":
            return
        if not self._decision.strip():
            raise ConfigError(
                f"{name} is restricted, MLflow is not on this machine, and nobody decided to send it there",
                expected="ZUROKU_DECISION, which says who allows it and why",
                remedy="set it to 'WHO: WHY', or keep MLflow here: MLFLOW_TRACKING_URI and ZUROKU_ARTIFACTS "
                f"unset; the model lies in {bundle.path} and is not trained again",
            )
        for address in elsewhere:
            append_decision(self._decisions, {"model": name, "seal": bundle.sha256}, address, self._decision)

    def _create_model(self, name: str) -> None:
        try:
            self._client.get_registered_model(name)
        except MlflowException:
            self._client.create_registered_model(name)


def is_here(address: str) -> bool:
    """Return whether what is sent to ``address`` stays on this machine: a folder, SQLite, or loopback.

    Of an object store nobody knows, so it is elsewhere.
    """
    parts = urlsplit(address)
    if parts.hostname is None:
        return parts.scheme in _WITHOUT_HOST
    try:
        return ip_address(parts.hostname).is_loopback
    except ValueError:
        return parts.hostname == "localhost"


def _registered(version: ModelVersion) -> RegisteredVersion:
    return RegisteredVersion(str(version.version), str(version.tags[SHA256_TAG]), str(version.run_id))


def _signature(path: Path) -> ModelSignature:
    """Return inputs and outputs as the ONNX graph at ``path`` declares them; free dimensions are −1."""
    graph = onnx.load(str(path)).graph
    inputs, outputs = (Schema([_tensor(value) for value in side]) for side in (graph.input, graph.output))
    return ModelSignature(inputs, outputs)


def _tensor(value: onnx.ValueInfoProto) -> TensorSpec:
    kind = value.type.tensor_type
    shape = tuple(dim.dim_value if dim.HasField("dim_value") else -1 for dim in kind.shape.dim)
    return TensorSpec(np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)), shape, value.name)
