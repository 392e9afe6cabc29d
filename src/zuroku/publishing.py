"""Publishing a released bundle where users read it: verified, switched atomically, old ones kept.

champion                    link to the version in use
versions/<16 digits>/       the last few versions
publication.json            the profile that published last, and the versions in the order they were in use
held/<16 digits>            one file for each version that was taken back: it is not published again
.<model>.lock               held while alias and link of a model are moved (``turn``)
"""

import json
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from zuroku.artifacts import Artifact, build, locked, verify, write_atomically
from zuroku.errors import BundleError, ConfigError, IntegrityError, ZurokuError

GENERATED = "sample"
"""The profile of generated data: whatever it published, any other may replace."""

_KEPT_VERSIONS = 3


def publish(bundle: Artifact, champion: Path, by: str) -> Artifact:
    """Copy ``bundle`` beside ``champion`` and make ``champion`` a link to the copy, for the profile ``by``.

    A reader sees the old bundle or the new one, never a mixture. Doing it twice changes nothing.
    The last few versions stay for rollback.

    Raises:
        IntegrityError: the bundle, or the copy, is not what was sealed.
        Everything that ``require_publishable`` raises.
    """
    require_publishable(bundle.sha256, champion, by)
    verify(bundle.path, bundle.sha256)
    versions = champion.parent / "versions"
    target = versions / _name(bundle.sha256)
    copy = build(target, lambda work: _copy_files(bundle.path, work))
    if copy.sha256 != bundle.sha256:
        raise IntegrityError(
            f"the copy in {target} has seal {copy.sha256}",
            expected=f"the bundle's seal {bundle.sha256}",
            remedy=f"delete {target} and publish again",
        )
    with locked(versions / ".champion.lock"):
        require_publishable(bundle.sha256, champion, by)
        history = _history(champion)
        if target.name in history and _hold(champion, history[-1]).exists():
            # A rollback that was killed before the link moved is finished, and is no new use.
            history = history[: len(history) - history[::-1].index(target.name)]
        if history[-1:] != [target.name]:
            history.append(target.name)
        _switch(champion, _Publication(by, history), target)
        _forget_old(versions, keep=target)
    return Artifact(champion, copy.sha256)


def turn(
    champion: Path, wait: bool = True, say: Callable[[str], None] = lambda line: None
) -> AbstractContextManager[IO[str]]:
    """Return the lock on the model published at ``champion``: who moves alias and link takes it for both.

    Profiles have queues of their own, but one registry. What moves the link alone needs no turn.
    ``say`` is told before another's turn is waited for.

    Raises:
        BusyError: on entering, ``wait`` is false and another process has its turn.
    """
    return locked(champion.parent / f".{champion.parent.name}.lock", wait, say)


def published(champion: Path) -> Artifact | None:
    """Return the verified bundle that ``champion`` points to, or None where nothing is published."""
    return verify(champion) if champion.exists() else None


def publisher(champion: Path) -> str | None:
    """Return the profile that published last at ``champion``, or None where none is recorded."""
    return _read(champion).published_by


def require_publishable(sha256: str, champion: Path, by: str) -> None:
    """Refuse what must not become the champion, before anything is moved to it.

    The link says what is in use: of a model, ask when a kill has left it behind the alias no longer.

    Raises:
        BundleError: the version was taken back, and is held.
        ConfigError: another profile published what is there (see ``require_publisher``).
    """
    require_publisher(champion, publisher(champion), by)
    held = _hold(champion, _name(sha256))
    # Of a rollback that was stopped half-way, the version in use is held and stays in use.
    if held.exists() and champion.resolve().name != held.name:
        raise BundleError(
            f"version {held.name} of {champion.parent.name} was taken back, and is held",
            expected="another version",
            remedy=f"make one, or delete {held} if this one is good after all",
        )


def require_publisher(champion: Path, owner: str | None, by: str) -> None:
    """Refuse the profile ``by`` where ``owner`` published at ``champion``, unless that was generated data.

    Raises:
        ConfigError: two profiles would take turns there, and judge each other's models by their own data.
    """
    if owner not in (None, by, GENERATED):
        raise ConfigError(
            f"{champion.parent.name} in {champion.parent.parent} was published by the profile {owner}",
            expected=f"nothing there, or what the profile {by} or {GENERATED} published",
            remedy=f"give the model or index another name in configs/{by}, or use another folder for var "
            "(ZUROKU_ROOT), with a registry of its own",
        )


