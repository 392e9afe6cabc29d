"""The list of a corpus's batches: names, places and hashes, so that the whole has one version."""

import json
from collections.abc import Mapping
from pathlib import Path

from zuroku.artifacts import Artifact, build, verify
from zuroku.corpus.figure_corpus import FigureCorpus

_LIST = "batches.json"
_COUNTED = ("pages", "figures", "bad_pages")


def list_batches(batches: Mapping[str, Artifact], home: Path, target: Path) -> Artifact:
    """Write the list of ``batches`` (name → figure corpus below ``home``) and their sums to ``target``."""

    def write(folder: Path) -> None:
        places = {
            name: {"path": str(batch.path.resolve().relative_to(home.resolve())), "sha256": batch.sha256}
            for name, batch in sorted(batches.items())
        }
        cards = [FigureCorpus(batch.path).card for batch in batches.values()]
        sums = {name: sum(card[name] for card in cards) for name in _COUNTED} | {"batches": len(batches)}
        (folder / _LIST).write_text(json.dumps(places, indent=2) + "\n", encoding="utf-8")
        (folder / "summary.json").write_text(json.dumps(sums, indent=2) + "\n", encoding="utf-8")

    return build(target, write)


def read_batches(folder: Path, home: Path) -> dict[str, Artifact]:
    """Return the verified batches that the list in ``folder`` names.

    Raises:
        IntegrityError: a batch is gone or has changed.
    """
    places = json.loads((folder / _LIST).read_text(encoding="utf-8"))
    return {name: verify(home / place["path"], place["sha256"]) for name, place in places.items()}
