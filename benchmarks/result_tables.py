"""Prints the result tables of docs/tagging.md from finished runs, so that no number is typed.

``ZUROKU_PROFILE=… python -m benchmarks.result_tables`` reads the latest runs of a profile.
"""

import json
from pathlib import Path
from typing import Any

from orchestration.definitions import build_tracker
from orchestration.environment import environment

_ROWS = (
    ("corrected: split by book, chosen cuts", "figure_tagger", "figure_tagger_evaluation"),
    ("faithful: split by image, cut at 0.5", "figure_tagger_faithful", "figure_tagger_faithful_evaluation"),
)
_METRICS = ("macro_f1", "micro_f1", "pooled_f1")


def main() -> None:
    """Print the tables of the environment's profile."""
    settings = environment()
    tracker = build_tracker(settings)
    print(f"Profile `{settings.profile.name}`.\n")
    header = ["variant", "macro F1", "micro F1", "pooled F1 at 0.5", "mAP", "accuracy", "figures (books)"]
    header += ["run", "training"]
    print("| " + " | ".join(header) + " |")
    print("|" + "---|" * len(header))
    for name, tagger, evaluation in _ROWS:
        runs, trainings = tracker.finished_runs(evaluation), tracker.finished_runs(tagger)
        if runs and trainings:
            print(_row(name, runs[0], trainings))
    path = settings.profile.home / "latest" / "figure_tagger_evaluation.json"
    if path.is_file():
        folder = settings.profile.var / json.loads(path.read_text())["path"]
        print("\n" + _per_tag(folder))


def _row(name: str, run: dict[str, Any], trainings: list[dict[str, Any]]) -> str:
    metrics = run["metrics"]
    scores = [f"{metrics[m]:.3f} [{metrics[f'{m}_low']:.3f}, {metrics[f'{m}_high']:.3f}]" for m in _METRICS]
    # A run that found its bundle finished took no training time; the longest did the work.
    seconds = max(training["seconds"] for training in trainings)
    cells = [
        name,
        *scores,
        f"{metrics['mean_average_precision']:.3f}",
        f"{metrics['class_accuracy']:.3f}",
        f"{metrics['n_items']:.0f} ({metrics['n_groups']:.0f})",
        f"`{run['run_id'][:8]}`",
        f"{seconds:.0f} s",
    ]
    return "| " + " | ".join(cells) + " |"


def _per_tag(folder: Path) -> str:
    lines = (folder / "report.md").read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| tag"))
    stop = next(i for i, line in enumerate(lines) if i > start and not line.startswith("|"))
    return "\n".join(lines[start:stop])


if __name__ == "__main__":
    main()
