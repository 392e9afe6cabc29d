"""Judging a release: challenger against champion on the same frozen test set, in words and pictures."""

import json
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
from zuroku.evaluation.gate import GateSettings, Verdict, confirm, decide
from zuroku.evaluation.hierarchy import build_hierarchy
from zuroku.models.bundle import read_card, training_groups
from zuroku.reports.figure_tagger import ScoredFigures, error_sheet, score_figures

VERDICT = "verdict.json"


class ReleaseSettings(Settings):
    """Under which name models are registered and published, and what the gate asks of them."""

    model: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    gate: GateSettings


_SHOWN = 24


def judge_figure_tagger(
    dataset: Dataset,
    splits: Artifact,
    challenger: Artifact,
    champion: Artifact | None,
    settings: GateSettings,
    target: Path,
) -> Artifact:
    """Write the verdict on ``challenger`` to ``target``: JSON, a page, and what the two disagree on.

    A challenger with the champion's seal is the champion: it stays, and there is nothing to compare.

    Raises:
        IntegrityError: one of the two has trained on a book of the test set, so no comparison is fair.
    """
    return build(target, partial(_judge, dataset, splits, challenger, champion, settings))


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
    card = read_card(challenger.path)
    # On all configured labels, not the challenger's outputs: dropping a hard label must not pay.
    hierarchy = build_hierarchy(card.hierarchy)
    in_use = champion is not None and champion.sha256 == challenger.sha256
    bundles = {"challenger": challenger}
    if champion is not None and not in_use:
        bundles["champion"] = champion
    scored = {
        name: score_figures(dataset, table, bundle.path, "test", hierarchy=hierarchy)
        for name, bundle in bundles.items()
    }
    for name, bundle in bundles.items():
        refuse_leak(name, bundle.path, set(scored["challenger"].figures.groups))
    ours, other = scored["challenger"].evaluated(), scored.get("champion")
    if in_use:
        verdict = confirm(ours, settings)
    else:
        verdict = decide(ours, other.evaluated() if other else None, settings)
    write_verdict(verdict, challenger, champion, settings, out)
    (out / "pictures").mkdir(exist_ok=True)
    page = f"# Release of figure_tagger\n\n{verdict.reason}\n"
    if other is not None:
        page += _disagreements(dataset, scored["challenger"], other, out / "pictures")
    (out / "report.md").write_text(page, encoding="utf-8")


def write_verdict(
    verdict: Verdict, challenger: Artifact, champion: Artifact | None, settings: GateSettings, out: Path
) -> None:
    """Write ``verdict`` with the bundles it is about and the rule it was made by."""
    bundles = {"challenger": challenger.sha256, "champion": champion.sha256 if champion else None}
    text = json.dumps(asdict(verdict) | {"bundles": bundles, "settings": settings.model_dump()}, indent=2)
    (out / VERDICT).write_text(text + "\n", encoding="utf-8")


def refuse_leak(name: str, bundle: Path, test_groups: set[str]) -> None:
    """Refuse a bundle that has seen a test book; ``name`` says whether challenger or champion.

    Raises:
        IntegrityError: it has.
    """
    seen = sorted(training_groups(bundle) & test_groups)
    if seen:
        raise IntegrityError(
            f"the {name} {bundle} was trained on {len(seen)} books of the test set, such as {seen[:5]}",
            expected="a model that has seen no test book",
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
