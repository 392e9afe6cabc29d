"""What dataset assets expect of the resource that runs data stages. Its DVC form is elsewhere."""

from collections.abc import Callable
from typing import Protocol


class StageOutcome(Protocol):
    """What running a stage gave."""

    @property
    def md5(self) -> str:
        """The hash DVC keeps of the output."""

    @property
    def ran(self) -> bool:
        """Whether the stage's command ran."""


class Stages(Protocol):
    """The resource ``stages``."""

    def reproduce(self, stage: str, force: bool, say: Callable[[str], None]) -> StageOutcome:
        """Bring the output of ``stage`` up to date."""
