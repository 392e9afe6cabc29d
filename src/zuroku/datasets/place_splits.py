"""Splits of photographs of places: at random within each municipality, or a distance apart.

Permanent as those of ``splits``: what was assigned to a group stays, and the ledger is only extended. How
near train and test came is reported by ``zuroku.evaluation.place_leakage``.
"""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import Field

from zuroku.artifacts import Artifact, build, locked, write_atomically
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.place_clusters import majority, with_clusters
from zuroku.datasets.places.sequences import sharing_sequences, with_sequences
from zuroku.datasets.splits import SPLITS, SplitSettings, extend_splits
from zuroku.errors import SplitError
from zuroku.geo.blocks import block_ids, nearest_km

NONE = "none"
"""The split of groups that lie too near to another split: they are neither trained on nor tested."""

COUNTS = "municipalities.parquet"
APART = "apart_km"
_COLUMNS = ("item_id", "group", "latitude", "longitude", "municipality")
SIDES = 4
"""Side of a block, in distances kept clear. Blocks as small as the distance cost half of the training
photographs at 5 km (64,000 places all over Japan) and two thirds at 25 km; these cost a fifth."""


class PlaceSplitSettings(SplitSettings):
    """Shares of train, val and test (Hirata et al.: 80:15:5), and the distance kept between them in km.

    0 is the paper's random split, in which a test photograph may stand a step from a training one.
    """

    train: float = Field(default=0.80, ge=0)
    val: float = Field(default=0.15, ge=0)
    test: float = Field(default=0.05, ge=0)
    block_km: float = Field(default=0, ge=0, allow_inf_nan=False)


