"""Leakage from the photographs that answers come from into test: by distance, by group, by picture.

Answers come from a gallery of train and val, so both are compared with test. What to do about leakage is
for ``zuroku.datasets.place_splits``; here it is only measured and judged.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from zuroku.config import Settings
from zuroku.datasets.place_splits import promised_km, split_counts
from zuroku.datasets.places.sequences import sharing_sequences
from zuroku.evaluation.checks import raise_if_any
from zuroku.findings import Finding
from zuroku.geo.blocks import nearest_km

PLACE_SPLIT_CHECKS = ("one_split_per_group", "every_group_has_a_split", "municipality_in_every_split")
LEAKAGE_CHECKS = ("distance_kept", "no_shared_groups", "no_near_duplicates")

_REPORTED_KM = (1.0, 5.0, 25.0)
_GALLERY = ("train", "val")
_CELLS = 1 << 25
_SHOWN = 3


class LeakageSettings(Settings):
    """What counts as leakage.

    ``duplicate_cosine`` is the similarity from which two pictures are one; the shares are those of test
    photographs that are still tolerated. The distance is that which the splits promise; where they promise
    none, photographs of one spot (within a metre) are what must not be on both sides.
    """

    duplicate_cosine: float = Field(gt=-1, le=1)
    tolerated_same_spot: float = Field(default=0, ge=0, le=1)
    tolerated_duplicates: float = Field(default=0, ge=0, le=1)


@dataclass(frozen=True)
class PlaceLeakage:
    """What test and gallery have in common.

    ``promised_km`` is the distance that the splits promise, 0 for none. ``nearest_km`` ``(n,)`` is the
    distance of each test photograph to the gallery, in the order of ``item_ids``; ``sharing_sequences`` is of
    how many test photographs a sequence has others in the gallery (a panorama may be of four). ``duplicates``
    has columns item_id, twin, cosine: each test photograph that has a near duplicate in the gallery, with the
    most similar one.
    """

    item_ids: tuple[str, ...]
    gallery: int
    promised_km: float
    nearest_km: npt.NDArray[np.float64]
    shared_groups: tuple[str, ...]
    sharing_sequences: int
    duplicates: pd.DataFrame

    def within(self, km: float) -> int:
        """Return how many test photographs have one of the gallery at most ``km`` away."""
        return int((self.nearest_km <= km).sum())

    @property
    def numbers(self) -> dict[str, float | int]:
        """The numbers that a report shows."""
        known = self.nearest_km[np.isfinite(self.nearest_km)]
        return {
            "test": len(self.item_ids),
            "gallery": self.gallery,
            "least_km": float(known.min()) if len(known) else float("inf"),
            "median_km": float(np.median(known)) if len(known) else float("inf"),
            "within_1_m": self.within(0.001),
            "within_100_m": self.within(0.1),
            "shared_groups": len(self.shared_groups),
            "sharing_sequences": self.sharing_sequences,
            "near_duplicates": len(self.duplicates),
        }


def place_leakage(
    places: pd.DataFrame,
    splits: pd.DataFrame,
    embeddings: npt.NDArray[np.float32],
    duplicate_cosine: float,
) -> PlaceLeakage:
    """Compare the test photographs of ``places`` with those of train and val.

    ``places`` has columns item_id, group, latitude, longitude (degrees); ``splits`` group and split, where
    several rows may name one group (that is the fault looked for), and the distance they promise. Sequences
    are compared where ``places`` have them (``sequence``). ``embeddings`` ``(n, d)`` are in the
    order of ``places``, of any length: they are normalised here.

    Raises:
        EvaluationError: the rows do not fit together, or no photograph is of test.
    """
    of_split = {split: set(splits.loc[splits["split"] == split, "group"]) for split in ("test", *_GALLERY)}
    held = set().union(*(of_split[split] for split in _GALLERY))
    asked = places["group"].isin(of_split["test"]).to_numpy()
    known = places["group"].isin(held).to_numpy()
    raise_if_any(
        ([f"{len(embeddings)} embeddings for {len(places)} places"] if len(embeddings) != len(places) else [])
        + ([] if asked.any() else ["no photograph of test"]),
        expected="one embedding per place, and a test split with photographs",
        remedy="embed and split the same dataset",
    )
    where = places[["latitude", "longitude"]].to_numpy(dtype=np.float64)
    names = places["item_id"].to_numpy(dtype=object)
    return PlaceLeakage(
        item_ids=tuple(names[asked]),
        gallery=int(known.sum()),
        promised_km=promised_km(splits),
        nearest_km=nearest_km(where[asked], where[known]),
        shared_groups=tuple(sorted(of_split["test"] & held)),
        sharing_sequences=int(sharing_sequences(places, asked, known).sum()),
        duplicates=_near_duplicates(embeddings, names, asked, known, duplicate_cosine),
    )


def leakage_findings(leakage: PlaceLeakage, settings: LeakageSettings) -> list[Finding]:
    """Judge what was measured: one finding for each of ``LEAKAGE_CHECKS``, all fit to block promotion."""
    numbers = leakage.numbers
    n = len(leakage.item_ids)
    spot_km = leakage.promised_km or 0.001
    near = leakage.within(spot_km)
    allowed = 0 if leakage.promised_km else settings.tolerated_same_spot * n
    twins = leakage.duplicates
    pairs = ", ".join(f"{row.item_id} = {row.twin}" for row in twins.head(_SHOWN).itertuples())
    return [
        Finding(
            "distance_kept",
            near <= allowed,
            f"{near} of {n} test photographs lie within {spot_km:g} km of one of train or val, "
            f"the nearest at {numbers['least_km']:.3g} km",
            {name: numbers[name] for name in ("least_km", "median_km", "within_1_m", "within_100_m")}
            | {f"within_{km:g}_km": leakage.within(km) for km in _REPORTED_KM},
        ),
        Finding(
            "no_shared_groups",
            # A split at random, which promises no distance, parts no sequences either.
            not (leakage.shared_groups or (leakage.promised_km and leakage.sharing_sequences)),
            f"groups of test that are in train or val too: {list(leakage.shared_groups[:_SHOWN]) or 'none'}; "
            f"test photographs of a sequence that has others there: {leakage.sharing_sequences}",
            {name: numbers[name] for name in ("shared_groups", "sharing_sequences")},
        ),
        Finding(
            "no_near_duplicates",
            len(twins) <= settings.tolerated_duplicates * n,
            f"{len(twins)} of {n} test photographs have a near duplicate in train or val: {pairs or 'none'}",
            {"near_duplicates": len(twins), "cosine": settings.duplicate_cosine},
        ),
    ]


def place_split_findings(places: pd.DataFrame, splits: pd.DataFrame) -> list[Finding]:
    """Check that every group has one split, and that municipalities with three groups are in all of them.

    The last cannot hold where splits keep a distance, nor for municipalities that had fewer groups when
    they were first split: it informs, and should not block.
    """
    twice = splits.loc[splits["group"].duplicated(), "group"].tolist()
    without = sorted(set(places["group"]) - set(splits["group"]))
    counts = split_counts(places, splits.drop_duplicates("group"))
    wanted = counts[(counts["groups"] >= len(("train", "val", "test"))) & (counts["municipality"] != "")]
    lacking = wanted.loc[(wanted[["train", "val", "test"]] == 0).any(axis=1), "municipality"].tolist()
    return [
        Finding("one_split_per_group", not twice, f"groups in two splits: {twice[:_SHOWN] or 'none'}"),
        Finding(
            "every_group_has_a_split", not without, f"groups without a split: {without[:_SHOWN] or 'none'}"
        ),
        Finding(
            "municipality_in_every_split",
            not lacking,
            f"municipalities with three groups that a split lacks: {lacking[:_SHOWN] or 'none'}",
            {
                "municipalities": len(counts),
                "with_three_groups": len(wanted),
                "lacking": len(lacking),
                "dropped_photos": int(counts["none_photos"].sum()),
            },
        ),
    ]


def _near_duplicates(
    embeddings: npt.NDArray[np.float32],
    names: npt.NDArray[np.object_],
    asked: npt.NDArray[np.bool_],
    known: npt.NDArray[np.bool_],
    least: float,
) -> pd.DataFrame:
    """Return the test items with a cosine of at least ``least``, the most similar pairs first."""
    found = pd.DataFrame({"item_id": [], "twin": [], "cosine": []})
    if not known.any():
        return found
    gallery, places = _normalised(embeddings[known]), np.flatnonzero(known)
    parts = [found.astype({"item_id": object, "twin": object, "cosine": float})]
    rows = np.flatnonzero(asked)
    step = max(1, _CELLS // len(gallery))
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        cosines = _normalised(embeddings[part]) @ gallery.T
        # One that is on both sides would meet itself: that fault is counted as a shared group.
        both = np.flatnonzero(known[part])
        cosines[both, np.searchsorted(places, part[both])] = -np.inf
        best = cosines.argmax(axis=1)
        value = cosines[np.arange(len(part)), best]
        alike = value >= least
        parts.append(
            pd.DataFrame(
                {
                    "item_id": names[part[alike]],
                    "twin": names[places[best[alike]]],
                    "cosine": value[alike].astype(float),
                }
            )
        )
    return pd.concat(parts).sort_values(["cosine", "item_id"], ascending=[False, True], ignore_index=True)


def _normalised(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)
    return unit
