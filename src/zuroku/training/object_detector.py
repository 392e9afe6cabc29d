"""A detector of objects, whatever they are: what cuts scenes into the things in them.

Network, loop and thresholds are those of ``layout_detector``; here all annotated boxes become one class.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, field_validator

from zuroku.artifacts import Artifact
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.zones import Zone
from zuroku.tracking import Tracker
from zuroku.training.layout_detector import LayoutDetectorSettings, train_layout_detector

OBJECT = "object"


class ObjectDetectorSettings(LayoutDetectorSettings):
    """What is trained. There is one class, since a crop needs no name, and few boxes teach one soonest."""

    classes: list[str] = Field(default=[OBJECT])
    figure_classes: list[str] = Field(default=[OBJECT])
    images: int | None = Field(
        default=None, ge=2, description="at most so many, evenly spread: all their pixels are kept on disk"
    )

    @field_validator("classes", "figure_classes")
    @classmethod
    def _is_the_one(cls, names: list[str]) -> list[str]:
        if names != [OBJECT]:
            raise ValueError(f"boxes of every class become {OBJECT!r}; leave the classes out")
        return names


@dataclass(frozen=True)
class _Objects(Dataset):
    """The annotated images of a dataset, at most ``most``, with all zones of one class."""

    most: int | None = None

    def rows(self) -> list[Any]:
        annotated = np.flatnonzero(self.zone_column.is_valid())
        every = 1 if self.most is None else -(-len(annotated) // self.most) or 1
        return list(self.manifest.iloc[annotated[::every]].itertuples())

    def zones(self, row: Any) -> tuple[Zone, ...]:
        return tuple(replace(zone, label=OBJECT) for zone in super().zones(row))


def train_object_detector(
    dataset: Dataset,
    splits: Artifact,
    settings: ObjectDetectorSettings,
    target: Path,
    code_version: str,
    tracker: Tracker,
) -> Artifact:
    """Train on the boxes of ``dataset``, whatever their classes, and write the bundle to ``target``.

    Killed and called again, it goes on after the last finished epoch.
    """
    objects = _Objects(dataset.root, settings.images)
    return train_layout_detector(objects, splits, settings, target, code_version, tracker, "object_detector")
