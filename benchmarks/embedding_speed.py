"""Images per second from JPEG files to unit vectors on two cores: zuroku as served against plain PyTorch.

The same files, the same weights and the same preprocessing go through all systems in turn, and the
vectors of zuroku are compared one by one with those of the plain loop.
"""

import argparse
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.plain_embedding import PlainEmbedder, best_loader, loader_run, loop_run
from benchmarks.tagging_speed import image_files, write_sample_figures
from benchmarks.timing import MIN_ROUNDS, System, as_json, circumstances, table, take_turns, write_json
from zuroku.models.embedding.bundle import build_embedder
from zuroku.models.embedding.predictor import EmbedderPredictor
from zuroku.models.embedding.settings import EmbedderSettings

OURS = "zuroku"
PLAIN = "plain loop"
LOADER = "DataLoader, batches of 32, channels-last"
_ROOT = Path(__file__).resolve().parents[1]
_REAL_FIGURES = _ROOT.parent / "shared/data/ndl/figures_unlabelled/input"
_REAL_COUNT = 300
_CORES = 2
_FROZEN = EmbedderSettings(backbone="tf_efficientnet_lite0", weights="packaged", size_px=224)


class Embedders:
    """One bundle, opened once for each way of running it."""

    def __init__(self, folder: Path) -> None:
        self.served = EmbedderPredictor(folder)
        self.plain = PlainEmbedder(folder)
        self.stronger = PlainEmbedder(folder, torch.channels_last)


def served_vectors(predictor: EmbedderPredictor, paths: list[Path]) -> list[Any]:
    """Embed ``paths`` as zuroku serves them; a bad file is raised."""
    vectors = list(predictor.embed(path.read_bytes for path in paths))
    for vector in vectors:
        if isinstance(vector, Exception):
            raise vector
    return vectors


def cosines(embedders: Embedders, paths: list[Path]) -> dict[str, float]:
    """Return the median and least cosine of served vectors with those of the plain loop."""
    served = np.stack(served_vectors(embedders.served, paths))
    found = (served * np.stack([embedders.plain.vector(path) for path in paths])).sum(axis=1)
    return {"median": float(np.median(found)), "least": float(found.min())}


def compare(title: str, embedders: Embedders, paths: list[Path], rounds: int) -> dict[str, Any]:
    """Take turns on ``paths``, print speeds and cosines, and return them for a JSON file."""
    workers, loader = best_loader(embedders.stronger, paths)
    systems: dict[str, System] = {
        OURS: lambda: len(served_vectors(embedders.served, paths)),
        PLAIN: partial(loop_run, embedders.plain, paths),
        LOADER: partial(loader_run, embedders.stronger, loader),
    }
    timings = take_turns(systems, rounds)
    print(f"\n{title}: {len(paths):,} files; the DataLoader is fastest with {workers} workers\n")
    print(table(timings, OURS, "images"))
    agreement = cosines(embedders, paths)
    print(
        f"\nCosine with the vectors of the plain loop: median {agreement['median']:.6f},"
        f" least {agreement['least']:.6f}"
    )
    return {"loader_workers": workers, **as_json(timings, OURS), "cosine": agreement}


def main() -> None:
    """Measure on the sample's figures or on ``--images``, and on the real figures where they lie."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="folder of images instead of the sample's figures")
    parser.add_argument("--bundle", type=Path, help="an embedder; by default a frozen backbone")
    parser.add_argument("--n-images", type=int, default=300, help="figures taken from the sample")
    parser.add_argument("--rounds", type=int, default=MIN_ROUNDS)
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    _use_cores(_CORES)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        bundle = options.bundle or build_embedder(_FROZEN, folder / "bundle", "benchmark").path
        embedders = Embedders(bundle.resolve())
        result: dict[str, Any] = {"backbone": embedders.served.card.backbone, **circumstances()}
        if options.images:
            title, paths = "Images given", image_files(options.images)
        else:
            title, paths = "Sample figures", write_sample_figures(folder, options.n_images)
        result[title] = compare(title, embedders, paths, options.rounds)
        write_json(options.out, result)
        if _REAL_FIGURES.is_dir():
            figures = image_files(_REAL_FIGURES)
            repeated = (figures * -(-_REAL_COUNT // len(figures)))[:_REAL_COUNT]
            result["Real figures"] = compare("Real figures, repeated", embedders, repeated, options.rounds)
        else:
            print(f"\nReal figures: left out, there is no folder {_REAL_FIGURES}")
    print(f"\nload average at the start: {result['load_average']}")
    write_json(options.out, result)


def _use_cores(count: int) -> None:
    """Keep this process and its workers on ``count`` cores."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    torch.set_num_threads(len(os.sched_getaffinity(0)))


if __name__ == "__main__":
    main()
