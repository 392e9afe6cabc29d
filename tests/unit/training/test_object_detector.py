"""The detector of objects has one class, whatever the boxes that it learns from are called."""

import pytest
from pydantic import ValidationError

from zuroku.training.object_detector import OBJECT, ObjectDetectorSettings


def test_it_has_one_class() -> None:
    settings = ObjectDetectorSettings()
    assert settings.classes == settings.figure_classes == [OBJECT]


@pytest.mark.parametrize("field", ["classes", "figure_classes"])
def test_other_classes_are_refused(field: str) -> None:
    with pytest.raises(ValidationError, match="boxes of every class become 'object'"):
        ObjectDetectorSettings.model_validate({field: ["vase"]})
