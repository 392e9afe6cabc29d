"""Checks of a dataset and of its splits."""

import hashlib
from collections.abc import Callable, Collection, Mapping

import numpy as np
import pandas as pd
import pyarrow.compute as pc

from zuroku.datasets.images import probe_image
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.splits import missing_classes
from zuroku.errors import ImageError, IntegrityError
from zuroku.findings import Finding

DATASET_CHECKS = ("schema", "unique_items", "decodable", "classes", "class_floor")
SPLIT_CHECKS = ("one_split_per_group", "every_group_has_a_split", "every_class_in_every_split")
_SAMPLE = 64


def dataset_findings(dataset: Dataset, classes: Collection[str], labelled: bool, floor: int) -> list[Finding]:
    """Check schema, ids, a sample of the bytes, and classes of a ``dataset`` of figures.

    ``floor`` is the least number of items of a class that occurs. Where the schema is wrong, nothing
    else can be said.
    """
    return _findings(dataset, _label_counts, classes, labelled, floor)


def page_findings(dataset: Dataset, classes: Collection[str], labelled: bool, floor: int) -> list[Finding]:
    """Check a ``dataset`` of pages in the same way, by the classes of its zones.

    ``floor`` is the least number of zones of a class that occurs. Where pages should be ``labelled``, one
    that nobody has annotated fails the check of the classes.
    """
    return _findings(dataset, _zone_counts, classes, labelled, floor)


def photo_findings(
    dataset: Dataset, classes: Collection[str] | None, labelled: bool, floor: int, keeps_twins: bool = False
) -> list[Finding]:
    """Check a ``dataset`` of photographs in the same way, by all of their labels.

    ``floor`` is the least number of items with a label that occurs. Without ``classes`` any label will do,
    but where photographs should be ``labelled``, each has one. With ``keeps_twins`` only ids must be unique.
    """
    return _findings(dataset, _label_counts, classes, labelled, floor, keeps_twins)


def _findings(
    dataset: Dataset,
    count: Callable[[Dataset], Mapping[str, int]],
    classes: Collection[str] | None,
    labelled: bool,
    floor: int,
    keeps_twins: bool = False,
) -> list[Finding]:
    try:
        manifest = dataset.manifest
    except IntegrityError as error:
        return [Finding("schema", False, str(error))] + [
            Finding(name, False, "not looked at: the manifest cannot be read") for name in DATASET_CHECKS[1:]
        ]
    counts = count(dataset)
    known = set(counts) - {""} if classes is None else set(classes)
    unknown = sorted(set(counts) - (known if labelled else {""}))
    strange = ", ".join(name or "(no class)" for name in unknown)
    small = {name: n for name, n in counts.items() if labelled and n < floor}
    unique = ["item_id"] if keeps_twins else ["item_id", "sha256"]
    twice = int(sum(manifest[column].duplicated().sum() for column in unique))
    return [
        Finding("schema", True, f"{len(manifest)} rows with the columns of the manifest"),
        Finding("unique_items", twice == 0, f"{twice} ids or images stand twice", {"twice": twice}),
        _decodable(dataset, manifest),
        Finding("classes", not unknown, f"classes that the configuration lacks: {strange or 'none'}"),
        Finding("class_floor", not small, f"classes below {floor} items: {small or 'none'}"),
    ]


def split_findings(dataset: Dataset, splits: pd.DataFrame, by: str) -> list[Finding]:
    """Check that every group (of manifest column ``by``) has one split, and no split lacks a class."""
    manifest = dataset.manifest
    twice = splits.loc[splits["group"].duplicated(), "group"].tolist()
    without = sorted(set(manifest[by]) - set(splits["group"]))
    labelled = manifest[[by, "labels"]].explode("labels").fillna({"labels": ""})
    lacking = {} if without else missing_classes(labelled[by].tolist(), labelled["labels"].tolist(), splits)
    return [
        Finding("one_split_per_group", not twice, f"groups in two splits: {twice[:5] or 'none'}"),
        Finding("every_group_has_a_split", not without, f"groups without a split: {without[:5] or 'none'}"),
        Finding(
            "every_class_in_every_split", not lacking, f"classes that a split lacks: {lacking or 'none'}"
        ),
    ]


def _label_counts(dataset: Dataset) -> dict[str, int]:
    """Count items by class, one with several under each; without a class they count as of no class."""
    labels = dataset.manifest["labels"].explode().fillna("")
    return {str(label): int(n) for label, n in labels.value_counts().items()}


def _zone_counts(dataset: Dataset) -> dict[str, int]:
    """Count zones by class; a page that nobody has annotated counts as one of no class."""
    zones = dataset.zone_column
    labels = pc.struct_field(pc.list_flatten(zones), "label").to_pandas()
    counts = {str(label): int(n) for label, n in labels.value_counts().items()}
    return counts | ({"": zones.null_count} if zones.null_count else {})


def _decodable(dataset: Dataset, manifest: pd.DataFrame) -> Finding:
    """Decode and hash items drawn by a fixed seed: the whole is checked at ingest."""
    chosen = np.random.default_rng(0).permutation(len(manifest))[:_SAMPLE]
    bad = []
    for row in manifest.iloc[np.sort(chosen)].itertuples():
        try:
            data = dataset.read(row)
            probe_image(data)
        except (ImageError, IntegrityError) as error:
            bad.append(f"{row.item_id}: {error}")
            continue
        if hashlib.sha256(data).hexdigest() != row.sha256:
            bad.append(f"{row.item_id}: other bytes than the manifest's SHA-256")
    return Finding("decodable", not bad, f"{len(bad)} of {len(chosen)} drawn items are bad {bad[:3]}")
