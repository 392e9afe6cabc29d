"""Items whose class is probably wrong, ranked for a librarian to look at.

Confident learning (Northcutt 2021) on out-of-fold predictions of a linear probe. Computing the embeddings
belongs to the models, showing the figures to ``reports``.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from zuroku.config import Settings
from zuroku.evaluation.checks import Array, finite_faults, raise_if_any, shape_faults


class LabelIssueSettings(Settings):
    """Folds of the out-of-fold predictions, and the probe.

    ``regularisation`` is scikit-learn's C; 0.1 rather than its 1 because frozen embeddings have more
    dimensions than the small classes have items.
    """

    folds: int = Field(default=5, ge=2)
    regularisation: float = Field(default=0.1, gt=0)
    iterations: int = Field(default=1000, ge=1)
    seed: int = Field(default=20211211, ge=0)


@dataclass(frozen=True)
class LabelIssues:
    """The ranked list, the classes it says nothing about, and the number of folds used.

    ``table`` has one row per judged item, the most doubtful first: ``item_id, label`` (the given class),
    ``suggested`` (the most probable class), ``quality`` (the probability of the given class, in [0, 1]) and
    ``is_issue`` (confident learning's verdict). ``left_out`` names the classes of a single group.
    """

    table: pd.DataFrame
    left_out: tuple[str, ...]
    folds: int


def find_label_issues(
    item_ids: Sequence[str],
    embeddings: Array,
    classes: Sequence[str],
    groups: Sequence[Hashable],
    settings: LabelIssueSettings | None = None,
) -> LabelIssues:
    """Rank the items ``(n,)`` by how well their class fits their embedding ``(n, d)``, worst first.

    Departures from Northcutt 2021: folds are by group (book), because a probe that has seen the same
    book repeats its errors; and a class that occurs in one group only is left out, since no fold could
    both learn and judge it. ``folds`` is lowered, down to 2, to the fewest groups of any class.

    Raises:
        EvaluationError: lengths differ, an embedding is not finite, or fewer than two classes occur in
            at least two groups; all faults are listed.
    """
    settings = settings or LabelIssueSettings()
    embeddings = np.asarray(embeddings)
    given = pd.DataFrame(
        {
            name: pd.Series(list(column), dtype=object)
            for name, column in (("item_id", item_ids), ("label", classes), ("group", groups))
        }
    )
    groups_of = given.groupby("label")["group"].nunique()
    single = tuple(sorted(groups_of.index[groups_of < 2]))
    raise_if_any(
        _faults(item_ids, embeddings, classes, groups, len(groups_of) - len(single)),
        expected="one embedding (d,), class and group per item, and two classes with two groups each",
        remedy="pass columns of the same manifest; add books of the classes that have only one",
    )
    judged = ~given["label"].isin(single).to_numpy()
    kept = given[judged].reset_index(drop=True)
    folds = min(settings.folds, int(groups_of[groups_of >= 2].min()))
    names, codes = np.unique(kept["label"].to_numpy(dtype=str), return_inverse=True)
    probabilities = out_of_fold_probabilities(
        embeddings[judged], codes, kept["group"].tolist(), folds, settings
    )
    table = _judge(kept, names, codes, probabilities)
    return LabelIssues(table, single, folds)


def out_of_fold_probabilities(
    embeddings: Array,
    codes: NDArray[np.intp],
    groups: Sequence[Hashable],
    folds: int,
    settings: LabelIssueSettings,
) -> NDArray[np.float64]:
    """Return the probe's class probabilities ``(n, C)`` for each item, from folds without its group.

    ``embeddings`` is ``(n, d)``, ``codes`` ``(n,)`` in 0…C−1. A class that a training fold lacks has
    probability 0 there.
    """
    probabilities = np.zeros((len(codes), int(codes.max()) + 1))
    split = StratifiedGroupKFold(n_splits=folds, shuffle=True, random_state=settings.seed)
    group_codes = pd.factorize(pd.Series(list(groups), dtype=object))[0]
    for train, held_out in split.split(embeddings, codes, group_codes):
        known = np.unique(codes[train])
        if len(held_out) == 0:
            continue
        if len(known) == 1:  # scikit-learn refuses to fit a single class
            probabilities[held_out, known[0]] = 1
            continue
        probe = make_pipeline(
            StandardScaler(),
            LogisticRegression(C=settings.regularisation, max_iter=settings.iterations),
        )
        probe.fit(embeddings[train], codes[train])
        probabilities[np.ix_(held_out, known)] = probe.predict_proba(embeddings[held_out])
    return probabilities


def _judge(
    kept: pd.DataFrame, names: Array, codes: NDArray[np.intp], probabilities: NDArray[np.float64]
) -> pd.DataFrame:
    # Importing cleanlab takes more than a second, which every command would otherwise pay.
    from cleanlab.filter import find_label_issues as find_noise
    from cleanlab.rank import get_label_quality_scores

    table = pd.DataFrame(
        {
            "item_id": kept["item_id"],
            "label": kept["label"],
            "suggested": names[probabilities.argmax(axis=1)],
            "quality": get_label_quality_scores(codes, probabilities, method="self_confidence"),
            "is_issue": find_noise(codes, probabilities, n_jobs=1),
        }
    )
    return table.sort_values(["quality", "item_id"], kind="stable", ignore_index=True)


def _faults(
    item_ids: Sequence[str],
    embeddings: Array,
    classes: Sequence[str],
    groups: Sequence[Hashable],
    usable_classes: int,
) -> list[str]:
    faults = shape_faults((len(item_ids), None), embeddings=embeddings) + finite_faults(embeddings=embeddings)
    faults += [
        f"{len(values)} {name} for {len(item_ids)} items"
        for name, values in (("classes", classes), ("groups", groups))
        if len(values) != len(item_ids)
    ]
    if usable_classes < 2:
        faults.append(f"{usable_classes} classes with at least two groups")
    return faults
