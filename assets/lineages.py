"""All assets of one profile, lineage by lineage, and the configuration each starts from."""

from collections.abc import Mapping

import dagster as dg

from assets.datasets import dataset_asset
from assets.figures import (
    CORPUS,
    DATASET,
    MODEL,
    evaluation_asset,
    label_issues_asset,
    splits_asset,
    tagger_asset,
    tags_asset,
)
from assets.release import release_asset
from assets.scorecard import SCORECARD, scorecard_asset
from zuroku.config import Settings, config_hash
from zuroku.datasets.splits import SplitSettings
from zuroku.profile import Profile
from zuroku.reports.corpus_tags import TaggingSettings
from zuroku.reports.figure_tagger import EvaluationSettings
from zuroku.reports.label_issues import LabelIssueReportSettings
from zuroku.reports.release import ReleaseSettings
from zuroku.reports.scorecard import ScorecardSettings
from zuroku.training.figure_tagger import FigureTaggerSettings

_CLASS_FLOOR = 20
_STUDY = "figures"
_FAITHFUL = f"{MODEL}_faithful"

# Which settings each asset takes from its profile; datasets are left out, because DVC decides there.
_SETTINGS: dict[str, type[Settings]] = {
    "figure_splits": SplitSettings,
    MODEL: FigureTaggerSettings,
    f"{MODEL}_evaluation": EvaluationSettings,
    f"{MODEL}_release": ReleaseSettings,
    "figure_label_issues": LabelIssueReportSettings,
    "figure_tags": TaggingSettings,
    "figure_splits_faithful": SplitSettings,
    _FAITHFUL: FigureTaggerSettings,
    f"{_FAITHFUL}_evaluation": EvaluationSettings,
    SCORECARD: ScorecardSettings,
}


def build_assets(profile: Profile) -> list[dg.AssetsDefinition]:
    """Return every asset of ``profile``: the main line, and the studies."""
    model = profile.load(f"{MODEL}_release", ReleaseSettings).model
    return [
        dataset_asset(profile, DATASET, "Labelled figures (NDL-ImageLabel's layout).", _CLASS_FLOOR),
        dataset_asset(profile, CORPUS, "Figures without labels, to be tagged.", 0),
        splits_asset(profile, "figure_splits", "figure_splits", by="group"),
        tagger_asset(profile, MODEL, model, "figure_splits", by="group", study=None),
        evaluation_asset(
            profile, f"{MODEL}_evaluation", f"{MODEL}_evaluation", MODEL, "figure_splits", "group", study=None
        ),
        label_issues_asset(profile),
        release_asset(profile, "figure_splits"),
        tags_asset(profile, model),
        splits_asset(profile, "figure_splits_faithful", "figure_splits_faithful", by="item_id", study=_STUDY),
        tagger_asset(
            profile, _FAITHFUL, f"{model}_faithful", "figure_splits_faithful", by="item_id", study=_STUDY
        ),
        evaluation_asset(
            profile,
            f"{_FAITHFUL}_evaluation",
            f"{_FAITHFUL}_evaluation",
            _FAITHFUL,
            "figure_splits_faithful",
            "item_id",
            study=_STUDY,
        ),
        scorecard_asset(profile),
    ]


def config_hashes(profile: Profile) -> Mapping[dg.AssetKey, str]:
    """Return the hash of the configuration that each asset would run with today."""
    return {dg.AssetKey(name): config_hash(profile.load(name, kind)) for name, kind in _SETTINGS.items()}
