"""What of a folder from outside may be read: plain files with text names that do not leave it.

Nothing here knows labels or books.
"""

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

from zuroku.datasets.faults import FaultList
from zuroku.errors import SourceError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff"})

# Left behind by Windows and macOS; names that begin with a dot are passed over as well.
_DEBRIS = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


def existing_folder(root: Path) -> Path:
    """Return ``root`` as an absolute path without links.

    Raises:
        SourceError: there is no such folder.
    """
    if not root.is_dir():
        raise SourceError(
            f"{root} is {'not a folder' if root.exists() else 'missing'}",
            expected="the folder of the collection",
            remedy="check the root in the configuration, or fetch the collection first",
        )
    return root.resolve()


def is_image(path: Path) -> bool:
    """Say whether the suffix, in any case, is one of ``IMAGE_SUFFIXES``."""
    return path.suffix.lower() in IMAGE_SUFFIXES


def list_folder(folder: Path, root: Path, faults: FaultList) -> tuple[list[Path], list[Path]]:
    """Return the files and the folders directly in ``folder``, each sorted by name.

    Hidden names and what operating systems leave behind are passed over. Names that are not UTF-8,
    linked folders, links that lead out of ``root`` and things that are neither file nor folder are
    noted in ``faults``.

    Raises:
        SourceError: ``folder`` cannot be listed.
    """
    try:
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda entry: entry.name)
    except OSError as error:
        raise SourceError(
            f"{folder} cannot be listed: {error.strerror}",
            expected="a folder this user may read",
            remedy="change its rights (chmod u+rx)",
        ) from error
    files: list[Path] = []
    folders: list[Path] = []
    for entry in entries:
        if entry.name.startswith(".") or entry.name.lower() in _DEBRIS:
            continue
        path = Path(entry.path)
        if fault := _fault(entry, path, root):
            faults.add(fault, _printable(path.relative_to(root).as_posix()))
        elif path.is_dir():
            folders.append(path)
        else:
            files.append(path)
    return files, folders


def table_file(root: Path, name: str, place: str, faults: FaultList) -> Path | None:
    """Return the image that a table calls ``name`` (either kind of slash), or note the fault at ``place``."""
    inner = PurePosixPath(name.replace("\\", "/"))
    path = root / inner
    shown = f"{place}: {name!r}"
    if not name or inner.is_absolute() or ".." in inner.parts or PureWindowsPath(name).drive:
        faults.add("paths that are empty or leave the folder", shown)
    elif not is_image(path):
        faults.add("files that are no .jpg, .jpeg, .png, .tif or .tiff", shown)
    elif not os.path.isfile(path):
        faults.add("files that are missing", shown)
    elif not path.resolve().is_relative_to(root):
        faults.add("links that leave the folder", shown)
    else:
        return path
    return None


def _fault(entry: os.DirEntry[str], path: Path, root: Path) -> str:
    """Say what is wrong with an entry of a folder, or return an empty text."""
    if not _is_text(entry.name):
        return "names that are not UTF-8"
    if entry.is_symlink():
        if path.is_dir():
            return "linked folders"
        # realpath, unlike Path.resolve, survives links in a circle.
        if not Path(os.path.realpath(path)).is_relative_to(root):
            return "links that leave the folder"
    if not (path.is_file() or path.is_dir()):
        return "things that are neither file nor folder"
    return ""


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _printable(name: str) -> str:
    return name.encode(errors="backslashreplace").decode()
