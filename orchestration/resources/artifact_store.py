"""Hands artifacts from asset to asset: a pointer with the hash, never the bytes themselves."""

import json
from pathlib import Path
from typing import Any

import dagster as dg

from zuroku.artifacts import Artifact, file_sha256, write_atomically
from zuroku.errors import IntegrityError


class ArtifactStore(dg.ConfigurableIOManager):
    """Keeps, per asset, where its last output lies and which SHA-256 names it.

    Pointers are relative to ``var``, so the folder can be moved. On loading, the file that the
    SHA-256 was taken from (seal or manifest) is hashed again: what a run reads is what it records.
    """

    var: str
    profile: str

    def pointer(self, key: dg.AssetKey, partition: str | None = None) -> Path:
        """Return the path of the pointer of asset ``key``, or of one of its partitions."""
        latest = Path(self.var) / self.profile / "latest"
        name = "_".join(key.path)
        return latest / f"{name}.json" if partition is None else latest / name / f"{partition}.json"

    def handle_output(self, context: dg.OutputContext, obj: Artifact) -> None:
        """Remember ``obj`` as the asset's latest output."""
        partition = context.asset_partition_key if context.has_asset_partitions else None
        path = self.pointer(context.asset_key, partition)
        path.parent.mkdir(parents=True, exist_ok=True)
        relative = obj.path.resolve().relative_to(Path(self.var).resolve())
        text = json.dumps({"path": relative.as_posix(), "sha256": obj.sha256, "proof": obj.proof})
        write_atomically(path, text.encode())

    def load_input(self, context: dg.InputContext) -> Artifact | dict[str, Artifact]:
        """Return the latest output of the upstream asset, its hash checked; of its partitions, by name."""
        if not context.has_asset_partitions:
            return self.load(context.asset_key)
        return {name: self.load(context.asset_key, name) for name in context.asset_partition_keys}

    def load(self, key: dg.AssetKey, partition: str | None = None) -> Artifact:
        """Return the latest output of asset ``key``, or of one of its partitions.

        Raises:
            IntegrityError: it was never made, is gone, or has changed.
        """
        try:
            pointer: dict[str, Any] = json.loads(self.pointer(key, partition).read_text())
        except FileNotFoundError as error:
            raise IntegrityError(
                f"{key.to_user_string()} has no output in {self.var}",
                expected="a materialized asset",
                remedy=f"materialize {key.to_user_string()} first",
            ) from error
        artifact = Artifact(Path(self.var) / pointer["path"], pointer["sha256"], pointer["proof"])
        proof = artifact.path / artifact.proof
        found = file_sha256(proof) if proof.is_file() else "nothing"
        if found != artifact.sha256:
            raise IntegrityError(
                f"{key.to_user_string()} at {artifact.path} has {found}",
                expected=f"SHA-256 {artifact.sha256}",
                remedy=f"materialize {key.to_user_string()} again, or restore its folder",
            )
        return artifact
