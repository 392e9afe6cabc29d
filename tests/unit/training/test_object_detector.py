"""The detector of objects has one class, whatever the boxes that it learns from are called."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from zuroku.datasets.manifest import MANIFEST, MANIFEST_SCHEMA, write_table
from zuroku.training.object_detector import OBJECT, ObjectDetectorSettings, _Objects


def test_it_has_one_class() -> None:
    settings = ObjectDetectorSettings()
    assert settings.classes == settings.figure_classes == [OBJECT]


@pytest.mark.parametrize("field", ["classes", "figure_classes"])
def test_other_classes_are_refused(field: str) -> None:
    with pytest.raises(ValidationError, match="boxes of every class become 'object'"):
        ObjectDetectorSettings.model_validate({field: ["vase"]})


@pytest.mark.parametrize(("most", "chosen"), [(None, [1, 2, 4, 5, 7, 8]), (3, [1, 4, 7]), (4, [1, 4, 7])])
def test_it_learns_from_annotated_images_evenly_spread(
    tmp_path: Path, most: int | None, chosen: list[int]
) -> None:
    box = {"label": "vase", "x_min": 0, "y_min": 0, "x_max": 9, "y_max": 9, "text": "", "direction": ""}
    rows = [{"item_id": str(n), "zones": [box] * n if n % 3 else None} for n in range(9)]
    write_table(
        [dict.fromkeys(MANIFEST_SCHEMA.names) | row for row in rows], MANIFEST_SCHEMA, tmp_path / MANIFEST
    )
    objects = _Objects(tmp_path, most)
    found = objects.rows()
    assert [row.item_id for row in found] == [str(n) for n in chosen]
    assert [len(objects.zones(row)) for row in found] == chosen
    assert {zone.label for row in found for zone in objects.zones(row)} == {OBJECT}
