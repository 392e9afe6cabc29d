"""A profile: one folder of configuration values and one home for everything made from them.

``sample`` and ``full`` run the same code. Where things lie in ``var/`` is decided here and only here.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from zuroku.artifacts import Artifact
from zuroku.config import Settings, canonical_json, config_hash, load_settings

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Profile:
    """``root`` is the repository (or any folder with ``configs/``); state goes to ``root/var``."""

    name: str
    root: Path

    @property
    def configs(self) -> Path:
        """The folder of this profile's YAML files."""
        return self.root / "configs" / self.name

    @property
    def var(self) -> Path:
        """The home of all state, shared by the profiles."""
        return self.root / "var"

    @property
    def home(self) -> Path:
        """The state of this profile alone."""
        return self.var / self.name

    def load(self, task: str, kind: type[S]) -> S:
        """Read the configuration of ``task``."""
        return load_settings(self.configs / f"{task}.yaml", kind)

    def dataset(self, stage: str) -> Path:
        """Return the folder of the dataset that the DVC stage ``stage`` writes."""
        return self.home / "data" / stage

    @property
    def vectors(self) -> Path:
        """What networks make of photographs, kept for all that ask."""
        return self.home / "vectors"

    def champion(self, model: str) -> Path:
        """Return where the released bundle of ``model`` is published."""
        return champion_folder(self.var, model)

    def output(
        self, name: str, code_version: str, settings: Settings, inputs: Mapping[str, Artifact]
    ) -> Path:
        """Return the folder of the output that follows from these, and from nothing else.

        The same code, configuration and inputs name the same folder, so finished work is found
        again and half-done work is continued; anything else names another.
        """
        recipe = {
            "code": code_version,
            "config": config_hash(settings),
            "inputs": {key: artifact.sha256 for key, artifact in inputs.items()},
        }
        key = hashlib.sha256(canonical_json(recipe).encode()).hexdigest()[:16]
        return self.home / "outputs" / name / key


def champion_folder(var: Path, model: str) -> Path:
    """Return the folder below ``var`` from which the released ``model`` is read."""
    return var / "models" / model / "champion"
