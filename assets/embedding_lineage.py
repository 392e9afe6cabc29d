"""The embedding lineage put together: what is trained, judged and released, and what is only compared.

How an asset is made is said in ``embeddings``, ``embedding_study`` and ``feature_tuning``.
"""

import dagster as dg

from assets import corpus, figures
from assets.datasets import dataset_asset
from assets.embedding_study import CHAIN, IMAGENET, IMET, OPEN_IMAGES, compared, comparison_asset
from assets.embeddings import (
    FIGURE_SPLITS,
    GROUP,
    MODEL,
    MUSEUM,
    SCENES,
    blocking_findings,
    embedder_asset,
    evaluation_asset,
    frozen_asset,
)
from assets.feature_tuning import GROUP as TUNING_GROUP
from assets.feature_tuning import OBJECTS, SEARCHED, feature_tuning_asset
from assets.release import release_asset
from assets.splits import splits_asset
from zuroku.corpus.batches import CorpusSettings
from zuroku.errors import ConfigError
from zuroku.profile import Profile
from zuroku.reports.embedding_release import judge_embedder
from zuroku.reports.release import ReleaseSettings

_CLASS_FLOOR = 20
_SEARCHED = {
    "ukbench": "Objects, each photographed four times (UKBench's layout).",
    "holidays": "Scenes, each photographed a few times (INRIA Holidays' layout).",
    "oxford5k": "Buildings with good, fair and junk views (Oxford5k's layout).",
}


def space_embedders(profile: Profile) -> list[str]:
    """Return the embedders beside the main line's own that fill a space of the corpus line.

    Raises:
        ConfigError: the corpus names an embedder that is none of this profile's.
    """
    if not (profile.configs / f"{corpus.FIGURES}.yaml").is_file():
        return []
    named = {*profile.load(corpus.FIGURES, CorpusSettings).embedders.values()} - {MODEL}
    if unknown := sorted(named - {*compared(profile)}):
        raise ConfigError(
            f"{corpus.FIGURES} fills a space with {', '.join(unknown)}",
            expected=f"embedders among {', '.join(compared(profile))}",
            remedy="correct the embedders of the corpus",
        )
    return sorted(named)


def embedding_assets(profile: Profile) -> list[dg.AssetsDefinition]:
    """Return every asset of the lineage: the main line, what fills spaces of the corpus, and the studies."""
    released = space_embedders(profile)
    # What fills a space is of the main line, and so is what it goes on from; the rest is compared only.
    main = {*released, OPEN_IMAGES} if CHAIN in released else {*released}
    models = compared(profile)
    studied = {name: None if name in main else GROUP for name in models}
    registered = {name: name for name in models} | {
        name: profile.load(f"{name}_release", ReleaseSettings).model for name in (MODEL, *released)
    }
    return [
        dataset_asset(profile, MUSEUM, "Museum objects with attributes (iMet 2019's layout).", _CLASS_FLOOR),
        splits_asset(profile, f"{MUSEUM}_splits", MUSEUM, "group", GROUP),
        embedder_asset(profile, MODEL, registered[MODEL], MUSEUM, study=None),
        evaluation_asset(profile, MODEL, study=None),
        *(_embedder_release(profile, name) for name in (MODEL, *released)),
        dataset_asset(
            profile,
            SCENES,
            "Photographs of scenes (Open Images' layout).",
            _CLASS_FLOOR,
            studied[OPEN_IMAGES],
        ),
        splits_asset(profile, f"{SCENES}_splits", SCENES, "group", GROUP, studied[OPEN_IMAGES]),
        frozen_asset(profile, IMAGENET, registered[IMAGENET], studied[IMAGENET]),
        embedder_asset(profile, OPEN_IMAGES, registered[OPEN_IMAGES], SCENES, studied[OPEN_IMAGES]),
        *(
            embedder_asset(profile, name, registered[name], MUSEUM, studied[name])
            for name in models
            if name == IMET
        ),
        embedder_asset(profile, CHAIN, registered[CHAIN], MUSEUM, studied[CHAIN], start=OPEN_IMAGES),
        *(
            evaluation_asset(profile, name, None if name in released else GROUP)
            for name in models
            if name != MODEL
        ),
        comparison_asset(profile),
        *(dataset_asset(profile, name, _SEARCHED[name], 0, TUNING_GROUP) for name in SEARCHED),
        splits_asset(profile, f"{OBJECTS}_splits", OBJECTS, "group", TUNING_GROUP, TUNING_GROUP),
        feature_tuning_asset(profile),
    ]


def _embedder_release(profile: Profile, name: str) -> dg.AssetsDefinition:
    splits, metric, blocking = FIGURE_SPLITS, "mAP of tags", blocking_findings(profile)
    return release_asset(profile, name, figures.DATASET, splits, GROUP, metric, judge_embedder, blocking)
