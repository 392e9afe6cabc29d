"""Images per second from JPEG files to tags on two cores: zuroku as served against plain PyTorch.

The same files, the same weights and the same preprocessing go through all systems in turn, and the
decisions of zuroku are compared one by one with those of the plain loop.
"""

import argparse
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.agreement import agreement_of, report_agreement
from benchmarks.plain_tagging import PlainTagger, best_loader, loader_run, loop_run
from benchmarks.timing import MIN_ROUNDS, as_json, circumstances, table, take_turns, write_json
from zuroku.datasets.manifest import Dataset
from zuroku.models.tagger_predictor import TaggerPredictor
from zuroku.profile import Profile
from zuroku.tagging import source_folders

OURS = "zuroku"
PLAIN = "plain loop"
LOADER = "DataLoader, batches of 32, channels-last"
_ROOT = Path(__file__).resolve().parents[1]
_SAMPLE = Profile("sample", _ROOT)
_REAL_FIGURES = _ROOT.parent / "shared/data/ndl/figures_unlabelled/input"
_REAL_COUNT = 300
_CORES = 2


def write_sample_figures(folder: Path, n_images: int) -> list[Path]:
    """Write figures of the sample dataset, spread over it evenly, as single files into ``folder``."""
    dataset = Dataset(_SAMPLE.dataset("ndl_imagelabel"))
    rows = dataset.rows()
    paths = []
    for index in np.linspace(0, len(rows) - 1, min(n_images, len(rows))).astype(int):
        path = folder / f"{rows[index].item_id}.jpg"
        path.write_bytes(dataset.read(rows[index]))
        paths.append(path)
    return paths


def image_files(root: Path) -> list[Path]:
    """Return the images in ``root`` and in the folders directly below it."""
    return [path for files in source_folders(root).values() for path in files]


def served_run(predictor: TaggerPredictor, paths: list[Path]) -> int:
    """Tag ``paths`` as zuroku serves them."""
    probabilities = predictor.predict_all(partial(path.read_bytes) for path in paths)
    return len(predictor.decide(probabilities))


class Taggers:
    """One bundle, opened once for each way of running it: a release may replace it meanwhile."""

    def __init__(self, folder: Path) -> None:
        self.served = TaggerPredictor(folder)
        self.plain = PlainTagger(folder)
        self.stronger = PlainTagger(folder, torch.channels_last)
        # The served model loads on first use.
        self.served.probabilities(np.zeros((self.served.card.size_px,) * 2 + (3,), dtype=np.uint8))


def compare(title: str, taggers: Taggers, paths: list[Path], rounds: int) -> dict[str, Any]:
    """Take turns on ``paths``, print speeds and agreement, and return them for a JSON file."""
    predictor, plain = taggers.served, taggers.plain
    workers, loader = best_loader(taggers.stronger, paths)
    systems = {
        OURS: partial(served_run, predictor, paths),
        PLAIN: partial(loop_run, plain, predictor, paths),
        LOADER: partial(loader_run, taggers.stronger, predictor, loader),
    }
    timings = take_turns(systems, rounds)
    print(f"\n{title}: {len(paths):,} files; the DataLoader is fastest with {workers} workers\n")
    print(table(timings, OURS, "images"))
    agreement = agreement_of(
        predictor,
        predictor.predict_all(partial(path.read_bytes) for path in paths),
        np.stack([plain.probabilities(path) for path in paths]),
        [path.name for path in paths],
    )
    report_agreement(agreement)
    return {"loader_workers": workers, **as_json(timings, OURS), "agreement": agreement.as_json()}


def main() -> None:
    """Measure on the sample's figures or on ``--images``, and on the real figures where they lie."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="folder of images instead of the sample's figures")
    parser.add_argument("--bundle", type=Path, default=_SAMPLE.champion("figure_tagger"))
    parser.add_argument("--n-images", type=int, default=1000, help="figures taken from the sample")
    parser.add_argument("--rounds", type=int, default=MIN_ROUNDS)
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    _use_cores(_CORES)
    taggers = Taggers(options.bundle.resolve())
    result: dict[str, Any] = {"bundle": taggers.served.folder.name, **circumstances()}
    with tempfile.TemporaryDirectory() as temporary:
        if options.images:
            title, paths = "Images given", image_files(options.images)
        else:
            title, paths = "Sample figures", write_sample_figures(Path(temporary), options.n_images)
        result[title] = compare(title, taggers, paths, options.rounds)
        write_json(options.out, result)
    if _REAL_FIGURES.is_dir():
        figures = image_files(_REAL_FIGURES)
        repeated = (figures * -(-_REAL_COUNT // len(figures)))[:_REAL_COUNT]
        result["Real figures"] = compare("Real figures, repeated", taggers, repeated, options.rounds)
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
