"""Embedders on real pictures that none of them has seen: figures by tag, illustrations by kind, photographs.

Reads folders beside the repository; those that are missing are left out, saying so. A picture's neighbours
from its own document do not count. Prints Markdown; ``--out`` keeps the numbers.
"""

import argparse
import csv
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ndl_mobilenet import ARCHITECTURE, SIZE_PX, SOURCE, convert
from benchmarks.timing import write_json
from zuroku.evaluation.bootstrap import bootstrap_items
from zuroku.evaluation.ranking import rank_gallery
from zuroku.evaluation.retrieval import holidays, ukbench
from zuroku.evaluation.similarity import neighbour_average_precision, neighbour_purity
from zuroku.models.embedding.bundle import build_embedder
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.models.embedding.settings import EmbedderSettings

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"
RESAMPLES, SEED = 2000, 20211211


@dataclass(frozen=True)
class Picture:
    """A file, what it shows, and the document that it comes from."""

    path: Path
    tag: str
    document: str


def class_folders(folder: Path) -> list[Picture]:
    """Return the pictures of a folder per class; each is a document of its own, but for NDL's books."""
    files = sorted(path for path in folder.glob("*/*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    return [Picture(path, path.parent.name, path.stem.split("_")[0]) for path in files]


def photographs(folder: Path) -> list[Picture]:
    """Return photographs in a folder per class, each on its own; classes may use the same file names."""
    return [
        Picture(found.path, found.tag, f"{found.tag}/{found.path.name}") for found in class_folders(folder)
    ]


def illustrations(folder: Path) -> list[Picture]:
    """Return the illustrations of ``labels.csv`` with their documents."""
    with (folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        return [Picture(folder / row["path"], row["label"], row["group"]) for row in csv.DictReader(file)]


SETS: dict[str, tuple[Path, Callable[[Path], list[Picture]], int]] = {
    "18 figures of NDL-ImageLabel": (SHARED / "ndl" / "imagelabel" / "sampleimg", class_folders, 1),
    "284 illustrations of four kinds": (SHARED / "figures" / "four_kinds", illustrations, 5),
    "35 photographs of five buildings": (SHARED / "landmarks" / "campus5", photographs, 5),
    "600 photographs of five flowers": (SHARED / "photos" / "flowers5", photographs, 5),
}
"""Name → folder, how to read it, and how many neighbours purity looks at."""


BUILDINGS = SHARED / "landmarks"
"""Folders of photographs of five buildings (``campus5``) and of a church (``sacre_coeur``)."""


def vectors_of(embedder: EmbedderPredictor, pictures: list[Picture]) -> np.ndarray:
    """Return the vectors ``(n, d)`` of ``pictures``."""
    vectors = list(embedder.embed(partial(p.path.read_bytes) for p in pictures))
    broken = [vector for vector in vectors if isinstance(vector, Exception)]
    if broken:
        raise broken[0]
    return np.stack(vectors)


def protocol_scores(embedder: EmbedderPredictor) -> dict[str, Any]:
    """Return the scores of two published protocols on the buildings and the church.

    Holidays' rule with every photograph as a query; UKBench's with the first four of each group by name.
    """
    church = sorted((BUILDINGS / "sacre_coeur").glob("*.jpg"))
    pictures = photographs(BUILDINGS / "campus5") + [Picture(path, "church", path.name) for path in church]
    groups = np.unique([picture.tag for picture in pictures], return_inverse=True)[1]
    matrix = vectors_of(embedder, pictures)
    found = holidays(rank_gallery(matrix, matrix), groups, np.arange(len(groups)))
    first = np.concatenate([np.flatnonzero(groups == group)[:4] for group in np.unique(groups)])
    counts = ukbench(rank_gallery(matrix[first], matrix[first]), groups[first])
    documents = [picture.document for picture in pictures]
    return {
        "holidays": _interval(found.average_precision, documents),
        "ukbench": _interval(counts.astype(np.float64), [documents[place] for place in first]),
    }


def scores(embedder: EmbedderPredictor, pictures: list[Picture], k: int) -> dict[str, Any]:
    """Return mAP and purity of ``pictures`` with their intervals by document."""
    matrix = vectors_of(embedder, pictures)
    tags, documents = [p.tag for p in pictures], [p.document for p in pictures]
    return {
        "map": _interval(neighbour_average_precision(matrix, tags, documents), documents),
        "purity": _interval(neighbour_purity(matrix, tags, documents, k), documents),
    }


def _interval(values: np.ndarray, documents: list[str]) -> dict[str, float]:
    known = np.flatnonzero(np.isfinite(values))
    found = bootstrap_items(
        [documents[place] for place in known],
        lambda indices: float(values[known][indices].mean()),
        resamples=RESAMPLES,
        seed=SEED,
    )
    return {"value": found.estimate, "low": found.lower, "high": found.upper}


def _cells(found: dict[str, Any], *keys: str) -> str:
    return " | ".join(
        f"{found[key]['value']:.3f} [{found[key]['low']:.3f}, {found[key]['high']:.3f}]" for key in keys
    )


def references(folder: Path) -> dict[str, Path]:
    """Build the embedders that every other is compared with, in ``folder``: name → bundle."""
    frozen = EmbedderSettings(backbone="tf_efficientnet_lite0", weights="packaged", size_px=224)
    built = {"lite0, ImageNet, frozen, 224 px": build_embedder(frozen, folder / "lite0", "benchmark").path}
    if SOURCE.is_dir():
        weights = convert(SOURCE, folder / "ndl.safetensors")
        old = EmbedderSettings(backbone=ARCHITECTURE, weights=str(weights), size_px=SIZE_PX)
        built["① NDL's MobileNetV2, 224 px"] = build_embedder(old, folder / "ndl", "benchmark").path
    return built


def main() -> None:
    """Compare the embedders named on the command line with the old system and with frozen features."""
    parser = argparse.ArgumentParser(prog="benchmarks.real_embeddings", description=__doc__)
    parser.add_argument("bundles", nargs="*", help="NAME=FOLDER of embedder bundles")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    named = {name: Path(folder) for name, folder in (one.split("=", 1) for one in arguments.bundles)}
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        bundles = references(Path(temporary)) | named
        embedders = {name: EmbedderPredictor(folder) for name, folder in bundles.items()}
        for title, (folder, read, k) in SETS.items():
            if not folder.is_dir():
                print(f"left out: {title}, because {folder} is missing")
                continue
            pictures = read(folder)
            results[title] = {name: scores(embedder, pictures, k) for name, embedder in embedders.items()}
            print(f"\n| {title} | d | mAP | purity of the {k} nearest |\n|---|---|---|---|")
            for name, found in results[title].items():
                print(f"| {name} | {embedders[name].dimension} | {_cells(found, 'map', 'purity')} |")
        if BUILDINGS.is_dir():
            results["protocols"] = {name: protocol_scores(one) for name, one in embedders.items()}
            print("\n| buildings and a church | Holidays mAP | UKBench NS |\n|---|---|---|")
            for name, found in results["protocols"].items():
                print(f"| {name} | {_cells(found, 'holidays', 'ukbench')} |")
        else:
            print(f"left out: the protocols, because {BUILDINGS} is missing")
    write_json(arguments.out, results)


if __name__ == "__main__":
    main()
