"""What the promotion gate asks of geolocators besides the constants of every gate.

The rule itself is ``gate``'s; how answers are made and counted belongs to ``reports.geolocation_release``.
"""

from pydantic import Field

from zuroku.evaluation.gate import GateSettings


class GeolocatorGateSettings(GateSettings):
    """The gate compares shares of answers within ``within_km``.

    25 km, a city in GeoCLIP's tables, tells models of a country apart; within one city any answer is as near.
    """

    within_km: float = Field(default=25, gt=0, allow_inf_nan=False)
