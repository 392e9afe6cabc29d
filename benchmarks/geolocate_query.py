"""One query of the geolocator on two cores: from an image file to the answer and its map, split by stage.

The stages are those that ``zuroku geolocate`` goes through, timed one after the other, and then the whole
as it is served; a cold start is a process of its own. Model, gallery and engine files are kept in a folder,
because making the graph takes minutes; what that took is noted beside them.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.place_gallery import (
    NEIGHBOURS,
    clustered,
    drawn_picture,
    jittered,
    made_up_areas,
    random_geolocator,
    write_gallery,
)
from benchmarks.tagging_speed import image_files
from benchmarks.timing import circumstances, write_json
from zuroku.artifacts import write_atomically
from zuroku.geo.answers import RULES, AnswerSettings, answer
from zuroku.indexes.place_borders import BORDERS
from zuroku.indexes.place_bundle import NAMES, OUTLINES, read_place_bundle
from zuroku.indexes.place_index import PlaceIndex, open_place_index
from zuroku.models.geolocation.predictor import GeolocatorPredictor
from zuroku.models.geolocation.views import picture_views
from zuroku.reports.located import locate
from zuroku.reports.located_page import located_page
from zuroku.reports.place_vectors import nearest_photographs

_CORES = 2
_WARM_UP = 5
_COLD_STARTS = 3
_PANORAMAS, _PHOTOGRAPHS = 16, 4
GOAL_MS = 150

WHOLE = "as served: file to written page"


@dataclass
class StageClock:
    """Seconds spent in each named stage, one value per query."""

    spent: dict[str, list[float]] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Note the time until the end of the block."""
        start = perf_counter()
        yield
        self.spent.setdefault(name, []).append(perf_counter() - start)


def summary(spent: Mapping[str, Sequence[float]]) -> dict[str, dict[str, float]]:
    """Return median and 95th percentile of each stage in milliseconds."""
    return {
        name: {"p50_ms": 1000 * float(np.median(times)), "p95_ms": 1000 * float(np.quantile(times, 0.95))}
        for name, times in spent.items()
    }


