"""Pages per second from JPEG files to boxes on two cores: zuroku against Ultralytics' own ``predict``.

The same weights and the same files go through all systems in turn. With a trained bundle, the average
precision of every system on the sample's pages that it has not seen is set beside PyTorch's; random weights
find nothing, so only speed can be compared. Ultralytics is used as its documentation shows it.
"""

import argparse
import io
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import torch
from PIL import Image
from safetensors.torch import load_file

from benchmarks.timing import MIN_ROUNDS, Timings, as_json, circumstances, take_turns, write_json
from zuroku.artifacts import build
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.sample.pages.pages import PagePlan, PageSampleSettings, plan_pages, render_page
from zuroku.datasets.zones import NDL_DOCL_CLASSES
from zuroku.detections import Detections
from zuroku.evaluation.detection import COCO_THRESHOLDS, match_page, mean_average_precision
from zuroku.models.bundle import ONNX, WEIGHTS, open_card, training_groups
from zuroku.models.layout.bundle import DetectorCard, write_detector
from zuroku.models.layout.page_detector import SCORE_FLOOR, DetectorRuntime
from zuroku.models.layout.ultralytics_network import LICENCE, GridNetwork, grid_of, ultralytics_package
from zuroku.profile import Profile
from zuroku.training.pages import AnnotatedPages, pages_of

F32, BF16 = "zuroku, f32", "zuroku, bf16"
PYTORCH, OPENVINO = "YOLO.predict, PyTorch f32", "YOLO.predict, OpenVINO"

_ROOT = Path(__file__).resolve().parents[1]
_SAMPLE = Profile("sample", _ROOT)
_CORES = 2
_PAGE_PX = (2000, 3000)
_PAGE_BYTES = 1_500_000
_NOISE = 3.0
_SEED = 20260601
_SUPPRESSION_IOU = 0.7
_MAX_DETECTIONS = 300

Detector = Callable[[Sequence[Path]], Iterator[Detections]]
"""Yields the boxes on each page file, in order."""


def scanned_page(plan: PagePlan) -> bytes:
    """Return a generated page as a library's colour scan: 2000 × 3000 px, noisy, of up to 1.5 MB."""
    page = Image.open(io.BytesIO(render_page(plan).data)).convert("RGB").resize(_PAGE_PX)
    grain = np.random.default_rng(plan.page_seed).normal(0, _NOISE, (_PAGE_PX[1], _PAGE_PX[0], 1))
    noisy = Image.fromarray((np.asarray(page) + grain).round().clip(0, 255).astype(np.uint8))
    for quality in range(95, 20, -3):
        buffer = io.BytesIO()
        noisy.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= _PAGE_BYTES:
            break
    return buffer.getvalue()


