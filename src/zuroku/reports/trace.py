"""From a model or an index back to the datasets it came from, by the SHA-256 that each step wrote down.

Cards and manifests name their inputs under ``data``; indexes name their encoders too. Names lead nowhere by
themselves: an input is found below ``var`` by the bytes of its seal or manifest, and its seal is verified.
Weights are found by the seal that lists them, too, and the dataset of a corpus by its pages. Weights that no
task made are told as what the card calls them.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from zuroku.artifacts import SEAL, file_sha256, read_seal, verify
from zuroku.corpus.tables import PAGES
from zuroku.datasets.manifest import MANIFEST
from zuroku.errors import BundleError, IntegrityError
from zuroku.models.bundle import WEIGHTS

_PAPERS = ("card.json", "manifest.json", "corpus.json")
_PROOFS = (
    f"*/outputs/*/*/{SEAL}",
    f"models/*/versions/*/{SEAL}",
    "*/data/*/manifest.parquet",
    "*/data/*/features.parquet",
)
_GIVEN = {"packaged": "packaged with the environment", "timm": "timm's, from its hub"}


@dataclass(frozen=True)
class Origin:
    """One step back: ``folder`` is None where its bytes are not at hand, ``fault`` says what is wrong.

    ``given`` says what it is where no task made it, and nothing is missing; ``sought`` what was looked for
    in vain.
    """

    name: str
    sha256: str
    folder: Path | None
    fault: str = ""
    given: str = ""
    sought: str = "not at hand"
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
        where = "above" if skip is not None else str(one.folder or one.given or one.sought)
        lines.append(f"{'  ' * depth}{one.name} {one.sha256} ({one.fault or where})")
        missing = one.folder is None and not one.given
        if one.sha256 not in told and (missing or one.fault):
            faults.append(f"{one.name} {one.sha256[:16]}: {one.fault or one.sought}")
        told.add(one.sha256)
    return "\n".join([*lines, "", *(faults or ["all that was made is at hand, and no seal is broken"])])


class _Tracer:
    """Follows what is ``known``: SHA-256 of a seal or manifest → folder. Each step is verified once."""

    def __init__(self, known: Mapping[str, Path]) -> None:
        self._known = known
        self._weights = _weights(known)
        self._followed: dict[str, Origin] = {}
        self._datasets = [one for one in known.items() if (one[1] / MANIFEST).is_file()]

    def origin(self, name: str, sha256: str) -> Origin:
        if sha256 not in self._followed:
            # Of weights that were kept as they were, a model is no origin of its own.
            self._followed[sha256] = Origin(name, sha256, None)
            self._followed[sha256] = self._follow(name, sha256)
        return replace(self._followed[sha256], name=name)

    def _follow(self, name: str, sha256: str) -> Origin:
        if sealed := self._weights.get(sha256):
            return replace(self.origin(name, sealed), sha256=sha256)
        folder = self._known.get(sha256)
        if folder is None:
            return Origin(name, sha256, None)
        try:
            if (folder / SEAL).is_file():
                verify(folder, sha256)
        except IntegrityError as error:
            # What its papers say cannot be believed either.
            return Origin(name, sha256, folder, error.found)
        return Origin(name, sha256, folder, inputs=list(self._inputs(folder).values()))

    def _inputs(self, folder: Path) -> dict[str, Origin]:
        """Return by name what the papers in ``folder`` name; a dataset is where a trace ends."""
        found: dict[str, Origin] = {}
        for path in [folder / name for name in _PAPERS if (folder / name).is_file()]:
            papers: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            named: dict[str, str] = dict(papers.get("data", {}))
            if encoder := papers.get("encoder_sha256"):
                named["encoder"] = encoder
            for space, about in papers.get("spaces", {}).items():
                named[f"encoder {space}"] = about["encoder"]["sha256"]
            for name, sha256 in named.items():
                one = self.origin(name, sha256)
                found[name] = one if one.folder else replace(one, given=_given(name, sha256, papers))
        if (folder / PAGES).is_file():
            dataset = self._dataset_of(folder / PAGES)
            found[dataset.name] = dataset
        return found

    def _dataset_of(self, pages: Path) -> Origin:
        """Return the dataset that holds all pages of a corpus, byte for byte.

        A batch does not name it: other batches may grow without changing this one.
        """
        wanted = _pairs(pages, "page_id")
        for one in self._datasets if wanted else []:
            sha256, folder = one
            if _holds(folder / MANIFEST, wanted):
                # The next batch is of the same dataset, and another's manifest may have millions of rows.
                self._datasets.remove(one)
                self._datasets.insert(0, one)
                return self.origin(folder.name, sha256)
        sought = "no dataset below var holds these pages" if wanted else "none of these pages could be read"
        return Origin("pages", file_sha256(pages), None, sought=sought)


def _weights(known: Mapping[str, Path]) -> dict[str, str]:
    """Return SHA-256 of the weights in each sealed folder → SHA-256 of its seal, of equal ones the first."""
    found: dict[str, str] = {}
    for sha256, folder in known.items():
        # Datasets have no seal, and a broken one is named where a trace comes to it.
        with suppress(IntegrityError):
            if weights := read_seal(folder).get(WEIGHTS):
                found.setdefault(weights, sha256)
    return found


def _given(name: str, sha256: str, papers: Mapping[str, Any]) -> str:
    """Say what the weights are that a card names under ``data``, or nothing of what a task made.

    A card calls its start packaged or timm, a file or a bundle by its SHA-256; where, depends on its kind.
    """
    if f'"file:{sha256}"' in json.dumps(papers):
        return "a file that was given"
    settings = papers.get("settings", {})
    start = papers.get("weights") or papers.get("initial_weights") or settings.get("weights")
    return _GIVEN.get(start, "") if name == "weights" else ""


def _holds(manifest: Path, wanted: set[tuple[str, str]]) -> bool:
    """Say whether the ``manifest`` has all ``wanted`` pairs of item and SHA-256; it is read by batches."""
    missing, hashes = set(wanted), pa.array(sorted({sha256 for _, sha256 in wanted}))
    with pq.ParquetFile(manifest) as file:
        for batch in file.iter_batches(columns=["item_id", "sha256"]):
            rows = batch.filter(pc.is_in(batch["sha256"], hashes))
            missing -= set(zip(rows["item_id"].to_pylist(), rows["sha256"].to_pylist(), strict=True))
            if not missing:
                return True
    return False


def _pairs(table: Path, name: str) -> set[tuple[str, str]]:
    """Return id and SHA-256 of all rows whose bytes could be read."""
    columns = pq.read_table(table, columns=[name, "sha256"])
    pairs = zip(columns[name].to_pylist(), columns["sha256"].to_pylist(), strict=True)
    return {(one, sha256) for one, sha256 in pairs if sha256}