def require_index(champion: Path) -> None:
    """Refuse a model where an index is meant.

    Raises:
        BundleError: what is published at ``champion`` has a model's card.
    """
    name = champion.parent.name
    if (champion / "card.json").is_file():
        raise BundleError(
            f"{name} is a model: its champion stands in the registry too",
            expected="an index",
            remedy=f"run `make rollback MODEL={name}`, which moves both",
        )


def rollback(
    champion: Path,
    announce: Callable[[Artifact], None] = lambda version: None,
    released: str | None = None,
) -> Artifact:
    """Make ``champion`` a link to the version in use before it, and return that one; the one left is held.

    A second rollback goes back further, past what is held. ``announce`` is given the version before the link
    moves: what it raises stops the rollback. A ``ZurokuError`` says that it has refused, and nothing is held
    by that; after anything else it may have moved its part, so the hold stays, and a second call finishes.
    The version left stays on disk, and is not published again while it is held.

    ``released`` is the seal of what the registry calls champion, where there is one: if that was never
    published, because its release was killed, it is the version left, and what is published stays.

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
        history = _history(champion)
        # Where the published version is held, a rollback was killed, and has only to be finished.
        if released and _name(released) != history[-1] and not _hold(champion, history[-1]).exists():
            history.append(_name(released))
        left = history[-1]
        earlier = [name for name in history if name != left and not _hold(champion, name).exists()]
        if not earlier or not (versions / earlier[-1]).exists():
            raise _nothing_before(champion, left, history)
        target = verify(versions / earlier[-1])
        held = _hold(champion, left)
        held.parent.mkdir(exist_ok=True)
        # A call that was stopped has held it already, and may have moved the alias.
        unfinished = held.exists()
        # Before anything moves: a kill in between leaves nothing that would publish it again.
        held.touch()
        try:
            announce(target)
        except ZurokuError:
            if not unfinished:
                held.unlink()
            raise
        _switch(champion, _Publication(publisher(champion), history), target.path)
    return Artifact(champion, target.sha256)


def _nothing_before(champion: Path, left: str, history: list[str]) -> BundleError:
    versions = champion.parent / "versions"
    # What a rollback left lies behind the link, and is no version before it.
    holds = {_hold(champion, name) for name in history if name != left and (versions / name).exists()}
    taken = sorted(str(hold) for hold in holds if hold.exists())
    return BundleError(
        f"no version before {left} is kept"
        + (", except such as were taken back themselves" if taken else ""),
        expected=f"a version that was in use before it, in {versions}",
        remedy="build the bundle that you want and publish it"
        + (f", or delete {' or '.join(taken)} to go back to that one" if taken else ""),
    )


@dataclass(frozen=True)
class _Publication:
    """What ``publication.json`` says. ``history`` may run ahead of the link: see ``_history``."""

    published_by: str | None = None
    history: list[str] = field(default_factory=list)


def _name(sha256: str) -> str:
    return sha256[:16]


def _hold(champion: Path, version: str) -> Path:
    return champion.parent / "held" / version


def _record(champion: Path) -> Path:
    return champion.parent / "publication.json"


def _read(champion: Path) -> _Publication:
    path = _record(champion)
    return _Publication(**json.loads(path.read_bytes())) if path.is_file() else _Publication()


def _history(champion: Path) -> list[str]:
    """Return the versions in the order they were in use, that of ``champion`` last; none without one.

    What the record has after it was never reached, because of a kill, or was gone back from.
    """
    if not champion.exists():
        return []
    in_use, history = champion.resolve().name, _read(champion).history
    while history and history[-1] != in_use:
        history.pop()
    return history or [in_use]


def _switch(champion: Path, publication: _Publication, target: Path) -> None:
    # The record first: a kill in between leaves the champion, and the way back from it, as they were.
    write_atomically(_record(champion), (json.dumps(asdict(publication), indent=2) + "\n").encode())
    # The versions last in use are kept, and this one is in use from now on.
    os.utime(target)
    aside = champion.with_name(f".{champion.name}.{os.getpid()}")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target.resolve().relative_to(champion.parent.resolve()).as_posix())
    os.replace(aside, champion)


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
