"""All assets of one profile, lineage by lineage, and the configuration each starts from.

A profile has the lineages for which it holds configuration: a folder with the files of the layout lineage
alone is a profile of that lineage.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import dagster as dg

from assets import corpus, embeddings, figures, geolocation, layout, places
from assets.datasets import dataset_asset
from assets.embedding_lineage import embedding_assets, space_embedders
from assets.embedding_study import CHAIN, COMPARED, IMAGENET, IMET, OPEN_IMAGES, compared
from assets.embedding_study import COMPARISON as EMBEDDING_COMPARISON
from assets.feature_tuning import ASSET as FEATURE_TUNING
from assets.feature_tuning import OBJECTS
from assets.layout_study import COMPARISON, STUDIED, comparison_asset
from assets.release import release_asset
from assets.scorecard import SCORECARD, scorecard_asset
from assets.splits import splits_asset
from zuroku.config import Settings, config_hash
from zuroku.corpus.batches import CorpusSettings
from zuroku.corpus.indexing import FigureIndexingSettings
from zuroku.datasets.place_labels import PlaceLabelSettings
from zuroku.datasets.place_splits import PlaceSplitSettings
from zuroku.datasets.splits import SplitSettings
from zuroku.models.embedding.settings import EmbedderSettings
from zuroku.profile import Profile
from zuroku.reports.corpus_tags import TaggingSettings
from zuroku.reports.embedding_comparison import EmbeddingComparisonSettings
from zuroku.reports.embeddings import EmbeddingEvaluationSettings
from zuroku.reports.feature_tuning import FeatureTuningStudySettings
from zuroku.reports.figure_tagger import EvaluationSettings
from zuroku.reports.geolocation import GeolocationEvaluationSettings
from zuroku.reports.geolocation_release import GeolocatorReleaseSettings, judge_geolocator
from zuroku.reports.label_issues import LabelIssueReportSettings
from zuroku.reports.layout import LayoutEvaluationSettings
from zuroku.reports.layout_comparison import LayoutComparisonSettings
from zuroku.reports.layout_release import judge_layout_detector
from zuroku.reports.place_indexing import PlaceSwitchSettings
from zuroku.reports.release import ReleaseSettings, judge_figure_tagger
from zuroku.reports.scorecard import ScorecardSettings
from zuroku.training.embedder import EmbedderTrainingSettings
from zuroku.training.figure_tagger import FigureTaggerSettings
from zuroku.training.geolocator import GeolocatorTrainingSettings
from zuroku.training.layout_detector import LayoutDetectorSettings

_CLASS_FLOOR = 20
_ZONE_FLOOR = 5
_TAGGER = figures.MODEL
_FAITHFUL = f"{_TAGGER}_faithful"
_DETECTOR = layout.MODEL
_EMBEDDER = embeddings.MODEL
_GEOLOCATOR = geolocation.MODEL
_JUDGED = f"{_GEOLOCATOR}_evaluation"
_PAPER = geolocation.PAPER
_PAPER_SCALES = f"{_PAPER}_scales"
_PAPER_SPLITS = geolocation.OTHER_SPLITS[f"{_GEOLOCATOR}_split_paper"]
_MAP = (places.ROADS, places.LANDMARKS, places.AREAS, places.ADMIN)


@dataclass(frozen=True)
class Configured:
    """The configuration that an asset takes from its profile: which file, read as what."""

    task: str
    kind: type[Settings]


_FIGURE_SETTINGS: dict[str, Configured] = {
    "figure_splits": Configured("figure_splits", SplitSettings),
    _TAGGER: Configured(_TAGGER, FigureTaggerSettings),
    f"{_TAGGER}_evaluation": Configured(f"{_TAGGER}_evaluation", EvaluationSettings),
    f"{_TAGGER}_release": Configured(f"{_TAGGER}_release", ReleaseSettings),
    "figure_label_issues": Configured("figure_label_issues", LabelIssueReportSettings),
    "figure_tags": Configured("figure_tags", TaggingSettings),
    "figure_splits_faithful": Configured("figure_splits_faithful", SplitSettings),
    _FAITHFUL: Configured(_FAITHFUL, FigureTaggerSettings),
    f"{_FAITHFUL}_evaluation": Configured(f"{_FAITHFUL}_evaluation", EvaluationSettings),
}
_LAYOUT_SETTINGS: dict[str, Configured] = {
    layout.SPLITS: Configured(layout.SPLITS, SplitSettings),
    f"{_DETECTOR}_release": Configured(f"{_DETECTOR}_release", ReleaseSettings),
    **{name: Configured(name, LayoutDetectorSettings) for name in (_DETECTOR, *STUDIED)},
    **{
        f"{name}_evaluation": Configured(f"{_DETECTOR}_evaluation", LayoutEvaluationSettings)
        for name in (_DETECTOR, *STUDIED)
    },
    COMPARISON: Configured(COMPARISON, LayoutComparisonSettings),
}
_EMBEDDING_SETTINGS: dict[str, Configured] = {
    f"{embeddings.MUSEUM}_splits": Configured(f"{embeddings.MUSEUM}_splits", SplitSettings),
    f"{embeddings.SCENES}_splits": Configured(f"{embeddings.SCENES}_splits", SplitSettings),
    _EMBEDDER: Configured(_EMBEDDER, EmbedderTrainingSettings),
    f"{_EMBEDDER}_release": Configured(f"{_EMBEDDER}_release", ReleaseSettings),
    IMAGENET: Configured(IMAGENET, EmbedderSettings),
    OPEN_IMAGES: Configured(OPEN_IMAGES, EmbedderTrainingSettings),
    IMET: Configured(IMET, EmbedderTrainingSettings),
    CHAIN: Configured(CHAIN, EmbedderTrainingSettings),
    **{
        f"{name}_evaluation": Configured(f"{_EMBEDDER}_evaluation", EmbeddingEvaluationSettings)
        for name in COMPARED
    },
    EMBEDDING_COMPARISON: Configured(EMBEDDING_COMPARISON, EmbeddingComparisonSettings),
    f"{OBJECTS}_splits": Configured(f"{OBJECTS}_splits", SplitSettings),
    FEATURE_TUNING: Configured(FEATURE_TUNING, FeatureTuningStudySettings),
}
_GEOLOCATION_SETTINGS: dict[str, Configured] = {
    places.LABELS: Configured(places.LABELS, PlaceLabelSettings),
    places.SPLITS: Configured(places.SPLITS, PlaceSplitSettings),
    _GEOLOCATOR: Configured(_GEOLOCATOR, GeolocatorTrainingSettings),
    f"{_GEOLOCATOR}_evaluation": Configured(f"{_GEOLOCATOR}_evaluation", GeolocationEvaluationSettings),
    f"{_GEOLOCATOR}_release": Configured(f"{_GEOLOCATOR}_release", GeolocatorReleaseSettings),
    geolocation.INDEX: Configured(geolocation.INDEX, PlaceSwitchSettings),
    **{name: Configured(name, GeolocatorTrainingSettings) for name in geolocation.STUDIED},
    **{
        f"{name}_evaluation": Configured(f"{_GEOLOCATOR}_evaluation", GeolocationEvaluationSettings)
        for name in geolocation.STUDIED
    },
    **{splits: Configured(splits, PlaceSplitSettings) for splits in geolocation.OTHER_SPLITS.values()},
    **{name: Configured(_GEOLOCATOR, GeolocatorTrainingSettings) for name in geolocation.OTHER_SPLITS},
    **{
        f"{name}_evaluation": Configured(f"{_GEOLOCATOR}_evaluation", GeolocationEvaluationSettings)
        for name in geolocation.OTHER_SPLITS
    },
    _PAPER: Configured(_PAPER_SCALES, GeolocatorTrainingSettings),
    f"{_PAPER}_evaluation": Configured(f"{_PAPER}_evaluation", GeolocationEvaluationSettings),
}
_CORPUS_SETTINGS: dict[str, Configured] = {
    corpus.FIGURES: Configured(corpus.FIGURES, CorpusSettings),
    corpus.MANIFEST: Configured(corpus.FIGURES, CorpusSettings),
    corpus.INDEX: Configured(corpus.INDEX, FigureIndexingSettings),
}


def build_assets(profile: Profile) -> list[dg.AssetsDefinition]:
    """Return every asset of ``profile``: the main line, and the studies."""
    assets: list[dg.AssetsDefinition] = []
    studied = []
    if _has(profile, _FIGURE_SETTINGS):
        assets += _figure_assets(profile)
        studied += [f"{_TAGGER}_evaluation", f"{_FAITHFUL}_evaluation"]
    if _has(profile, _LAYOUT_SETTINGS):
        assets += _layout_assets(profile)
        studied += [f"{_DETECTOR}_evaluation", COMPARISON]
    if _has(profile, _EMBEDDING_SETTINGS):
        assets += embedding_assets(profile)
        studied += [f"{_EMBEDDER}_evaluation", EMBEDDING_COMPARISON, FEATURE_TUNING]
    if _has(profile, _GEOLOCATION_SETTINGS):
        assets += _geolocation_assets(profile)
        studied += [f"{name}_evaluation" for name in (_GEOLOCATOR, _PAPER, *geolocation.STUDIED)]
    if _has(profile, _CORPUS_SETTINGS):
        assets += _corpus_assets(profile)
    return [*assets, scorecard_asset(profile, studied, config_hashes(profile))]


def configured(profile: Profile) -> dict[str, Configured]:
    """Return what each asset of ``profile`` is configured by; datasets are left out, because DVC decides."""
    found = {SCORECARD: Configured(SCORECARD, ScorecardSettings)}
    lineages = (_FIGURE_SETTINGS, _LAYOUT_SETTINGS, _EMBEDDING_SETTINGS, _GEOLOCATION_SETTINGS)
    for lineage in (*lineages, _CORPUS_SETTINGS):
        if _has(profile, lineage):
            found |= lineage
    if _has(profile, _EMBEDDING_SETTINGS):
        releases = [f"{name}_release" for name in space_embedders(profile)]
        found |= {name: Configured(name, ReleaseSettings) for name in releases}
        for name in {*COMPARED} - {*compared(profile)}:
            del found[name], found[f"{name}_evaluation"]
    return found


def config_hashes(profile: Profile) -> Mapping[dg.AssetKey, str]:
    """Return the hash of the configuration that each asset would run with today."""
    return {
        dg.AssetKey(name): config_hash(profile.load(one.task, one.kind))
        for name, one in configured(profile).items()
    }


def _has(profile: Profile, lineage: Mapping[str, Configured]) -> bool:
    """Say whether the profile configures the lineage; a file too few is then an error of its own."""
    return any((profile.configs / f"{one.task}.yaml").is_file() for one in lineage.values())


def _figure_assets(profile: Profile) -> list[dg.AssetsDefinition]:
    study = figures.GROUP
    model = profile.load(f"{_TAGGER}_release", ReleaseSettings).model
    by_book = ("figure_splits", "group")
    by_image = ("figure_splits_faithful", "item_id")
    return [
        dataset_asset(profile, figures.DATASET, "Labelled figures (NDL-ImageLabel's layout).", _CLASS_FLOOR),
        dataset_asset(profile, figures.CORPUS, "Figures without labels, to be tagged.", 0),
        splits_asset(profile, by_book[0], figures.DATASET, by_book[1], figures.GROUP),
        figures.tagger_asset(profile, _TAGGER, model, *by_book, study=None),
        figures.evaluation_asset(
            profile, f"{_TAGGER}_evaluation", f"{_TAGGER}_evaluation", _TAGGER, *by_book, study=None
        ),
        figures.label_issues_asset(profile),
        release_asset(
            profile,
            _TAGGER,
            figures.DATASET,
            by_book[0],
            figures.GROUP,
            "macro F1",
            judge_figure_tagger,
            figures.blocking_findings(profile),
        ),
        figures.tags_asset(profile, model),
        splits_asset(profile, by_image[0], figures.DATASET, by_image[1], figures.GROUP, study),
        figures.tagger_asset(profile, _FAITHFUL, f"{model}_faithful", *by_image, study=study),
        figures.evaluation_asset(
            profile, f"{_FAITHFUL}_evaluation", f"{_FAITHFUL}_evaluation", _FAITHFUL, *by_image, study=study
        ),
    ]


def _layout_assets(profile: Profile) -> list[dg.AssetsDefinition]:
    model = profile.load(f"{_DETECTOR}_release", ReleaseSettings).model
    return [
        dataset_asset(profile, layout.DATASET, "Pages with annotated zones (NDL-DocL).", _ZONE_FLOOR),
        splits_asset(profile, layout.SPLITS, layout.DATASET, "group", layout.GROUP),
        layout.detector_asset(profile, _DETECTOR, model, study=None),
        layout.evaluation_asset(profile, _DETECTOR, study=None),
        release_asset(
            profile,
            _DETECTOR,
            layout.DATASET,
            layout.SPLITS,
            layout.GROUP,
            "average precision of figures",
            judge_layout_detector,
            layout.blocking_findings(profile),
        ),
        *(
            asset
            for name in STUDIED
            for asset in (
                layout.detector_asset(profile, name, name, study=layout.GROUP),
                layout.evaluation_asset(profile, name, study=layout.GROUP),
            )
        ),
        comparison_asset(profile),
    ]


def _geolocation_assets(profile: Profile) -> list[dg.AssetsDefinition]:
    study = places.GROUP
    model = profile.load(f"{_GEOLOCATOR}_release", GeolocatorReleaseSettings).model
    photographs = "Photographs with coordinates: panoramas at the sample points, or a user's own."
    return [
        places.features_asset(profile, places.ROADS, "Roads of OpenStreetMap, or of the generated land."),
        places.features_asset(
            profile, places.LANDMARKS, "Landmarks of OpenStreetMap, or of the generated land."
        ),
        places.features_asset(profile, places.AREAS, "Small areas of the census (e-Stat's layout)."),
        places.features_asset(profile, places.ADMIN, "Municipalities (N03's layout)."),
        places.features_asset(
            profile,
            places.POINTS,
            "Where photographs are sought: along roads and at landmarks, thinned.",
            _MAP[:3],
        ),
        dataset_asset(profile, places.PHOTOGRAPHS, photographs, 0, sources=(places.POINTS, *_MAP)),
        places.labels_asset(profile),
        places.splits_asset(profile, places.SPLITS, study=None),
        geolocation.geolocator_asset(profile, _GEOLOCATOR, model, _GEOLOCATOR, places.SPLITS, study=None),
        geolocation.evaluation_asset(profile, _GEOLOCATOR, _JUDGED, places.SPLITS, study=None),
        release_asset(
            profile,
            _GEOLOCATOR,
            places.PHOTOGRAPHS,
            places.SPLITS,
            places.GROUP,
            "share of answers near the truth",
            partial(judge_geolocator, profile.vectors),
            geolocation.blocking_findings(profile),
            GeolocatorReleaseSettings,
        ),
        geolocation.index_asset(profile),
        *(
            asset
            for name in geolocation.STUDIED
            for asset in (
                geolocation.geolocator_asset(profile, name, name, name, places.SPLITS, study),
                geolocation.evaluation_asset(profile, name, _JUDGED, places.SPLITS, study),
            )
        ),
        *(
            asset
            for name, splits in geolocation.OTHER_SPLITS.items()
            for asset in (
                places.splits_asset(profile, splits, study),
                geolocation.geolocator_asset(profile, name, name, _GEOLOCATOR, splits, study),
                geolocation.evaluation_asset(profile, name, _JUDGED, splits, study),
            )
        ),
        geolocation.geolocator_asset(profile, _PAPER, _PAPER, _PAPER_SCALES, _PAPER_SPLITS, study),
        geolocation.evaluation_asset(profile, _PAPER, f"{_PAPER}_evaluation", _PAPER_SPLITS, study),
    ]


def _corpus_assets(profile: Profile) -> list[dg.AssetsDefinition]:
    return [
        dataset_asset(profile, corpus.PAGES, "Pages without annotations, to be searched for figures.", 0),
        corpus.figures_asset(profile),
        corpus.manifest_asset(profile),
        corpus.index_asset(profile),
    ]
