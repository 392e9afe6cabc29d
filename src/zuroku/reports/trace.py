"""From a model or an index back to the datasets it came from, by the SHA-256 that each step wrote down.

Cards and manifests name their inputs under ``data``; indexes name their encoders too. Names lead nowhere by
themselves: an input is found below ``var`` by the bytes of its seal or manifest, and its seal is verified.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zuroku.artifacts import SEAL, file_sha256, verify
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
    proofs = (path for pattern in _PROOFS for path in sorted(var.glob(pattern)))
    known = {file_sha256(path): path.parent for path in proofs}
    sha256 = file_sha256(bundle / SEAL)
    return _origin(bundle.parent.name, sha256, known | {sha256: bundle.resolve()})


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


def _origin(name: str, sha256: str, known: dict[str, Path]) -> Origin:
    folder = known.get(sha256)
    if folder is None:
        return Origin(name, sha256, None)
    try:
        if (folder / SEAL).is_file():
            verify(folder, sha256)
    except IntegrityError as error:
        # What its papers say cannot be believed either.
        return Origin(name, sha256, folder, error.found)
    return Origin(name, sha256, folder, inputs=[_origin(*one, known) for one in _inputs(folder).items()])


def _inputs(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of what the papers in ``folder`` name; a dataset is where a trace ends."""
    found: dict[str, str] = {}
    for path in [folder / name for name in _PAPERS if (folder / name).is_file()]:
        papers: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        found |= papers.get("data", {})
        if encoder := papers.get("encoder_sha256"):
            found["encoder"] = encoder
        for space, about in papers.get("spaces", {}).items():
            found[f"encoder {space}"] = about["encoder"]["sha256"]
    return found
