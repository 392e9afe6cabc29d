"""A small workspace for tests: the repository's own configuration with tiny values.

The code that runs is the product's; only values differ.
"""

import shutil
from pathlib import Path
from typing import Any

import yaml

from orchestration.environment import Environment
from zuroku.profile import Profile

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"


def tiny_workspace(root: Path) -> Environment:
    """Lay out ``root`` as a repository with a sample of a few dozen figures and pages and two epochs."""
    shutil.copytree(REPOSITORY / "configs" / "sample", root / "configs" / "sample")
    shutil.copytree(
        REPOSITORY / ".dvc", root / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp", "*.local")
    )
    shutil.copy2(REPOSITORY / "dvc.yaml", root / "dvc.yaml")
    params = {
        "configs": "configs/sample",
        "data": "var/sample/data",
        "source": str(REPOSITORY / "src" / "zuroku"),
        "root": ".",
    }
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    edit(root, "ndl_imagelabel", generated={"seed": 1, "books": 36})
    edit(root, "figure_corpus", generated={"seed": 2, "books": 3, "first_pid": 9500001})
    for name in ("figure_tagger", "figure_tagger_faithful"):
        loop = {"epochs": 2, "patience": 2, "batch_size": 16, "learning_rate": 0.001, "schedule": "constant"}
        edit(root, name, size_px=64, loop=loop)
    # What a tiny model reaches is not what is tested here.
    edit(root, "figure_tagger_evaluation", floor=0.0, resamples=100)
    edit(root, "figure_tagger_release", gate={"delta": 0.03, "floor": 0.0, "resamples": 100, "seed": 1})
    edit(root, "figure_label_issues", size_px=64)
    edit(root, "ndl_docl", generated={"seed": 3, "books": 10, "pages_per_book": 2, "long_side_px": 640})
    edit(root, "page_corpus", generated={"seed": 4, "books": 4, "pages_per_book": 2, "long_side_px": 640})
    loop = {"epochs": 2, "patience": 2, "batch_size": 4, "learning_rate": 0.001, "schedule": "constant"}
    edit(root, "layout_detector", size_px=128, loop=loop, least_f1=0.0)
    edit(root, "layout_detector_evaluation", floor=0.0, resamples=100)
    edit(root, "layout_detector_release", gate={"delta": 0.05, "floor": 0.0, "resamples": 100, "seed": 1})
    edit(root, "imet2019", generated={"seed": 5, "subjects": 60, "size_px": 96})
    network = {"backbone": "tf_efficientnet_lite0", "weights": "packaged", "size_px": 64}
    network |= {"whitening": "pca", "dimension": 16, "grey": True}
    edit(root, "figure_embedder", network=network)
    edit(root, "figure_embedder_evaluation", floor=0.0, resamples=100, map_seeds=[1])
    edit(root, "figure_embedder_release", gate={"delta": 0.03, "floor": 0.0, "resamples": 100, "seed": 1})
    # Whatever a tiny detector takes for a figure goes on through the line.
    edit(root, "corpus_figures", stage={"min_score": 0.03}, line={"pages_per_unit": 3})
    small = {"seed": 6, "prefectures": 2, "municipalities": 1, "towns": 2, "capital_towns": 3}
    small |= {"width_km": 80, "height_km": 60}
    edit(root, "land", generated=small)
    layout = {"layout": "estat", "files": ["census/r2ka91.shp", "census/r2ka92.shp"]}
    edit(root, "census_areas", areas=layout)
    views = {"land_seed": 6, "seed": 7, "visits": 1, "size_px": 32}
    edit(root, "street_views", generated=views)
    space = {"variant": "fine", "width": 16}
    network = {"backbone": "tf_efficientnet_lite0", "weights": "packaged", "size_px": 64, "dimension": 32}
    loop = {"epochs": 2, "patience": 2, "batch_size": 16, "learning_rate": 0.001}
    edit(root, "geolocator", network=network | {"location": space}, queue=16, loop=loop)
    floors = {"floor_slack_km": 1e5, "confidence": 0.5, "resamples": 100, "neighbours": 5}
    duplicates = {"duplicate_cosine": 1.0, "tolerated_duplicates": 1.0}
    edit(root, "geolocator_evaluation", leakage=duplicates, **floors)
    edit(root, "geolocator_release", gate={"delta": 0.05, "floor": 0.0, "resamples": 100, "seed": 1})
    var = root / "var"
    return Environment(
        profile=Profile("sample", root),
        instance="local",
        tracking_uri=f"sqlite:///{var / 'mlflow.db'}",
        artifact_root=(var / "artifacts").as_uri(),
        mlflow_port=5000,
        dagster_port=3000,
    )


def edit(root: Path, task: str, **values: Any) -> None:
    """Change top-level values of a task's configuration."""
    path = root / "configs" / "sample" / f"{task}.yaml"
    current = yaml.safe_load(path.read_text()) or {}
    path.write_text(yaml.safe_dump(current | values, allow_unicode=True, sort_keys=False))
