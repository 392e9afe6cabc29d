"""The sequences that a photograph was taken in: a panorama of four images may be of four.

The table of places names them in one text. Which split a photograph goes to belongs to ``place_splits``.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from zuroku.datasets.places.table import PLACES, read_places

SEQUENCE = "sequence"
_SEPARATOR = "; "


def joined_sequences(names: Iterable[str]) -> str:
    """Return the text of the sequences ``names``, each once, in their order; empty ones are left out."""
    return _SEPARATOR.join(dict.fromkeys(filter(None, names)))


def with_sequences(places: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Return ``places`` with the column ``sequence`` of the dataset at ``root``, if it has places.

    Raises:
        IntegrityError: its table of places is not that of its items.
    """
    if not (root / PLACES).is_file():
        return places
    sequences = read_places(root).set_index("item_id")[SEQUENCE]
    return places.assign(**{SEQUENCE: sequences.reindex(places["item_id"]).fillna("").to_numpy()})


def sharing_sequences(
    places: pd.DataFrame, mine: npt.NDArray[np.bool_], others: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Say which of ``mine`` ``(n,)`` have a sequence in common with ``others``; without the column none."""
    if SEQUENCE not in places:
        return np.zeros(len(places), dtype=np.bool_)
    names = pd.Series(places[SEQUENCE].to_numpy(dtype=object)).str.split(_SEPARATOR).explode()
    names = names[names != ""]
    held = set(names[others[names.index]])
    shared = np.zeros(len(places), dtype=np.bool_)
    shared[names.index[names.isin(held)]] = True
    return shared & mine
