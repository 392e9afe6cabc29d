"""What assets publish, and whether it is still there: what is served is looked at, not only what was made.

This runs at every ``make demo``, so only what shows a trace of change is hashed; whoever uses a bundle
verifies all of it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from assets import corpus, geolocation
from assets.lineages import configured
from assets.tracking import Champion
from zuroku.artifacts import SEAL, file_sha256, read_seal, verify
from zuroku.corpus.indexing import FigureIndexingSettings
from zuroku.errors import IntegrityError
from zuroku.profile import Profile
from zuroku.reports.place_indexing import PlaceSwitchSettings
from zuroku.reports.release import ReleaseSettings


@dataclass(frozen=True)
class Publication:
    """Where an asset publishes, and the registered model whose alias it follows; indexes have none."""

    folder: Path
    model: str | None = None


def publications(profile: Profile) -> Mapping[dg.AssetKey, Publication]:
    """Return what each release and index of ``profile`` publishes."""
    found = {}
    for name, one in configured(profile).items():
        if issubclass(one.kind, ReleaseSettings):
            model = profile.load(one.task, one.kind).model
            found[dg.AssetKey(name)] = Publication(profile.champion(model), model)
        elif name == corpus.INDEX:
            found[dg.AssetKey(name)] = Publication(
                profile.champion(profile.load(one.task, FigureIndexingSettings).name)
            )
        elif name == geolocation.INDEX:
            served = profile.load(one.task, PlaceSwitchSettings).index.name
            found[dg.AssetKey(name)] = Publication(profile.champion(served))
    return found


def publication_fault(one: Publication, champion: Callable[[str], Champion | None]) -> str:
    """Say what is wrong with what is served, or nothing; ``champion`` looks an alias up.

    Of an index, a version other than the last is no fault: somebody may have rolled it back.
    """
    alias = champion(one.model) if one.model else None
    if not (one.folder / SEAL).is_file():
        # A gate that has let no model pass has published none.
        return "" if one.model and alias is None else "what it publishes is gone"
    if one.model and (alias is None or alias.sha256 != file_sha256(one.folder / SEAL)):
        return "what it published is not the champion of the registry"
    try:
        if _touched(one.folder.resolve()):
            verify(one.folder)
    except IntegrityError:
        return "what it published is damaged"
    return ""


def _touched(folder: Path) -> bool:
    """Say whether files came, went, or changed since the bundle in ``folder`` was sealed.

    The seal is the last file to be written, and hashing an index of millions of figures takes minutes.
    """
    seal = folder / SEAL
    listed = read_seal(folder).keys()
    present = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    sealed_at = seal.stat().st_mtime_ns
    return present.keys() != listed | {SEAL} or any(
        path.stat().st_mtime_ns > sealed_at for path in present.values()
    )
