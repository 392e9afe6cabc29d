"""Judging a release: challenger against champion on the same frozen test set, in words and pictures."""

import json
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

from zuroku.artifacts import Artifact, build
from zuroku.config import Settings
from zuroku.datasets.manifest import Dataset
from zuroku.errors import IntegrityError
from zuroku.evaluation.confusion import predicted_classes
from zuroku.evaluation.gate import Evaluated, GateSettings, confirm, decide
from zuroku.evaluation.hierarchy import build_hierarchy
from zuroku.models.bundle import read_card, training_groups
from zuroku.reports.figure_tagger import ScoredFigures, error_sheet, score_figures

VERDICT = "verdict.json"
PAGE = "report.md"

_SHOWN = 24

Evaluate = Callable[[Artifact], Evaluated]
"""Measures one bundle on the frozen test set."""


class ReleaseSettings(Settings):
    """Under which name models are registered and published, and what the gate asks of them."""

    model: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    gate: GateSettings


def judge_figure_tagger(
    dataset: Dataset,
    splits: Artifact,
    challenger: Artifact,
    champion: Artifact | None,
    settings: GateSettings,
    target: Path,
) -> Artifact:
    """Write the verdict on ``challenger`` to ``target``: JSON, a page, and what the two disagree on.

    Raises:
        IntegrityError: one of the two has trained on a book of the test set, so no comparison is fair.
    """
    return build(target, partial(_judge, dataset, splits, challenger, champion, settings))


def judge_release(
    model: str,
    splits: Artifact,
    challenger: Artifact,
    champion: Artifact | None,
    settings: GateSettings,
    evaluate: Evaluate,
    out: Path,
) -> None:
    """Write the verdict on ``challenger`` and a page to ``out``; ``evaluate`` measures one bundle.

    A challenger with the champion's seal is the champion: it stays, and there is nothing to compare.

    Raises:
        IntegrityError: one of the two has trained on a group of the test set, so no comparison is fair.
    """
    table = pd.read_parquet(splits.path / "splits.parquet")
    tested = set(table.loc[table["split"] == "test", "group"])
    _refuse_leak("challenger", challenger.path, tested)
    if champion is not None and champion.sha256 == challenger.sha256:
        verdict = confirm(evaluate(challenger), settings)
    elif champion is None:
        verdict = decide(evaluate(challenger), None, settings)
    else:
        _refuse_leak("champion", champion.path, tested)
        verdict = decide(evaluate(challenger), evaluate(champion), settings)
    bundles = {"challenger": challenger.sha256, "champion": champion.sha256 if champion else None}
    text = json.dumps(asdict(verdict) | {"bundles": bundles, "settings": settings.model_dump()}, indent=2)
    (out / VERDICT).write_text(text + "\n", encoding="utf-8")
    (out / "pictures").mkdir(exist_ok=True)
    (out / PAGE).write_text(f"# Release of {model}\n\n{verdict.reason}\n", encoding="utf-8")


def read_verdict(folder: Path) -> dict[str, Any]:
    """Return the verdict of a finished judgement."""
    verdict: dict[str, Any] = json.loads((folder / VERDICT).read_text(encoding="utf-8"))
    return verdict


def _judge(
    dataset: Dataset,
    splits: Artifact,
    challenger: Artifact,
    champion: Artifact | None,
    settings: GateSettings,
    out: Path,
) -> None:
    table = pd.read_parquet(splits.path / "splits.parquet")
    # On all configured labels, not the challenger's outputs: dropping a hard label must not pay.
    hierarchy = build_hierarchy(read_card(challenger.path).hierarchy)
    scored: list[ScoredFigures] = []

    def evaluate(bundle: Artifact) -> Evaluated:
        scored.append(score_figures(dataset, table, bundle.path, "test", hierarchy=hierarchy))
        return scored[-1].evaluated()

    judge_release("figure_tagger", splits, challenger, champion, settings, evaluate, out)
    if len(scored) == 2:
        new, old = scored
        with (out / PAGE).open("a", encoding="utf-8") as page:
            page.write(_disagreements(dataset, new, old, out / "pictures"))


def _refuse_leak(name: str, bundle: Path, tested: set[str]) -> None:
    """Refuse a bundle that has seen a test group; ``name`` says whether challenger or champion."""
    seen = sorted(training_groups(bundle) & tested)
    if seen:
        raise IntegrityError(
            f"the {name} {bundle} was trained on {len(seen)} groups of the test set, such as {seen[:5]}",
            expected="a model that has seen no test group",
            remedy="train again with the permanent splits; never recompute splits.parquet",
        )


def _disagreements(dataset: Dataset, challenger: ScoredFigures, champion: ScoredFigures, out: Path) -> str:
    """Draw what only one of the two has right, and return the lines about it."""
    truth = challenger.figures.classes
    told = [predicted_classes(s.decisions, s.probabilities, s.hierarchy) for s in (challenger, champion)]
    pairs = list(enumerate(zip(truth, *told, strict=True)))
    lost = [i for i, (true, new, old) in pairs if old == true != new]
    won = [i for i, (true, new, old) in pairs if new == true != old]
    for name, chosen in (("lost", lost), ("won", won)):
        rows = [challenger.figures.rows[i] for i in chosen[:_SHOWN]]
        captions = [[truth[i], f"new {told[0][i]}", f"old {told[1][i]}"] for i in chosen[:_SHOWN]]
        (out / f"{name}.jpg").write_bytes(error_sheet(dataset, rows, captions, f"{name} by the challenger"))
    return (
        f"\nOf {len(truth)} figures the champion alone has {len(lost)} right (`pictures/lost.jpg`), "
        f"the challenger alone {len(won)} (`pictures/won.jpg`).\n"
    )