def markdown(results: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """Return a table of stages, with a median and a 95th percentile for each kind of picture."""
    kinds = list(results)
    lines = [
        "| stage | " + " | ".join(f"{kind}, p50 ms | p95" for kind in kinds) + " |",
        "|---|" + "---:|---:|" * len(kinds),
    ]
    for stage in results[kinds[0]]:
        cells = [f"{results[kind][stage][key]:.1f}" for kind in kinds for key in ("p50_ms", "p95_ms")]
        lines.append(f"| {stage} | {' | '.join(cells)} |")
    return "\n".join(lines)


def staged_query(image: Path, predictor: GeolocatorPredictor, index: PlaceIndex, clock: StageClock) -> None:
    """Answer ``image`` step by step, each rule once, and time the steps."""
    bundle = index.bundle
    with clock.stage("read, decode, cut"):
        squares = picture_views(image.read_bytes(), predictor.size_px, predictor.card.views)
    with clock.stage("encode"):
        vector = predictor.answers(squares)[: predictor.dimension]
    with clock.stage(f"search, k = {NEIGHBOURS}"):
        near = index.search(vector, NEIGHBOURS, encoder_sha256=predictor.sha256)
    with clock.stage("rows and coordinates"):
        places = bundle.rows(near.rows)[["latitude", "longitude"]].to_numpy()
    for rule in RULES:
        with clock.stage(f"rule {rule}"):
            answer(places, near.scores, rule, AnswerSettings())
    with clock.stage("thumbnails"):
        for row in near.rows:
            bundle.thumbnail(int(row))


def served_query(
    image: Path, predictor: GeolocatorPredictor, index: PlaceIndex, page: Path, clock: StageClock
) -> None:
    """Answer ``image`` as the command does, and time answer, page and both."""
    with clock.stage(WHOLE):
        with clock.stage("all until the answer"):
            located = locate(image, predictor, index)
        with clock.stage("page with both maps"):
            html = located_page(located, index.bundle)
        with clock.stage("writing the page"):
            write_atomically(page, html.encode())


def measured(
    images: Sequence[Path], predictor: GeolocatorPredictor, index: PlaceIndex, queries: int, page: Path
) -> dict[str, dict[str, float]]:
    """Return the summary of ``queries`` queries, one after the other, after some that are not counted."""
    clock = StageClock()
    for number in range(_WARM_UP + queries):
        if number == _WARM_UP:
            clock = StageClock()
        image = images[number % len(images)]
        staged_query(image, predictor, index, clock)
        served_query(image, predictor, index, page, clock)
    return summary(clock.spent)


def recall(images: Sequence[Path], predictor: GeolocatorPredictor, index: PlaceIndex) -> float:
    """Return the share of the exact nearest 100 that the engine finds, over ``images``."""
    vectors = np.stack([predictor.geolocate(image.read_bytes()).vector for image in images])
    exact, _ = nearest_photographs(vectors, np.asarray(index.bundle.vectors), NEIGHBOURS)
    found = [index.search(vector, NEIGHBOURS, encoder_sha256=predictor.sha256).rows for vector in vectors]
    hits = [len(set(true.tolist()) & set(near.tolist())) for true, near in zip(exact, found, strict=True)]
    return sum(hits) / exact.size


def cold_starts(image: Path, model: Path, index: Path, page: Path) -> list[float]:
    """Return the seconds of whole processes that answer one image and write its map."""
    command = [sys.executable, "-m", "zuroku.cli", "geolocate", str(image), "--model", str(model)]
    command += ["--index", str(index), "--map", str(page)]
    seconds = []
    for _ in range(_COLD_STARTS):
        start = perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(perf_counter() - start)
    return seconds


def write_queries(folder: Path) -> dict[str, list[Path]]:
    """Draw the pictures that are asked about: panoramas of the sample's size, and what a telephone takes."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = {
        "panorama, 512 × 128 px": (_PANORAMAS, 512, 128, "webp", {"quality": 90}),
        "photograph, 4000 × 3000 px": (_PHOTOGRAPHS, 4000, 3000, "jpeg", {"quality": 90}),
    }
    found: dict[str, list[Path]] = {}
    for kind, (count, width, height, suffix, saved) in kinds.items():
        found[kind] = [folder / f"{width}_{number}.{suffix}" for number in range(count)]
        for number, path in enumerate(found[kind]):
            if not path.exists():
                write_atomically(path, drawn_picture(width, height, number, suffix, **saved))
    return found


def prepare(options: argparse.Namespace, queries: Mapping[str, Sequence[Path]]) -> tuple[Path, Path]:
    """Build model, gallery and the engine's files unless they are there; return the two bundles."""
    folder: Path = options.folder
    model = options.model or random_geolocator(folder / "geolocator").path
    predictor = GeolocatorPredictor(model)
    name = f"{options.count}_{predictor.sha256[:8]}_{'given' if options.gallery else 'clusters'}"
    target, note = folder / name / "index", folder / name / "built.json"
    if not note.exists():
        if options.gallery:
            given = read_place_bundle(options.gallery)
            photographs = jittered(given, options.count)
            beside = {name: (given.path / name).read_bytes() for name in (OUTLINES, NAMES, BORDERS)}
        else:
            asked = [path.read_bytes() for paths in queries.values() for path in paths]
            centres = predictor.predict(asked).vectors
            photographs, beside = clustered(options.count, predictor.dimension, centres), made_up_areas()
        start = perf_counter()
        write_gallery(photographs, predictor.sha256, beside, target)
        bundled = perf_counter()
        open_place_index(target).close()
        spent = {"bundle_s": bundled - start, "engine_s": perf_counter() - bundled}
        write_atomically(note, json.dumps(spent).encode())
    return model, target


def main() -> None:
    """Measure one query on a gallery of the size asked for."""
    parser = argparse.ArgumentParser(prog="benchmarks.geolocate_query", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000, help="photographs in the gallery")
    parser.add_argument("--queries", type=int, default=40, help="of each kind of picture")
    parser.add_argument("--model", type=Path, help="a geolocator; by default one with random weights")
    parser.add_argument("--gallery", type=Path, help="a place index to jitter; by default random clusters")
    parser.add_argument("--images", type=Path, help="folder of pictures to ask about, beside those drawn")
    parser.add_argument("--folder", type=Path, default=Path("var/benchmarks/geolocate_query"))
    parser.add_argument("--build-only", action="store_true", help="measure in a later run")
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_CORES])
    queries = write_queries(options.folder / "queries")
    if options.images:
        queries = {"pictures given": image_files(options.images)} | queries
    model, target = prepare(options, queries)
    result: dict[str, Any] = circumstances() | {"count": options.count}
    result["built"] = json.loads((target.parent / "built.json").read_text(encoding="utf-8"))
    print(f"{options.count:,} photographs; built in seconds: {result['built']}")
    if options.build_only:
        return
    page = options.folder / "page.html"
    predictor = GeolocatorPredictor(model)
    start = perf_counter()
    index = open_place_index(target)
    result["opened_s"] = perf_counter() - start
    result["queries"] = {
        kind: measured(images, predictor, index, options.queries, page) for kind, images in queries.items()
    }
    result["recall_at_100"] = {kind: recall(images, predictor, index) for kind, images in queries.items()}
    index.close()
    first = next(iter(queries.values()))[0]
    result["cold_start_s"] = cold_starts(first, model, target, page)
    result["page_bytes"] = page.stat().st_size
    print(f"\n{markdown(result['queries'])}\n")
    for name in ("opened_s", "recall_at_100", "cold_start_s", "page_bytes", "load_average"):
        print(f"{name}: {result[name]}")
    for kind, stages in result["queries"].items():
        verdict = "below" if stages[WHOLE]["p50_ms"] < GOAL_MS else "above"
        print(f"{kind}: median {stages[WHOLE]['p50_ms']:.0f} ms, {verdict} the goal of {GOAL_MS} ms")
    write_json(options.out, result)


if __name__ == "__main__":
    main()
