"""What a release asks of an evaluation: that it is of this model and data, and has nothing against it."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from zuroku.artifacts import Artifact
from zuroku.errors import EvaluationError
from zuroku.findings import Finding
from zuroku.reports.provenance import measured_on, require_evaluation

DATASET = SimpleNamespace(version="d" * 64)
SPLITS, MODEL = Artifact(Path("splits"), "e" * 64), Artifact(Path("model"), "f" * 64)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    metrics = {"data": measured_on(DATASET, SPLITS, MODEL)}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    return tmp_path


def sound(report: Path) -> list[Finding]:
    return [Finding("beats", True, "by far")]


def failed(report: Path) -> list[Finding]:
    return [Finding("beats", False, "not at all")]


def of_older_code(report: Path) -> list[Finding]:
    raise KeyError("differences")


def test_an_evaluation_of_this_model_with_nothing_against_it_is_enough(report: Path) -> None:
    require_evaluation(report, DATASET, SPLITS, MODEL, sound)


def test_a_finding_that_failed_is_told(report: Path) -> None:
    with pytest.raises(EvaluationError, match="beats failed: not at all"):
        require_evaluation(report, DATASET, SPLITS, MODEL, failed)


@pytest.mark.parametrize("blocking", [sound, of_older_code])
def test_an_evaluation_of_another_model_is_refused_before_it_is_read_further(report, blocking) -> None:
    other = Artifact(Path("other"), "0" * 64)
    with pytest.raises(EvaluationError, match=f"its bundle is {'f' * 64}, not {'0' * 64}"):
        require_evaluation(report, DATASET, SPLITS, other, blocking)


def test_one_by_older_code_is_refused_in_words(report: Path) -> None:
    with pytest.raises(EvaluationError, match="it was made by other code, and lacks 'differences'") as caught:
        require_evaluation(report, DATASET, SPLITS, MODEL, of_older_code)
    assert "materialize the evaluation" in caught.value.remedy
