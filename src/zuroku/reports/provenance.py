"""What an evaluation was made of: written into its metrics, and asked for before a model is released."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path

from zuroku.artifacts import Artifact
from zuroku.datasets.manifest import Dataset
from zuroku.errors import EvaluationError
from zuroku.findings import Finding

METRICS = "metrics.json"


def measured_on(dataset: Dataset, splits: Artifact, bundle: Artifact) -> dict[str, str]:
    """Return the SHA-256 of dataset, splits and model, as every evaluation has them under ``data``."""
    return {"manifest": dataset.version, "splits": splits.sha256, "bundle": bundle.sha256}


def require_evaluation(
    report: Path,
    dataset: Dataset,
    splits: Artifact,
    challenger: Artifact,
    blocking: Callable[[Path], Iterable[Finding]],
) -> None:
    """Refuse to release ``challenger`` unless ``report`` judged it on these data, and found it good.

    ``blocking`` returns the findings of an evaluation that must hold.

    Raises:
        EvaluationError: the evaluation is of another model or of other data, or a finding failed.
    """
    measured = json.loads((report / METRICS).read_text(encoding="utf-8")).get("data", {})
    wanted = measured_on(dataset, splits, challenger)
    faults = [
        f"its {name} is {measured.get(name, 'not recorded')}, not {sha256}"
        for name, sha256 in wanted.items()
        if measured.get(name) != sha256
    ]
    try:
        # One of other data may be of older code, too.
        findings = [] if faults else blocking(report)
        faults += [f"{finding.check} failed: {finding.says}" for finding in findings if not finding.passed]
    except KeyError as error:
        faults.append(f"it was made by other code, and lacks {error}")
    if faults:
        raise EvaluationError(
            f"the evaluation in {report} does not allow this release: {'; '.join(faults)}",
            expected="an evaluation of the challenger on the same dataset and splits, and nothing against it",
            remedy="materialize the evaluation with the model, and look at what failed",
        )
