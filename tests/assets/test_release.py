"""The gate on models that were trained: the better passes, the worse and those that know the test do not."""

import json
from pathlib import Path

import pytest

from tests.unit.training import figure_data
from zuroku.artifacts import SEAL, build, verify
from zuroku.errors import IntegrityError
from zuroku.evaluation.gate import GateSettings
from zuroku.reports.release import judge_figure_tagger, read_verdict
from zuroku.tracking import NullTracker
from zuroku.training.figure_tagger import train_figure_tagger

pytestmark = pytest.mark.slow
GATE = GateSettings(delta=0.02, floor=0.1, resamples=200, seed=1)


@pytest.fixture(scope="module")
def lineage(tmp_path_factory: pytest.TempPathFactory):
    """A dataset, its splits, a trained model, and before it the same model told to say next to nothing."""
    root = tmp_path_factory.mktemp("lineage")
    dataset, splits = figure_data.make(root)
    settings = figure_data.settings(4)
    strong = train_figure_tagger(dataset, splits, settings, root / "strong", "1", NullTracker())

    def silence(work: Path) -> None:
        for path in strong.path.iterdir():
            if path.name != SEAL:
                (work / path.name).write_bytes(path.read_bytes())
        card = json.loads((work / "card.json").read_text())
        card["thresholds"] = [0.999999] * len(card["labels"])
        (work / "card.json").write_text(json.dumps(card))

    return root, dataset, splits, build(root / "weak", silence), strong


def test_the_gate_lets_the_better_model_pass_and_not_the_worse(lineage, tmp_path: Path) -> None:
    _, dataset, splits, weak, strong = lineage
    first = read_verdict(judge_figure_tagger(dataset, splits, strong, None, GATE, tmp_path / "a").path)
    assert first["promoted"]
    worse = read_verdict(judge_figure_tagger(dataset, splits, weak, strong, GATE, tmp_path / "b").path)
    better = read_verdict(judge_figure_tagger(dataset, splits, strong, weak, GATE, tmp_path / "c").path)
    assert worse["challenger"] < worse["champion"]
    assert not worse["promoted"]
    assert better["promoted"]
    for name in ("lost.jpg", "won.jpg"):
        assert (tmp_path / "c" / "pictures" / name).stat().st_size > 0


def test_a_champion_judged_again_stays_and_the_page_says_why(lineage, tmp_path: Path) -> None:
    _, dataset, splits, weak, _ = lineage
    strict = GATE.model_copy(update={"floor": 0.9})
    judged = judge_figure_tagger(dataset, splits, weak, weak, strict, tmp_path / "a")
    verdict = read_verdict(judged.path)
    assert verdict["promoted"]
    assert verdict["challenger"] == verdict["champion"] < strict.floor
    assert verdict["bundles"] == {"challenger": weak.sha256, "champion": weak.sha256}
    page = (judged.path / "report.md").read_text(encoding="utf-8")
    assert "it is the model already in use" in page
    assert "the champion alone" not in page
    assert list((judged.path / "pictures").iterdir()) == []


def test_a_model_that_has_seen_the_test_books_stops_the_release(lineage, tmp_path: Path) -> None:
    _, dataset, splits, _, strong = lineage
    leaked = tmp_path / "leaked"
    leaked.mkdir()
    for path in strong.path.iterdir():
        (leaked / path.name).write_bytes(path.read_bytes())
    (leaked / "training_groups.json").write_text('["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]')
    from zuroku.artifacts import seal

    seal(leaked)
    with pytest.raises(IntegrityError, match=r"champion .* was trained on"):
        judge_figure_tagger(dataset, splits, strong, verify(leaked), GATE, tmp_path / "out")
    assert not (tmp_path / "out").exists()
