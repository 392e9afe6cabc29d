"""Who allowed an index of places or a geolocator to leave this machine, and why: one line of JSON each.

Both tell where photographs were taken, so they are passed on only with a decision on record. Sending them
belongs to ``place_server`` and to the registry of models.
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from zuroku.artifacts import room
from zuroku.errors import BundleError
from zuroku.indexes.place_bundle import PlaceBundle

DECISIONS = "uploads.jsonl"


def record_decision(log: Path, bundle: PlaceBundle, address: str, decision: str) -> None:
    """Append to the file ``log`` that ``bundle`` may be sent to ``address``; see ``append_decision``.

    Raises:
        BundleError: the decision is empty.
        StorageError: the disk is full.
    """
    if not decision.strip():
        raise BundleError(
            f"no decision to pass on {bundle.manifest.settings.name}, which is {bundle.manifest.release}",
            expected="who allows it and why",
            remedy="name both in the decision",
        )
    append_decision(log, {"index": bundle.manifest.settings.name, "seal": bundle.sha256}, address, decision)


def append_decision(log: Path, what: Mapping[str, str], address: str, decision: str) -> None:
    """Append to the file ``log`` that ``what`` (its name and seal) may be sent to ``address``, and the time.

    ``decision`` says who allowed it and why. Of the address, host and port are kept: the rest may hold a
    password. The line is on disk when this returns.

    Raises:
        StorageError: the disk is full.
    """
    line = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        **what,
        "address": _host(address),
        "decision": decision.strip(),
    }
    with room(log, "one line"):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())


def _host(address: str) -> str:
    whole = address if "://" in address else f"//{address}"
    return urlsplit(whole).netloc.rpartition("@")[2]
