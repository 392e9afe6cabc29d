"""A finding: what a check of data or of a model came to, in words and numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Finding:
    """``says`` is a sentence for people; ``numbers`` are shown beside it."""

    check: str
    passed: bool
    says: str
    numbers: Mapping[str, float | int | str] = field(default_factory=dict)
