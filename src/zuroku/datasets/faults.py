"""Faults of an input from outside, gathered so that a user sees all of them at once.

Only the gathering and the wording live here. What counts as a fault, each reader knows itself.
"""

from zuroku.errors import SourceError

_SHOWN = 5


class FaultList:
    """Kinds of fault, each with the places where it was met, in the order they were met."""

    def __init__(self) -> None:
        self._places: dict[str, list[str]] = {}

    def add(self, kind: str, place: str) -> None:
        """Note that ``kind`` (a phrase in the plural) was met at ``place``."""
        self._places.setdefault(kind, []).append(place)

    def raise_if_any(self, subject: str, *, expected: str, remedy: str) -> None:
        """Raise one ``SourceError`` about ``subject``: every kind with its count and first five places."""
        if not self._places:
            return
        total = sum(map(len, self._places.values()))
        kinds = "; ".join(f"{len(places)} {kind} ({_first(places)})" for kind, places in self._places.items())
        raise SourceError(
            f"{subject} has {total} fault{'s' if total > 1 else ''}: {kinds}",
            expected=expected,
            remedy=remedy,
        )


def _first(places: list[str]) -> str:
    rest = len(places) - _SHOWN
    return ", ".join(places[:_SHOWN]) + (f", and {rest} more" if rest > 0 else "")
