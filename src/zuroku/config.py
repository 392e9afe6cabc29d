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
        ConfigError: a file is missing, is no YAML, or is no mapping; a key is written twice; or the
            values do not fit ``kind``.
    """
    values = _read_yaml(path)
    if isinstance(values, dict) and "include" in values:
        shared = path.parent / str(values.pop("include"))
        values = _mapping(_read_yaml(shared), kind, str(shared)) | values
    return parse_settings(values, kind, origin=str(path))


class _Loader(yaml.SafeLoader):
    """PyYAML keeps the last of equal keys; YAML forbids them (specification 1.2.2, section 3.2.1.3)."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Not where mappings are constructed: there the keys that ``<<`` merges are among them already.
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], list[str]] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                lines.setdefault((key.tag, key.value), []).append(str(key.start_mark.line + 1))
        repeated = [f"{key!r} (lines {', '.join(at)})" for (_, key), at in lines.items() if len(at) > 1]
        if repeated:
            raise yaml.YAMLError(f"a mapping repeats the key {', '.join(repeated)}")
        return node


def _read_yaml(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except FileNotFoundError as error:
        raise ConfigError(
            f"no configuration file at {path}",
            expected="a YAML file",
            remedy="name an existing profile, or copy the file from configs/sample",
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} is not readable YAML: {error}",
            expected="UTF-8 YAML with every key once",
            remedy="mend the place the message names",
        ) from error


def _mapping(values: Any, kind: type[S], origin: str) -> dict[str, Any]:
    if not isinstance(values, dict):
        raise ConfigError(
            f"{origin} holds {type(values).__name__}",
            expected=f"a mapping with the fields of {kind.__name__}",
            remedy="compare it with the same file in configs/sample",
        )
    return values


def parse_settings(values: Any, kind: type[S], origin: str) -> S:
    """Validate ``values`` (parsed YAML or JSON) as ``kind``; ``origin`` names them in errors."""
    mapping = _mapping(values, kind, origin)
    try:
        return kind.model_validate(mapping)
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
