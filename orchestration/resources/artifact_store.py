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

    def pointer(self, key: dg.AssetKey) -> Path:
        """Return the path of the pointer of asset ``key``."""
        return Path(self.var) / self.profile / "latest" / f"{'_'.join(key.path)}.json"

    def handle_output(self, context: dg.OutputContext, obj: Artifact) -> None:
        """Remember ``obj`` as the asset's latest output."""
        path = self.pointer(context.asset_key)
        path.parent.mkdir(parents=True, exist_ok=True)
        relative = obj.path.resolve().relative_to(Path(self.var).resolve())
        text = json.dumps({"path": relative.as_posix(), "sha256": obj.sha256, "proof": obj.proof})
        write_atomically(path, text.encode())

    def load_input(self, context: dg.InputContext) -> Artifact:
        """Return the latest output of the upstream asset, its hash checked."""
        return self.load(context.asset_key)

    def load(self, key: dg.AssetKey) -> Artifact:
        """Return the latest output of asset ``key``.

        Raises:
            IntegrityError: it was never made, is gone, or has changed.
        """
        try:
            pointer: dict[str, Any] = json.loads(self.pointer(key).read_text())
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
