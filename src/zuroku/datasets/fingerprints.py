"""Fingerprints of sources: what changes whenever the list of items may have changed.

A half-done ingest is continued, and a finished one left alone, only under the same fingerprint.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from zuroku.config import Settings, config_hash
from zuroku.datasets.source import SourceItem


def fingerprint(settings: Settings, lines: Iterable[str]) -> str:
    """Return the SHA-256 (hex) of the configuration and of what ``lines`` say about its source."""
    digest = hashlib.sha256(config_hash(settings).encode())
    for line in lines:
        digest.update(f"{line}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()


def listing_lines(*paths: Path) -> Iterator[str]:
    """Yield names, sizes and times of these files, and of those below these folders.

    That is what can change on a disk without anyone saying so.
    """
    for path in paths:
        found = [path] if path.is_file() else sorted(p for p in path.rglob("[!.]*") if p.is_file())
        for file in found:
            status = file.stat()
            yield f"{file.relative_to(path)!s}\0{status.st_size}\0{status.st_mtime_ns}"


def item_lines(items: Iterable[SourceItem]) -> Iterator[str]:
    """Yield what a list of items says without reading them."""
    for item in items:
        yield f"{item.item_id}\0{item.label}\0{item.source_url}"
