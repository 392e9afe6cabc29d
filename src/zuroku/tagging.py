"""Tagging folders of figures: the JSON that the original wrote, one file per source folder.

The shape is that of tagestimatemodel's ``multiinference.py``, byte for byte: ``{file id: [{"tag",
"confidence"}]}`` with the file name less its last four characters as id, confidences rounded to
three places, ASCII, one line, no newline at the end.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from zuroku.artifacts import write_atomically
from zuroku.errors import SourceError
from zuroku.models.tagger_predictor import TaggerPredictor

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
_EXTENSION_LENGTH = 4

Tags = list[dict[str, Any]]


@dataclass
class TaggingReport:
    """How many images were tagged, and what was passed over (by its id) and why."""

    tagged: int = 0
    skipped: dict[str, str] = field(default_factory=dict)


def tags_of(
    probabilities: npt.NDArray[np.floating], decisions: npt.NDArray[np.bool_], labels: Sequence[str]
) -> Tags:
    """Return the decided labels of one image with their confidences, in the order of ``labels``."""
    return [
        {"tag": label, "confidence": round(float(probability), 3)}
        for label, probability, decided in zip(labels, probabilities, decisions, strict=True)
        if decided
    ]


def encode_tags(tags: Mapping[str, Tags]) -> bytes:
    """Return the JSON of one source folder exactly as the original dumps it."""
    return json.dumps(tags).encode("ascii")


def tag_images(
    predictor: TaggerPredictor,
    named_reads: Iterable[tuple[str, Callable[[], bytes]]],
    report: TaggingReport,
    threshold: float | None = None,
    progress: Callable[[], None] = lambda: None,
) -> dict[str, Tags]:
    """Tag images given as (id, read), in order. Bad images are recorded in ``report`` and passed.

    ``threshold`` replaces the model's own thresholds by one for all (the original's is 0.4).
    """
    entries = list(named_reads)
    found: dict[str, Tags] = {}
    predictions = predictor.predict(read for _, read in entries)
    for (item_id, _), prediction in zip(entries, predictions, strict=True):
        if prediction.error is not None:
            report.skipped[item_id] = str(prediction.error)
        else:
            probabilities = prediction.probabilities
            decisions = predictor.decide(probabilities[None], threshold)[0]
            found[item_id] = tags_of(probabilities, decisions, predictor.card.labels)
            report.tagged += 1
        progress()
    return found


def source_folders(root: Path) -> dict[str, list[Path]]:
    """Return the image files of each folder in ``root`` (a PID each), and those of ``root`` itself.

    A folder in ``root`` with the name of ``root`` is the same book.

    Raises:
        SourceError: ``root`` is no folder, or holds no image at either level.
    """
    if not root.is_dir():
        raise SourceError(
            f"{root} is not a folder",
            expected="a folder of images, or of folders of images",
            remedy="check the path",
        )
    folders = {path.name: _images(path) for path in sorted(root.iterdir()) if path.is_dir()}
    folders = {name: files for name, files in folders.items() if files}
    if own := _images(root):
        name = root.resolve().name
        folders[name] = folders.get(name, []) + own
    if not folders:
        raise SourceError(
            f"no image in {root} or in the folders directly below it",
            expected=f"files ending in {', '.join(IMAGE_SUFFIXES)}",
            remedy="name the folder that holds the figures, one folder per book",
        )
    return folders


def tag_folders(
    predictor: TaggerPredictor,
    folders: Mapping[str, list[Path]],
    out: Path,
    threshold: float | None = None,
    progress: Callable[[], None] = lambda: None,
) -> TaggingReport:
    """Tag every folder and write ``out/<folder>.json``, each whole or not at all.

    The report names what was passed over as ``<folder>/<file id>``, for books may share file ids.

    Raises:
        SourceError: files of one folder have the same id; nothing is written then.
    """
    _refuse_shared_ids(folders)
    out.mkdir(parents=True, exist_ok=True)
    report = TaggingReport()
    for name, files in folders.items():
        in_folder = TaggingReport()
        reads = ((_file_id(path), partial(path.read_bytes)) for path in files)
        tags = tag_images(predictor, reads, in_folder, threshold, progress)
        write_atomically(out / f"{name}.json", encode_tags(tags))
        report.tagged += in_folder.tagged
        report.skipped |= {f"{name}/{item_id}": reason for item_id, reason in in_folder.skipped.items()}
    return report


def _refuse_shared_ids(folders: Mapping[str, list[Path]]) -> None:
    by_id: dict[tuple[str, str], list[str]] = {}
    for name, files in folders.items():
        for path in files:
            by_id.setdefault((name, _file_id(path)), []).append(str(path))
    shared = [" and ".join(paths) for paths in by_id.values() if len(paths) > 1]
    if shared:
        raise SourceError(
            f"files of one book with the same id: {'; '.join(shared)}",
            expected=f"names that differ before their last {_EXTENSION_LENGTH} characters",
            remedy="rename or remove all but one of each",
        )


def _file_id(path: Path) -> str:
    return path.name[:-_EXTENSION_LENGTH]


def _images(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
