"""Google Street View: the place where a provider would stand, and why none does.

Nothing here asks the server anything.
"""

from typing import NoReturn

from pydantic import Field, SecretStr

from zuroku.config import Settings
from zuroku.errors import ConfigError


class GoogleStreetViewSettings(Settings):
    """What somebody with an agreement of their own would configure."""

    own_agreement: bool = Field(
        default=False, description="a written agreement with Google allows to store images and train on them"
    )
    key: SecretStr | None = Field(default=None, exclude=True, repr=False)


def google_street_view(settings: GoogleStreetViewSettings) -> NoReturn:
    """Say that there is no such provider, and which terms stand against it.

    Raises:
        ConfigError: always. The terms of the Google Maps Platform forbid scraping, storing images beyond
            what they name, and training models on them, so zuroku implements no fetching on purpose.
    """
    terms = (
        "Google Street View is not available: the Google Maps Platform terms forbid to scrape, to store "
        "and to train on its images, and each request needs a paid key"
    )
    if not settings.own_agreement:
        raise ConfigError(
            terms,
            expected="an open source, or own_agreement: true with a key under an agreement of your own",
            remedy="use source: mapillary or source: folder",
        )
    missing = "" if settings.key is not None else ", and no key is given"
    raise ConfigError(
        f"{terms}{missing}; zuroku leaves fetching out on purpose, whatever own_agreement says",
        expected="a PlaceProvider written by whoever has such an agreement",
        remedy="export the images under your agreement and read them with source: folder",
    )
