"""Publishing a released bundle where users read it: verified, switched atomically, old ones kept."""

import os
import shutil
from pathlib import Path

from zuroku.artifacts import Artifact, build, verify
from zuroku.errors import IntegrityError

_KEPT_VERSIONS = 3


def publish(bundle: Artifact, champion: Path) -> Artifact:
    """Copy ``bundle`` beside ``champion`` and make ``champion`` a link to the copy.

    A reader sees the old bundle or the new one, never a mixture. Doing it twice changes nothing.
    The last few versions stay for rollback.

    Raises:
        IntegrityError: the bundle, or the copy, is not what was sealed.
    """
    verify(bundle.path, bundle.sha256)
    versions = champion.parent / "versions"
    target = versions / bundle.sha256[:16]
    copy = build(target, lambda work: _copy_files(bundle.path, work))
    if copy.sha256 != bundle.sha256:
        raise IntegrityError(
            f"the copy in {target} has seal {copy.sha256}",
            expected=f"the bundle's seal {bundle.sha256}",
            remedy=f"delete {target} and publish again",
        )
    # The versions last in use are kept, and this one is in use from now on.
    os.utime(target)
    link = champion.parent / f".champion.{os.getpid()}"
    link.unlink(missing_ok=True)
    link.symlink_to(target.relative_to(champion.parent))
    os.replace(link, champion)
    _forget_old(versions, keep=target)
    return Artifact(champion, copy.sha256)


def published(champion: Path) -> Artifact | None:
    """Return the verified bundle that ``champion`` points to, or None where nothing is published."""
    return verify(champion) if champion.exists() else None


def _copy_files(source: Path, work: Path) -> None:
    for path in source.rglob("*"):
        if path.is_file():
            (work / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, work / path.relative_to(source))


def _forget_old(versions: Path, keep: Path) -> None:
    folders = [path for path in versions.iterdir() if path.is_dir() and not path.name.startswith(".")]
    folders.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in [path for path in folders if path != keep][_KEPT_VERSIONS - 1 :]:
        shutil.rmtree(path)