def place_splits(
    places: pd.DataFrame, settings: PlaceSplitSettings, existing: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Give every group of ``places`` a split; groups in ``existing`` keep theirs.

    ``places`` has one row per photograph: item_id, group (sequence, author or place), latitude, longitude
    in degrees, municipality ("" where unknown). A group belongs to the municipality, or the block, that
    most of its photographs lie in.

    - ``block_km`` 0 (the paper): each municipality is split by itself, so one with at least three groups
      has some in every split. One with fewer has no part in val and test: it cannot be in three splits.
    - otherwise whole blocks of ``4 · block_km`` are split in the same way, those of municipalities with
      fewer than three blocks together. A block counts once, however many photographs it has: by
      photographs, the crowded ones would always go to train. ``keep_apart`` then makes room between them.

    Returns:
        Columns ``group``, ``split`` (train, val, test), sorted by group: the lasting assignment.

    Raises:
        SplitError: columns are missing, or a split with a share is left without a group.
    """
    _require_columns(places)
    known = {group: split for group, split in (existing or {}).items() if split in SPLITS}
    if settings.block_km == 0:
        assigned = known | _by_stratum(places["group"], places["municipality"], settings, known)
    else:
        assigned = _by_block(places, settings, known) | known
    table = pd.DataFrame(sorted(assigned.items()), columns=["group", "split"])
    _require_every_split(places, table, settings)
    return table


def keep_apart(places: pd.DataFrame, splits: pd.DataFrame, block_km: float) -> pd.DataFrame:
    """Return ``splits`` with the groups in the way of ``block_km`` moved to the split ``none``.

    Afterwards every photograph of test is farther than ``block_km`` from every one of train and val (both
    are in the gallery), and every one of val from every one of train. Groups of val give way to test, and
    those of train to both; test stays whole. Where ``places`` say in which sequences they were taken
    (``sequence``), no sequence is in two of them either. With ``block_km`` 0 nothing moves.
    """
    if block_km == 0:
        return splits
    split_of = dict(zip(splits["group"], splits["split"], strict=True))
    of_photo = places["group"].map(split_of).to_numpy()
    where = places[["latitude", "longitude"]].to_numpy(dtype=np.float64)
    for split, others in (("val", ("test",)), ("train", ("val", "test"))):
        mine, theirs = of_photo == split, np.isin(of_photo, others)
        crowding = sharing_sequences(places, mine, theirs)
        crowding[mine] |= nearest_km(where[mine], where[theirs]) <= block_km
        crowded = set(places["group"][crowding])
        of_photo[places["group"].isin(crowded)] = NONE
        split_of |= dict.fromkeys(crowded, NONE)
    return pd.DataFrame({"group": splits["group"], "split": splits["group"].map(split_of)})


def separated_splits(
    places: pd.DataFrame, assigned: pd.DataFrame, settings: PlaceSplitSettings
) -> pd.DataFrame:
    """Return the splits of this run: ``assigned``, as of ``place_splits``, kept apart, with their clusters.

    Raises:
        SplitError: nothing is left of a split.
    """
    table = keep_apart(places, assigned, settings.block_km)
    _require_every_split(places, table, settings)
    return with_clusters(table, places, SIDES * settings.block_km)


def promised_km(splits: pd.DataFrame) -> float:
    """Return the distance in km that the written ``splits`` promise between any two of them, 0 for none."""
    return float(splits[APART].iloc[0]) if APART in splits else 0.0


def split_counts(places: pd.DataFrame, splits: pd.DataFrame) -> pd.DataFrame:
    """Return photographs and groups by municipality and split.

    Columns: municipality, groups, and for each of train, val, test and none the number of groups
    (``train``) and of photographs (``train_photos``); sorted by municipality. Groups are counted where most
    of their photographs lie.
    """
    split_of = dict(zip(splits["group"], splits["split"], strict=True))
    home = majority(places["group"], places["municipality"])
    groups = pd.DataFrame({"municipality": home.to_numpy(), "split": home.index.map(split_of)})
    photos = pd.DataFrame({"municipality": places["municipality"], "split": places["group"].map(split_of)})
    names = [*SPLITS, NONE]
    by_group = pd.crosstab(groups["municipality"], groups["split"]).reindex(columns=names, fill_value=0)
    by_photo = pd.crosstab(photos["municipality"], photos["split"]).reindex(columns=names, fill_value=0)
    table = by_group.join(by_photo, how="outer", rsuffix="_photos").fillna(0).astype(int)
    table.insert(0, "groups", table[names].sum(axis=1))
    table.columns.name = None
    return table.rename_axis("municipality").sort_index().reset_index()


def write_place_splits(
    dataset: Dataset, labels: pd.DataFrame, settings: PlaceSplitSettings, by: str, ledger: Path, target: Path
) -> Artifact:
    """Write ``splits.parquet`` and ``municipalities.parquet`` to ``target``, extending the ``ledger``.

    ``labels`` are the place labels of ``dataset`` (item_id, latitude, longitude, municipality), ``by`` the
    manifest column that must not be split. The ledger remembers what every group was assigned, before
    ``keep_apart``: groups that are in the way today may be used again when the data have changed, but none
    ever goes from test to train.

    Raises:
        SplitError: as ``place_splits``, or items have no row in ``labels``.
    """

    def write(out: Path) -> None:
        places = labelled_places(dataset, labels, by)
        with locked(ledger.with_suffix(".lock")):
            known = pd.read_parquet(ledger) if ledger.exists() else pd.DataFrame({"group": [], "split": []})
            existing = dict(zip(known["group"], known["split"], strict=True))
            assigned = place_splits(places, settings, existing)
            buffer = io.BytesIO()
            assigned.to_parquet(buffer, index=False)
            write_atomically(ledger, buffer.getvalue())
        table = separated_splits(places, assigned, settings)
        if settings.block_km:
            table = table.assign(**{APART: settings.block_km})
        table.to_parquet(out / "splits.parquet", index=False)
        split_counts(places, table).to_parquet(out / COUNTS, index=False)

    return build(target, write)


def labelled_places(dataset: Dataset, labels: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return item_id, group, latitude, longitude, municipality of each item, in the manifest's order.

    So that ``keep_apart`` sees them, with ``sequence`` where the dataset has it.

    Raises:
        SplitError: items of ``dataset`` have no row in ``labels``.
    """
    manifest = dataset.manifest[["item_id", by]].rename(columns={by: "group"})
    columns = ["item_id", "latitude", "longitude", "municipality"]
    places = manifest.merge(labels[columns], on="item_id", how="left", validate="one_to_one")
    lacking = places.loc[places["latitude"].isna(), "item_id"].tolist()
    if lacking:
        raise SplitError(
            f"{len(lacking)} of {len(places)} items have no place labels: {', '.join(lacking[:3])}",
            expected="a row of labels for every item",
            remedy="label the places of this dataset again",
        )
    return with_sequences(places, dataset.root)


def _by_block(places: pd.DataFrame, settings: PlaceSplitSettings, known: Mapping[str, str]) -> dict[str, str]:
    blocks = block_ids(places[["latitude", "longitude"]], SIDES * settings.block_km)
    block_of = majority(places["group"], pd.Series(blocks, index=places.index))
    seen = block_of[block_of.index.isin(known)]
    settled = {str(block): str(split) for block, split in majority(seen, seen.index.map(known)).items()}
    homes = majority(pd.Series(blocks, index=places.index), places["municipality"])
    few = homes.map(homes.value_counts()) < len(_wanted(settings))
    of_block = _by_stratum(homes.index.to_series(), homes.mask(few, ""), settings, settled)
    return {str(group): of_block[block] for group, block in block_of.items()}


def _by_stratum(
    units: pd.Series, strata: pd.Series, settings: PlaceSplitSettings, known: Mapping[str, str]
) -> dict[str, str]:
    """Split the units (one row per photograph or per unit) of each stratum by themselves."""
    home = majority(units, strata)
    assigned: dict[str, str] = {}
    rows = units.groupby(units.map(home).to_numpy()).apply(list)
    for members in rows:
        mine = {unit: known[unit] for unit in set(members) & known.keys()}
        if len(set(members)) < len(_wanted(settings)):
            assigned |= dict.fromkeys(members, "train") | mine
        else:
            table = extend_splits(members, [""] * len(members), settings, mine)
            assigned |= dict(zip(table["group"], table["split"], strict=True))
    return assigned


def _wanted(settings: PlaceSplitSettings) -> list[str]:
    return [split for split, share in settings.shares.items() if share > 0]


def _require_columns(places: pd.DataFrame) -> None:
    faults = [f"no column {name}" for name in _COLUMNS if name not in places.columns]
    empty = places.isna().sum()
    faults += [f"{empty[name]} rows without {name}" for name in _COLUMNS if empty.get(name, 0)]
    if faults:
        raise SplitError(
            f"a table of {len(places)} places has {', '.join(faults)}",
            expected=f'{", ".join(_COLUMNS)} in every row, with "" for an unknown municipality',
            remedy="join the manifest with the place labels",
        )


def _require_every_split(places: pd.DataFrame, table: pd.DataFrame, settings: PlaceSplitSettings) -> None:
    present = set(table.loc[table["group"].isin(places["group"]), "split"])
    lacking = [split for split in _wanted(settings) if split not in present]
    if lacking:
        raise SplitError(
            f"{places['group'].nunique()} groups in {places['municipality'].nunique()} municipalities leave "
            f"{' and '.join(lacking)} empty with {settings.block_km:g} km between splits",
            expected="at least one group in each split",
            remedy="add photographs of more places, or set a smaller block_km",
        )
