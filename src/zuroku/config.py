"""Configuration: YAML file → frozen pydantic model → plain argument.

Each task defines its own model beside its code and derives it from ``Settings``. Profiles
(``configs/sample``, ``configs/full``) are only values. This module reads no environment variable.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from zuroku.errors import ConfigError


class Settings(BaseModel):
    """Base of every configuration model: frozen, and it rejects unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=Settings)


def load_settings(path: Path, kind: type[S]) -> S:
    """Read the YAML file at ``path`` into ``kind``; every mismatch is listed at once.

    A key ``include`` names a file beside it whose keys are taken over, so that what several tasks
    share (the label hierarchy) is written once.

    Raises:
        ConfigError: the file is missing, is not a YAML mapping, or does not fit ``kind``.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
        if isinstance(values, dict) and "include" in values:
            shared = _shared_values(path.parent / str(values.pop("include")))
            values = shared | values
    except FileNotFoundError as error:
        raise ConfigError(
            f"no configuration file at {error.filename}",
            expected=f"a YAML file with the fields of {kind.__name__}",
            remedy="name an existing profile, or copy the file from configs/sample",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is not readable YAML: {error}",
            expected="UTF-8 YAML",
            remedy="mend the place the message names",
        ) from error
    return parse_settings(values, kind, origin=str(path))


def _shared_values(path: Path) -> dict[str, Any]:
    try:
        shared = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is not readable YAML: {error}",
            expected="UTF-8 YAML",
            remedy="mend the place the message names",
        ) from error
    if not isinstance(shared, dict):
        raise ConfigError(
            f"{path} holds {type(shared).__name__}",
            expected="a mapping of the keys that are shared",
            remedy="compare it with the file of that name in configs/sample",
        )
    return shared


def parse_settings(values: Any, kind: type[S], origin: str) -> S:
    """Validate ``values`` (parsed YAML or JSON) as ``kind``; ``origin`` names them in errors."""
    if not isinstance(values, dict):
        raise ConfigError(
            f"{origin} holds {type(values).__name__}",
            expected=f"a mapping with the fields of {kind.__name__}",
            remedy="compare it with the same file in configs/sample",
        )
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['msg']}" for fault in error.errors()
        )
        raise ConfigError(
            f"{origin} does not fit {kind.__name__}: {faults}",
            expected=f"the fields {', '.join(kind.model_fields)}",
            remedy="mend the fields named; unknown keys are never ignored",
        ) from error


def canonical_json(value: Any) -> str:
    """Serialise ``value`` so that equal values give equal text: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def config_hash(settings: Settings) -> str:
    """SHA-256 (hex) of the resolved configuration."""
    return hashlib.sha256(canonical_json(settings.model_dump(mode="json")).encode()).hexdigest()
