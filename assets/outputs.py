"""What every asset does around its one domain call: read its configuration, report what it made."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import dagster as dg
from pydantic import Field, create_model

from assets.tracking import TrackedRun
from zuroku.artifacts import Artifact
from zuroku.config import Settings, config_hash

OWNERS = ["team:zuroku"]
CONFIG_SHA256 = "config_sha256"
FAILED_CHECKS = "blocking_checks_failed"
PAGE = "report.md"

ARTIFACT = dg.PythonObjectDagsterType(Artifact, name="Artifact")
"""The type that assets hand on: a folder and its SHA-256."""

# A new data version of an input, or a new version of the asset's own code, makes it run; broken inputs do
# not, nor does an input made again with the same content.
_CHANGED = dg.AutomationCondition.code_version_changed() | dg.AutomationCondition.any_deps_match(
    dg.AutomationCondition.data_version_changed()
)
RETRAIN = (
    dg.AutomationCondition.eager().replace("any_deps_updated", _CHANGED)
    & dg.AutomationCondition.all_deps_blocking_checks_passed()
)

S = TypeVar("S", bound=Settings)


def launch_config(defaults: Settings) -> type[dg.Config]:
    """Return a Dagster config class with the fields of ``defaults``, editable in the launchpad.

    Values start as the profile has them. Dagster wants its own classes, nested ones too, so they are
    derived here from the pydantic model; ``resolve`` goes back to it and validates again.
    """
    fields: dict[str, Any] = {}
    for name, field in type(defaults).model_fields.items():
        value = getattr(defaults, name)
        if isinstance(value, Settings):
            nested = launch_config(value)
            fields[name] = (nested, Field(default=nested(), description=field.description))
        elif isinstance(value, list | Mapping) and _hold_settings(value):
            # Dagster knows no lists or mappings of models: these are edited as plain values.
            plain = defaults.model_dump(mode="json", exclude_none=True)[name]
            annotation = list[dict[str, Any]] if isinstance(value, list) else dict[str, Any]
            fields[name] = (annotation, Field(default=plain, description=field.description))
        else:
            annotation = _without_literals(field.annotation)
            fields[name] = (annotation, Field(default=value, description=field.description))
    launch: type[dg.Config] = create_model(f"{type(defaults).__name__}Launch", __base__=dg.Config, **fields)
    return launch


def _without_literals(annotation: Any) -> Any:
    """Return the type of a list or mapping with texts for its choices: Dagster knows none inside of them."""
    kind, held = get_origin(annotation), get_args(annotation)
    if kind is dict:
        return dict[str, Any if held[1] is Any else _held(held[1])]  # type: ignore[misc]
    return list[_held(held[0])] if kind is list else annotation  # type: ignore[misc]


def _held(annotation: Any) -> Any:
    return str if get_origin(annotation) is Literal else _without_literals(annotation)


def _hold_settings(values: Sequence[Any] | Mapping[str, Any]) -> bool:
    """Say whether a list or mapping holds our own models."""
    held = values.values() if isinstance(values, Mapping) else values
    return any(isinstance(value, Settings) for value in held)


def resolve(config: dg.Config, kind: type[S]) -> S:
    """Return the settings that the launchpad's ``config`` stands for."""
    return kind.model_validate(config.model_dump())


def materialized(
    artifact: Artifact,
    settings: Settings,
    run: TrackedRun | None = None,
    metadata: Mapping[str, Any] | None = None,
    pictures: Mapping[str, bytes] | None = None,
    checks: list[dg.AssetCheckResult] | None = None,
) -> dg.MaterializeResult:
    """Report ``artifact`` with its hash as data version, its numbers, pictures and MLflow run."""
    shown: dict[str, Any] = {
        CONFIG_SHA256: dg.MetadataValue.text(config_hash(settings)),
        "sha256": dg.MetadataValue.text(artifact.sha256),
        "path": dg.MetadataValue.path(str(artifact.path)),
    }
    if run is not None:
        shown["mlflow_run"] = dg.MetadataValue.url(run.url)
        run.log_output(artifact)
    if pictures:
        page = "\n\n".join(picture_markdown(name, data) for name, data in pictures.items())
        shown["pictures"] = dg.MetadataValue.md(page)
    if run is not None:
        for name, data in (pictures or {}).items():
            run.log_picture(name, data)
    return dg.MaterializeResult(
        value=artifact,
        data_version=dg.DataVersion(artifact.sha256),
        metadata=shown | dict(metadata or {}),
        check_results=checks,
    )


def reported(
    report: Artifact,
    settings: Settings,
    run: TrackedRun,
    numbers: Mapping[str, float],
    shown: Sequence[str],
    checks: list[dg.AssetCheckResult],
    files: Sequence[str] = (PAGE,),
) -> dg.MaterializeResult:
    """Report a judgement: ``numbers`` and ``files`` to the run; those ``shown``, page and pictures here.

    The run is told how many blocking checks failed, too: its status says only that it came to an end.
    """
    failed = [one for one in checks if not one.passed and one.severity == dg.AssetCheckSeverity.ERROR]
    run.log_metrics({**numbers, FAILED_CHECKS: len(failed)})
    for file in files:
        run.log_artifact(report.path / file, "report")
    page = (report.path / PAGE).read_text(encoding="utf-8")
    return materialized(
        report,
        settings,
        run,
        metadata={name: numbers[name] for name in shown if name in numbers}
        | {"report": dg.MetadataValue.md(page)},
        pictures=report_pictures(report.path),
        checks=checks,
    )


def report_pictures(report: Path) -> dict[str, bytes]:
    """Return the pictures of a finished report by name; one without any has none."""
    return {path.stem: path.read_bytes() for path in sorted((report / "pictures").glob("*"))}


def picture_markdown(name: str, data: bytes) -> str:
    """Return ``data`` (PNG or JPEG) as Markdown with a data URI: Dagster has no image metadata."""
    kind = "png" if data.startswith(b"\x89PNG") else "jpeg"
    return f"![{name}](data:image/{kind};base64,{base64.b64encode(data).decode()})"
