"""The router: which embedder's space a figure lies in, by its primary tag.

A space is the vectors of one embedder; vectors of two spaces are never compared. Names in, names out: no
model, no file.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator

from zuroku.config import Settings
from zuroku.errors import ConfigError

UNTAGGED = "untagged"
"""The primary tag of figures to which the tagger gave no tag."""

SpaceName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,63}$")]
"""A space also names a folder."""


def primary_tag(tags: Sequence[str]) -> str:
    """Return the tag that stands for a figure with ``tags``, which come in the order of the labels.

    Labels stand from the general to the special, so the last is the most telling.
    """
    return tags[-1] if tags else UNTAGGED


@dataclass(frozen=True)
class Route:
    """The space that was chosen, and why, as a phrase."""

    space: str
    reason: str


class RouteSettings(Settings):
    """Which tag goes to which space; all other tags go to ``default``.

    The defaults are those of Aoike 2021, section 3.2.1: objects by the embedder trained on iMet by way of
    Open Images, landmarks by that of section 3.2.2, the rest by the one trained on iMet alone; indoor scenes
    are to get an embedder of their own. ``empty_slots`` names the spaces that may still lack theirs.
    """

    default: SpaceName = "general"
    routes: Mapping[str, SpaceName] = {
        "picture_object": "museum",
        "picture_landmark": "landmark",
        "picture_indoor": "indoor_scene",
    }
    empty_slots: tuple[str, ...] = Field(
        default=("museum", "landmark", "indoor_scene"),
        description="spaces that may lack an embedder: until they have one, their tags go to the default",
    )

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if unknown := sorted(set(self.empty_slots) - set(self.routes.values())):
            raise ValueError(f"no tag is routed to the empty slots {', '.join(unknown)}")
        if self.default in self.empty_slots:
            raise ValueError(f"the default space {self.default} cannot be an empty slot")
        return self

    def check(self, embedders: Collection[str]) -> None:
        """Check that the spaces with ``embedders`` are those that the routes name, but for empty slots.

        Raises:
            ConfigError: an embedder is missing, or no tag would ever go to one.
        """
        named = {self.default, *self.routes.values()}
        faults = [f"no embedder for {name}" for name in sorted(named - {*embedders, *self.empty_slots})]
        faults += [f"no tag goes to {name}" for name in sorted(set(embedders) - named)]
        if faults:
            raise ConfigError(
                f"routes and embedders do not fit together: {', '.join(faults)}",
                expected=f"an embedder for each of {', '.join(sorted(named))}, but for the empty slots "
                f"{', '.join(self.empty_slots) or '(none)'}",
                remedy="give the embedder, name its space as an empty slot, or change the routes",
            )

    def route(self, tag: str, spaces: Collection[str]) -> Route:
        """Return where among ``spaces`` a figure with the primary ``tag`` belongs.

        Raises:
            ConfigError: neither the tag's space nor the default is there.
        """
        wanted = self.routes.get(tag, self.default)
        if wanted in spaces:
            return Route(wanted, f"where {tag} belongs" if tag in self.routes else f"the default for {tag}")
        if self.default in spaces:
            return Route(self.default, f"the default, because {wanted}, where {tag} belongs, is empty")
        raise ConfigError(
            f"no space for {tag}: neither {wanted} nor the default {self.default}",
            expected=f"one of {', '.join(sorted(spaces))}",
            remedy="name the space to search, or build with the embedder of the default space",
        )