def write_scans(folder: Path, n_pages: int) -> list[Path]:
    """Write ``n_pages`` single pages, each of another book or another part of one, into ``folder``."""
    settings = PageSampleSettings(
        seed=_SEED, books=-(-n_pages // 2), pages_per_book=2, long_side_px=_PAGE_PX[1], spread_share=0.0
    )
    plans = plan_pages(settings)[:n_pages]
    with ProcessPoolExecutor(_CORES) as executor:
        scans = list(executor.map(scanned_page, plans))
    paths = [folder / f"{plan.item_id}.jpg" for plan in plans]
    for path, scan in zip(paths, scans, strict=True):
        path.write_bytes(scan)
    return paths


def random_bundle(folder: Path, architecture: str, size_px: int) -> None:
    """Write a bundle of ``architecture`` with random weights and the classes of NDL-DocL to ``folder``."""
    torch.manual_seed(_SEED)
    classes = list(NDL_DOCL_CLASSES)
    network = empty_network(architecture, classes)
    card = DetectorCard(
        name="layout_detector",
        family="ultralytics",
        architecture=architecture,
        initial_weights="random",
        classes=classes,
        figure_classes=["4_illustration", "5_stamp"],
        overall_classes=["1_overall"],
        trained=classes,
        thresholds=[0.3] * len(classes),
        size_px=size_px,
        grid=grid_of(network),
        data={},
        settings={},
        validation={},
        licence="none: nothing was learnt",
        code_licence=LICENCE,
        code_version="1",
    )
    build(folder, lambda work: write_detector(work, GridNetwork(network), card, []))


def empty_network(architecture: str, classes: Sequence[str]) -> Any:
    """Return Ultralytics' network as ``training`` makes it, before anything is learnt."""
    ultralytics_package()
    from ultralytics.nn.tasks import DetectionModel

    network = DetectionModel(f"{architecture.removesuffix('u')}.yaml", nc=len(classes), verbose=False)
    network.names = dict(enumerate(classes))
    return network.float().eval()


def ultralytics_checkpoint(bundle: Path, card: DetectorCard, path: Path) -> None:
    """Put the bundle's weights back into Ultralytics' network and write its checkpoint to ``path``."""
    network = empty_network(card.architecture, card.classes)
    weights = load_file(bundle / WEIGHTS)
    network.load_state_dict({name.removeprefix("network.network."): value for name, value in weights.items()})
    torch.save({"model": network}, path)


def served(runtime: DetectorRuntime, paths: Sequence[Path]) -> Iterator[Detections]:
    """Detect as zuroku serves it; the first bad page is raised."""
    for found in runtime.detect(path.read_bytes for path in paths):
        if not isinstance(found, Detections):
            raise found
        yield found


def predicted(model: Any, size_px: int, paths: Sequence[Path]) -> Iterator[Detections]:
    """Detect by ``model.predict`` file by file, with the score floor and suppression that zuroku has.

    A list of files would be one batch, and pages of several shapes in it would be padded to squares.
    """
    for path in paths:
        results = model.predict(
            str(path),
            imgsz=size_px,
            rect=True,
            conf=SCORE_FLOOR,
            iou=_SUPPRESSION_IOU,
            max_det=_MAX_DETECTIONS,
            device="cpu",
            verbose=False,
        )
        boxes = results[0].boxes
        yield Detections(boxes.xyxy.numpy(), boxes.conf.numpy(), boxes.cls.numpy().astype(np.int64))


def detectors_of(bundle: Path, size_px: int, folder: Path) -> dict[str, Detector]:
    """Return all systems with the weights of ``bundle`` for pages of a long side of ``size_px``.

    The export is Ultralytics' default: for squares, with the precision left to OpenVINO.
    """
    card = open_card(bundle, DetectorCard).model_copy(update={"size_px": size_px})
    checkpoint = folder / "weights.pt"
    ultralytics_checkpoint(bundle, card, checkpoint)
    package = ultralytics_package()
    exported = package.YOLO(str(checkpoint)).export(format="openvino", imgsz=size_px, verbose=False)
    return {
        F32: partial(served, DetectorRuntime(bundle / ONNX, card, "f32", _MAX_DETECTIONS)),
        BF16: partial(served, DetectorRuntime(bundle / ONNX, card, "bf16", _MAX_DETECTIONS)),
        PYTORCH: partial(predicted, package.YOLO(str(checkpoint)), size_px),
        OPENVINO: partial(predicted, package.YOLO(exported, task="detect"), size_px),
    }


def speed_table(timings: Timings) -> str:
    """Return a Markdown table: each system's time per page, and how much faster zuroku's two are."""
    lines = [
        f"| system | ms/page | pages/s | {F32} is faster by | {BF16} is faster by |",
        "|---|---:|---:|---|---|",
    ]
    for name in timings.rates:
        rate = timings.median_rate(name)
        factors = []
        for ours in (F32, BF16):
            ratio = timings.ratio(ours, name)
            spread = f"{ratio.median:.2f}× ({ratio.lowest:.2f}–{ratio.highest:.2f}×)"
            factors.append("" if name == ours else spread)
        lines.append(f"| {name} | {1000 / rate:.1f} | {rate:.1f} | {' | '.join(factors)} |")
    return "\n".join(lines)


def unseen_pages(bundle: Path, classes: Sequence[str], folder: Path) -> tuple[AnnotatedPages, list[Path]]:
    """Return the sample's annotated pages of books that ``bundle`` has not seen, and files of them."""
    dataset = Dataset(_SAMPLE.dataset("ndl_docl"))
    seen = training_groups(bundle)
    pages = pages_of(dataset, [row for row in dataset.rows() if row.group not in seen], classes)
    paths = [folder / f"{row.item_id}.jpg" for row in pages.rows]
    for path, row in zip(paths, pages.rows, strict=True):
        path.write_bytes(dataset.read(row))
    return pages, paths


def solid(found: Detections) -> Detections:
    """Return ``found`` without boxes that end before they begin, which Ultralytics lets through."""
    kept = (found.boxes[:, 2:] > found.boxes[:, :2]).all(axis=1)
    return Detections(found.boxes[kept], found.scores[kept], found.labels[kept])


def mean_precision(found: Sequence[Detections], pages: AnnotatedPages, n_classes: int) -> float:
    """Return the mean AP@[.5:.95] over the classes that ``pages`` hold."""
    return mean_average_precision(
        [
            [
                match_page(
                    page.boxes[page.labels == label],
                    page.scores[page.labels == label],
                    boxes[labels == label],
                    COCO_THRESHOLDS,
                )
                for page, boxes, labels in zip(found, pages.boxes, pages.labels, strict=True)
            ]
            for label in range(n_classes)
        ]
    )


def compare_precision(detectors: dict[str, Detector], bundle: Path, folder: Path) -> dict[str, float]:
    """Print and return the mean AP of each system, and how far it is from PyTorch's."""
    classes = open_card(bundle, DetectorCard).classes
    pages, paths = unseen_pages(bundle, classes, folder)
    scores = {
        name: mean_precision([solid(found) for found in detect(paths)], pages, len(classes))
        for name, detect in detectors.items()
    }
    print(f"\n{len(paths)} annotated pages of {len(set(pages.groups))} books that the bundle has not seen\n")
    print("| system | mAP@[.5:.95] | points from PyTorch |\n|---|---:|---:|")
    for name, score in scores.items():
        print(f"| {name} | {score:.4f} | {100 * (score - scores[PYTORCH]):+.2f} |")
    return scores


def measure_speed(detectors: dict[str, Detector], paths: list[Path], rounds: int) -> dict[str, Any]:
    """Let the systems take turns on ``paths``; print the table and return it for a JSON file."""
    systems = {
        name: partial(lambda detect: sum(1 for _ in detect(paths)), detect)
        for name, detect in detectors.items()
    }
    timings = take_turns(systems, rounds)
    print(speed_table(timings))
    return {ours: as_json(timings, ours) for ours in (F32, BF16)}


def main() -> None:
    """Measure a bundle, or an architecture with random weights."""
    parser = argparse.ArgumentParser(prog="benchmarks.page_detection", description=__doc__)
    parser.add_argument("--architecture", default="yolo26n", help="Ultralytics' name, for random weights")
    parser.add_argument("--weights", type=Path, help="detector bundle of the family ultralytics")
    parser.add_argument("--size", type=int, help="long side of the input; else the bundle's, or 640")
    parser.add_argument("--pages", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=MIN_ROUNDS)
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_CORES])
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        bundle = options.weights
        if bundle is None:
            bundle = folder / "random"
            random_bundle(bundle, options.architecture, options.size or 640)
        card = open_card(bundle, DetectorCard)
        size_px = options.size or card.size_px
        paths = write_scans(folder, options.pages)
        detectors = detectors_of(bundle, size_px, folder)
        # Ultralytics leaves PyTorch the threads that it finds.
        torch.set_num_threads(_CORES)
        result = circumstances()
        megabytes = [path.stat().st_size / 1e6 for path in paths]
        weights = f"the weights of {bundle}" if options.weights else "random weights: speed alone compares"
        own_choice = openvino.Core().get_property("CPU", "INFERENCE_PRECISION_HINT").get_type_name()
        print(
            f"{card.architecture} at {size_px} px, {weights}\n"
            f"{len(paths)} JPEG pages of {_PAGE_PX[0]} × {_PAGE_PX[1]} px, {np.mean(megabytes):.2f} MB on "
            f"average ({min(megabytes):.2f}–{max(megabytes):.2f})\n"
            f"Ultralytics: imgsz={size_px}, rect, conf={SCORE_FLOOR}, iou={_SUPPRESSION_IOU}, "
            f"max_det={_MAX_DETECTIONS}, file by file; {torch.get_num_threads()} threads for PyTorch; the "
            f"OpenVINO export takes squares, and OpenVINO's own precision on this CPU is {own_choice}\n"
        )
        result |= {"architecture": card.architecture, "size_px": size_px, "weights": str(options.weights)}
        result |= {
            "openvino_precision": own_choice,
            "pages": len(paths),
            "megabytes_per_page": float(np.mean(megabytes)),
        }
        result["speed"] = measure_speed(detectors, paths, options.rounds)
        if options.weights:
            result["mean_average_precision"] = compare_precision(detectors, bundle, folder)
        print(f"\nload average: {result['load_average']} before, {circumstances()['load_average']} after")
        write_json(options.out, result)


if __name__ == "__main__":
    main()
