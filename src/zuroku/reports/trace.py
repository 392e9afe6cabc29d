"""From a model or an index back to the datasets it came from, by the SHA-256 that each step wrote down.

Cards and manifests name their inputs under ``data``; indexes name their encoders too. Names lead nowhere by
themselves: an input is found below ``var`` by the bytes of its seal or manifest, and its seal is verified.
The dataset of a corpus is found by its pages.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from zuroku.artifacts import SEAL, file_sha256, verify
from zuroku.corpus.tables import PAGES
from zuroku.datasets.manifest import MANIFEST
from zuroku.errors import BundleError, IntegrityError

_PAPERS = ("card.json", "manifest.json", "corpus.json")
_PROOFS = (
    f"*/outputs/*/*/{SEAL}",
    f"models/*/versions/*/{SEAL}",
    "*/data/*/manifest.parquet",
    "*/data/*/features.parquet",
)


@dataclass(frozen=True)
class Origin:
    """One step back: ``folder`` is None where its bytes are not at hand, ``fault`` says what is wrong."""

    name: str
    sha256: str
    folder: Path | None
    fault: str = ""
    inputs: list["Origin"] = field(default_factory=list)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, "Origin"]]:
        """Yield this and all that it came from, with the number of steps back."""
        yield depth, self
        for one in self.inputs:
            yield from one.walk(depth + 1)


def trace(bundle: Path, var: Path) -> Origin:
    """Return what the sealed ``bundle`` came from, as far as its inputs lie below ``var``.

    Raises:
        BundleError: ``bundle`` has no seal.
    """
    if not (bundle / SEAL).is_file():
        raise BundleError(
            f"{bundle} has no {SEAL}",
            expected="the folder of a model, an index or another sealed output",
            remedy="name a published one, such as var/models/figure_index/champion",
        )
    known = {file_sha256(path): path.parent for pattern in _PROOFS for path in sorted(var.glob(pattern))}
    sha256 = file_sha256(bundle / SEAL)
    return _Tracer(known | {sha256: bundle.resolve()}).origin(bundle.parent.name, sha256)


def trace_text(origin: Origin) -> str:
    """Return the tree as text, then what is missing or damaged; what was told before is not told again."""
    lines, told, faults = [], set(), []
    skip = None
    for depth, one in origin.walk():
        if skip is not None and depth > skip:
            continue
        skip = depth if one.sha256 in told else None
        where = "above" if skip is not None else str(one.folder or "not at hand")
        lines.append(f"{'  ' * depth}{one.name} {one.sha256} ({one.fault or where})")
        if one.sha256 not in told and (one.folder is None or one.fault):
            faults.append(f"{one.name} {one.sha256[:16]} {one.fault or 'is not at hand'}")
        told.add(one.sha256)
    return "\n".join([*lines, "", *(faults or ["everything is at hand, and no seal is broken"])])


class _Tracer:
    """Follows what is ``known``: SHA-256 of a seal or manifest → folder. Each step is verified once."""

    def __init__(self, known: Mapping[str, Path]) -> None:
        self._known = known
        self._followed: dict[str, Origin] = {}

    def origin(self, name: str, sha256: str) -> Origin:
        if sha256 not in self._followed:
            self._followed[sha256] = self._follow(name, sha256)
        return replace(self._followed[sha256], name=name)

    def _follow(self, name: str, sha256: str) -> Origin:
        folder = self._known.get(sha256)
        if folder is None:
            return Origin(name, sha256, None)
        try:
            if (folder / SEAL).is_file():
                verify(folder, sha256)
        except IntegrityError as error:
            # What its papers say cannot be believed either.
            return Origin(name, sha256, folder, error.found)
        inputs = [self.origin(*one) for one in self._inputs(folder).items()]
        return Origin(name, sha256, folder, inputs=inputs)

    def _inputs(self, folder: Path) -> dict[str, str]:
        """Return the SHA-256 of what the papers in ``folder`` name; a dataset is where a trace ends."""
        found: dict[str, str] = {}
        for path in [folder / name for name in _PAPERS if (folder / name).is_file()]:
            papers: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            found |= papers.get("data", {})
            if encoder := papers.get("encoder_sha256"):
                found["encoder"] = encoder
            for space, about in papers.get("spaces", {}).items():
                found[f"encoder {space}"] = about["encoder"]["sha256"]
        if (folder / PAGES).is_file():
            found |= self._dataset_of(folder / PAGES)
        return found

    def _dataset_of(self, pages: Path) -> dict[str, str]:
        """Return the dataset that holds all pages of a corpus, byte for byte.

        A batch does not name it: other batches may grow without changing this one.
        """
        wanted = _pairs(pages, "page_id")
        for sha256, folder in self._known.items():
            manifest = folder / MANIFEST
            if manifest.is_file() and not wanted - _pairs(manifest, "item_id"):
                return {folder.name: sha256}
        return {"pages": file_sha256(pages)}


def _pairs(table: Path, name: str) -> set[tuple[str, str]]:
    """Return id and SHA-256 of all rows whose bytes could be read."""
    columns = pq.read_table(table, columns=[name, "sha256"])
    pairs = zip(columns[name].to_pylist(), columns["sha256"].to_pylist(), strict=True)
    return {(one, sha256) for one, sha256 in pairs if sha256}
