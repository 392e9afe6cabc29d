"""How large a made-up land is, where it lies, and how many areas it has; nothing else."""

from pydantic import Field

from zuroku.config import Settings


class LandSettings(Settings):
    """A land in the style of Japan's administration; equal settings give an equal land.

    It lies in the open Pacific and its prefecture codes begin at 91, so that nobody takes it for a place
    that exists. The first municipality of a prefecture is its capital, a city with more towns.
    """

    seed: int = Field(default=0, ge=0)
    prefectures: int = Field(default=4, ge=1, le=9)
    municipalities: int = Field(default=3, ge=1, le=12, description="in each prefecture")
    towns: int = Field(default=4, ge=1, le=12, description="in each municipality")
    capital_towns: int = Field(default=7, ge=1, le=16, description="in the capital of each prefecture")
    width_km: float = Field(default=300.0, ge=60, le=600, description="from west to east")
    height_km: float = Field(default=200.0, ge=60, le=600)
    latitude: float = Field(default=31.5, ge=-60, le=60, description="of the middle, degrees")
    longitude: float = Field(default=151.5, ge=-170, le=170)
