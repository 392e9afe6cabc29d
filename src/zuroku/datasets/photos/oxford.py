"""Oxford5k and Paris6k (Philbin et al. 2007, 2008): photographs of landmarks, and the texts that judge them.

Names are ``all_souls_000013`` or ``paris_defense_000605``: what was asked of Flickr, and a number. What a
photograph shows, only the ground truth says: ``<landmark>_<1–5>_{query,good,ok,junk}.txt``. Its texts are
handed on as they are; reading them belongs elsewhere. Of the published Paris photographs some twenty do
not decode; ingest quarantines them.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from zuroku.datasets.faults import FaultList
from zuroku.datasets.folder_listing import existing_folder, list_folder
from zuroku.datasets.photos.image_files import file_items, named_images
from zuroku.datasets.source import SourceItem
from zuroku.errors import SourceError

GROUND_TRUTH = "ground_truth"
"""Folder of a dataset that holds the texts of its ground truth."""

PARTS = ("query", "good", "ok", "junk")

_NAME = re.compile(r"(?P<asked>.+)_\d{6}")
_TEXT = re.compile(rf"(?P<query>.+_\d+)_(?P<part>{'|'.join(PARTS)})\.txt")


def oxford_items(roots: Sequence[Path], licence: str, url: str) -> list[SourceItem]:
    """List the photographs below ``roots``, sorted by name; the group is what was asked of Flickr.

    Raises:
        SourceError: no image, or other names.
    """
    faults = FaultList()
    found = named_images(roots, _NAME, faults)
    faults.raise_if_any(
        ", ".join(map(str, roots)),
        expected="images named like all_souls_000013.jpg, in one folder or in several",
        remedy="unpack the published archives again, or move away what does not belong",
    )
    return file_items(((path, path.stem, match["asked"]) for path, match in found), licence, url)


def ground_truth_texts(folder: Path) -> dict[str, str]:
    """Return the texts of the ground truth in ``folder`` or in the one folder in it, by file name.

    Raises:
        SourceError: no such texts, texts that are not UTF-8, or queries without all of their four texts.
    """
    root = existing_folder(folder)
    faults = FaultList()
    files, folders = list_folder(root, root, faults)
    if not any(_TEXT.fullmatch(path.name) for path in files) and len(folders) == 1:
        files, _ = list_folder(folders[0], root, faults)
    texts = {path.name: _text(path) for path in files if _TEXT.fullmatch(path.name)}
    _note_missing(texts, faults)
    faults.raise_if_any(
        str(root),
        expected="LANDMARK_N_query.txt, _good.txt, _ok.txt and _junk.txt for every query",
        remedy="unpack the published ground truth again",
    )
    return texts


def _note_missing(texts: Mapping[str, str], faults: FaultList) -> None:
    queries = {match["query"] for name in texts if (match := _TEXT.fullmatch(name))}
    for query in sorted(queries):
        for part in PARTS:
            if f"{query}_{part}.txt" not in texts:
                faults.add("texts that are missing", f"{query}_{part}.txt")
    if not queries:
        faults.add("folders without a text of a query", "none found")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(
            f"{path} cannot be read: {error}",
            expected="a text in UTF-8",
            remedy="unpack the published ground truth again",
        ) from error
