"""Publishing a released bundle where users read it: verified, switched atomically, old ones kept.

champion                    link to the version in use
versions/<16 digits>/       the last few versions
versions/.<16 digits>.before
                            link from a version to the one in use before it
"""

import os
import shutil
from pathlib import Path

from zuroku.artifacts import Artifact, build, locked, verify
from zuroku.errors import BundleError, IntegrityError

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
    with locked(versions / ".champion.lock"):
        before = champion.resolve()
        if champion.exists() and before != target.resolve():
            # Before the switch: a kill in between leaves the champion and what came before it untouched.
            _link(_before(target), before.name)
        _switch(champion, target)
        _forget_old(versions, keep=target)
    return Artifact(champion, copy.sha256)


def published(champion: Path) -> Artifact | None:
    """Return the verified bundle that ``champion`` points to, or None where nothing is published."""
    return verify(champion) if champion.exists() else None


def rollback(champion: Path) -> Artifact:
    """Make ``champion`` a link to the version in use before it, and return that one.

    The version left stays on disk; a second rollback goes back further.

    Raises:
        BundleError: nothing is published, or no version before it is kept.
        IntegrityError: that version is not what was sealed. The champion stays.
    """
    if not champion.exists():
        raise BundleError(
            f"nothing is published at {champion}",
            expected="a published bundle",
            remedy="publish one first, or name one that is published",
        )
    versions = champion.parent / "versions"
    with locked(versions / ".champion.lock"):
        left = champion.resolve()
        if not _before(left).exists():
            raise BundleError(
                f"no version before {left.name} is kept",
                expected=f"the version that was in use before it, in {versions}",
                remedy="build the bundle that you want and publish it",
            )
        target = _before(left).resolve()
        sha256 = verify(target).sha256
        _switch(champion, target)
    return Artifact(champion, sha256)


def _before(version: Path) -> Path:
    return version.with_name(f".{version.name}.before")


def _switch(champion: Path, target: Path) -> None:
    # The versions last in use are kept, and this one is in use from now on.
    os.utime(target)
    _link(champion, target.resolve().relative_to(champion.parent.resolve()).as_posix())


def _link(path: Path, to: str) -> None:
    """Make ``path`` a link to ``to`` in one step."""
    aside = path.with_name(f".{path.name.lstrip('.')}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    aside.symlink_to(to)
    os.replace(aside, path)


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
        _before(path).unlink(missing_ok=True)
