"""The generated collections of photographs, in the layouts of the published ones.

This is the package's public face: what is listed here is drawn item by item, in any process.
"""

from pydantic import Field

from zuroku.config import Settings
from zuroku.datasets.sample.photos.holidays import holidays_sample
from zuroku.datasets.sample.photos.museum import museum_sample
from zuroku.datasets.sample.photos.open_images import open_images_sample
from zuroku.datasets.sample.photos.oxford import plan_town, town_items, town_texts
from zuroku.datasets.sample.photos.places.architecture import LANDMARKS
from zuroku.datasets.sample.photos.ukbench import ukbench_sample
from zuroku.datasets.source import SourceItem
from zuroku.errors import ConfigError


class PhotoSampleSettings(Settings):
    """How many photographs are generated, and of what; the seed fixes every pixel."""

    seed: int = Field(default=0, ge=0)
    subjects: int = Field(
        ge=1,
        description="objects of four photographs (ukbench), scenes of two to four (holidays), landmarks "
        "of thirteen (oxford), or photographs",
    )
    distractors: int = Field(default=0, ge=0, description="oxford: photographs that show no landmark")
    size_px: int = Field(default=224, ge=96, le=448, description="of the longer side")


def sample_items(layout: str, settings: PhotoSampleSettings) -> list[SourceItem]:
    """List the generated photographs of ``layout``; equal settings give equal photographs.

    Raises:
        ConfigError: more landmarks than there are, or nothing is generated for that layout.
    """
    if layout == "ukbench":
        return ukbench_sample(settings.seed, settings.subjects, settings.size_px)
    if layout == "holidays":
        return holidays_sample(settings.seed, settings.subjects, settings.size_px)
    if layout == "oxford":
        _check_landmarks(settings)
        return town_items(plan_town(settings.seed, settings.subjects, settings.distractors, settings.size_px))
    if layout == "imet2019":
        return museum_sample(settings.seed, settings.subjects, settings.size_px)
    if layout == "open_images":
        return open_images_sample(settings.seed, settings.subjects, settings.size_px)
    raise ConfigError(
        f"nothing is generated in the layout {layout!r}",
        expected="ukbench, holidays, oxford, imet2019 or open_images",
        remedy="choose one of these, or another source",
    )


def sample_texts(layout: str, settings: PhotoSampleSettings) -> dict[str, str]:
    """Return the texts of the ground truth by file name; there are none but for ``oxford``."""
    if layout != "oxford":
        return {}
    return town_texts(plan_town(settings.seed, settings.subjects, settings.distractors, settings.size_px))


def _check_landmarks(settings: PhotoSampleSettings) -> None:
    if settings.subjects > len(LANDMARKS):
        raise ConfigError(
            f"{settings.subjects} landmarks are asked for",
            expected=f"at most {len(LANDMARKS)}",
            remedy="lower generated.subjects",
        )
