"""What ``make demo`` prints at the end: what was made, the key numbers, and where to look."""

import json
from typing import Any

from orchestration.environment import Environment
from zuroku.artifacts import Artifact
from zuroku.reports.release import ReleaseSettings


def print_summary(settings: Environment, ran: int, seconds: float) -> None:
    """Print the outcome of the profile's latest outputs."""
    profile = settings.profile
    print(f"\n{'Nothing had to run' if ran == 0 else f'{ran} assets ran'}, {seconds:.0f} s.\n")
    latest = profile.home / "latest"
    evaluation = _latest(settings, "figure_tagger_evaluation")
    if evaluation is not None:
        metrics: dict[str, Any] = json.loads((evaluation.path / "metrics.json").read_text())
        macro, micro = metrics["macro_f1"], metrics["micro_f1"]
        print(
            f"figure_tagger ({profile.name} profile): macro F1 {macro['value']:.3f} "
            f"[{macro['low']:.3f}, {macro['high']:.3f}], micro F1 {micro['value']:.3f}, on "
            f"{metrics['n_items']} figures of {metrics['n_groups']} unseen books"
        )
    release = _latest(settings, "figure_tagger_release")
    if release is not None:
        print(json.loads((release.path / "verdict.json").read_text())["reason"])
    print("\nWhere to look")
    for name, what in (
        ("figure_tagger_evaluation", "report.md and pictures"),
        ("figure_label_issues", "labels to review"),
        ("figure_tags", "tags of the corpus, a JSON per book"),
        ("paper_scorecard", "scorecard.html"),
    ):
        artifact = _latest(settings, name)
        if artifact is not None:
            print(f"  {artifact.path.relative_to(profile.root)}  {what}")
    model = profile.load("figure_tagger_release", ReleaseSettings).model
    print(f"  {profile.champion(model).relative_to(profile.root)}  the released model")
    print(f"  {latest.relative_to(profile.root)}  the latest output of every asset")
    print("\n  make ui                                      Dagster and MLflow in the browser")
    print("  .venv/bin/zuroku tag FOLDER --out FOLDER     tag figures of your own")


def _latest(settings: Environment, name: str) -> Artifact | None:
    pointer = settings.profile.home / "latest" / f"{name}.json"
    if not pointer.is_file():
        return None
    values = json.loads(pointer.read_text())
    return Artifact(settings.profile.var / values["path"], values["sha256"])
