"""What ``make demo`` prints at the end: what was made, the key numbers, and where to look."""

import json
from typing import Any

from orchestration.environment import Environment
from orchestration.outcome import Outcome
from zuroku.artifacts import Artifact
from zuroku.reports.layout import spelled


def print_summary(settings: Environment, outcome: Outcome, seconds: float) -> None:
    """Print the numbers of the profile's latest outputs and where they lie; at the end, what failed."""
    profile = settings.profile
    idle = outcome.ran == 0 and not outcome.failed
    print(f"\n{'Nothing had to run' if idle else f'{outcome.ran} assets ran'}, {seconds:.0f} s.\n")
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
    _print_layout(settings)
    _print_embeddings(settings)
    _print_geolocation(settings)
    for pointer in sorted(latest.glob("*_release.json")):
        release = _latest(settings, pointer.stem)
        if release is not None:
            print(f"{pointer.stem}: {json.loads((release.path / 'verdict.json').read_text())['reason']}")
    print("\nWhere to look")
    for name, what in (
        ("figure_tagger_evaluation", "report.md and pictures"),
        ("layout_detector_evaluation", "report.md and a sheet of detections"),
        ("figure_embedder_evaluation", "report.md and plots of the space"),
        ("geolocator_evaluation", "report.md and plots of distances"),
        ("figure_label_issues", "labels to review"),
        ("figure_tags", "tags of the corpus, a JSON per book"),
        ("paper_scorecard", "scorecard.html"),
    ):
        artifact = _latest(settings, name)
        if artifact is not None:
            print(f"  {artifact.path.relative_to(profile.root)}  {what}")
    for path in sorted((profile.var / "models").glob("*/champion")):
        print(f"  {path.relative_to(profile.root)}  the released bundle")
    print(f"  {latest.relative_to(profile.root)}  the latest output of every asset")
    print("\n  make ui                                      Dagster and MLflow in the browser")
    print("  .venv/bin/zuroku tag FOLDER --out FOLDER     tag figures of your own")
    print("  .venv/bin/zuroku extract PAGES --out FOLDER  cut figures out of pages of your own")
    print("  .venv/bin/zuroku search IMAGE                find relatives among the figures of the corpus")
    print("  .venv/bin/zuroku geolocate IMAGE             say where a photograph was taken")
    _print_failures(outcome)


def _print_failures(outcome: Outcome) -> None:
    if not outcome.failed:
        return
    print(f"\n{len(outcome.failed)} failed. What finished is kept; the same command goes on from here.")
    for key, reason in outcome.failed.items():
        print(f"✗ {key.to_user_string()}\n    " + reason.replace("\n", "\n    "))
        lost = [name.to_user_string() for name, cause in outcome.dropped.items() if cause == key]
        if lost:
            print(f"    dropped with it: {', '.join(lost)}")


def _print_layout(settings: Environment) -> None:
    evaluation = _latest(settings, "layout_detector_evaluation")
    if evaluation is None:
        return
    metrics: dict[str, Any] = json.loads((evaluation.path / "metrics.json").read_text())
    told = [
        f"{what} {spelled(metrics[key])}"
        for what, key in (("overall IoU", "overall_iou"), ("figure AP@0.3", "figure_ap30"))
    ]
    print(
        f"layout_detector ({settings.profile.name} profile): {', '.join(told)}, on "
        f"{metrics['n_pages']} pages of {metrics['n_groups']} unseen books"
    )


def _print_embeddings(settings: Environment) -> None:
    evaluation = _latest(settings, "figure_embedder_evaluation")
    if evaluation is None:
        return
    metrics: dict[str, Any] = json.loads((evaluation.path / "metrics.json").read_text())
    print(
        f"figure_embedder ({settings.profile.name} profile): mAP of tags in other books "
        f"{spelled(metrics['map_other_books'])}, by chance {metrics['chance']:.3f}, on "
        f"{metrics['n_figures']} figures of {metrics['n_books']} books"
    )


def _print_geolocation(settings: Environment) -> None:
    evaluation = _latest(settings, "geolocator_evaluation")
    if evaluation is None:
        return
    metrics: dict[str, Any] = json.loads((evaluation.path / "metrics.json").read_text())
    served = metrics["served"]
    low, high = served["intervals"]["median_km"]
    print(
        f"geolocator ({settings.profile.name} profile): median {served['median_km']:.1f} km [{low:.1f}, "
        f"{high:.1f}], constant guess {metrics['floors']['constant_guess']['median_km']:.1f} km, on "
        f"{metrics['test_photographs']} photographs of {metrics['test_groups']} unseen places"
    )


def _latest(settings: Environment, name: str) -> Artifact | None:
    pointer = settings.profile.home / "latest" / f"{name}.json"
    if not pointer.is_file():
        return None
    values = json.loads(pointer.read_text())
    return Artifact(settings.profile.var / values["path"], values["sha256"])
