"""Seeds of seeds: what one photograph of a collection is drawn from."""

from zuroku.datasets.sample.noise import seeded_rng


def sub_seed(*keys: int) -> int:
    """Return a seed that depends on ``keys`` alone."""
    return int(seeded_rng(*keys).integers(2**62))
