"""Items per second read from shards by offset, from single files, and through tarfile.

All three hold the same items and lie in the page cache; they are read in order and in random order.
What is measured is the way to the bytes: no decoding, no disk.
"""

import argparse
import random
import tarfile
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.timing import MIN_ROUNDS, System, as_json, circumstances, table, take_turns, write_json
from zuroku.datasets.shards import ShardReader, ShardWriter

OURS = "shards by offset"
_SEED = 20211211
_ITEMS_PER_SHARD = 1000


@dataclass(frozen=True)
class Item:
    """One item and its place in a shard and as a single file."""

    file: Path
    shard: str
    member: str
    offset: int
    length: int


def write_items(folder: Path, n_items: int, mean_bytes: int) -> list[Item]:
    """Write ``n_items`` of random bytes, ± a quarter of ``mean_bytes``, as shards and as single files."""
    shards, files = folder / "shards", folder / "files"
    shards.mkdir()
    files.mkdir()
    rng = np.random.default_rng(_SEED)
    items = []
    for first in range(0, n_items, _ITEMS_PER_SHARD):
        shard = f"{first:06d}.tar"
        writer = ShardWriter(shards / shard)
        for index in range(first, min(first + _ITEMS_PER_SHARD, n_items)):
            data = rng.bytes(int(rng.integers(3 * mean_bytes // 4, 5 * mean_bytes // 4 + 1)))
            member = f"{index:06d}.jpg"
            (files / member).write_bytes(data)
            items.append(Item(files / member, shard, member, writer.add(member, data), len(data)))
        writer.close()
    return items


def read_shards(reader: ShardReader, items: Sequence[Item]) -> int:
    """Read every item by its offset."""
    for item in items:
        reader.read(item.shard, item.offset, item.length)
    return len(items)


def read_files(items: Sequence[Item]) -> int:
    """Read every item as a file of its own."""
    for item in items:
        item.file.read_bytes()
    return len(items)


def read_tar_members(folder: Path, items: Sequence[Item]) -> int:
    """Read every item of each shard by tarfile, in the order of ``items``, opening each shard once."""
    by_shard: dict[str, list[str]] = {}
    for item in items:
        by_shard.setdefault(item.shard, []).append(item.member)
    for shard, members in by_shard.items():
        with tarfile.open(folder / shard) as archive:
            for member in members:
                archive.extractfile(member).read()
    return len(items)


def iterate_tar(folder: Path, items: Sequence[Item]) -> int:
    """Read the shards by tarfile from end to end, as WebDataset does."""
    for shard in sorted({item.shard for item in items}):
        with tarfile.open(folder / shard, "r|") as archive:
            for member in archive:
                archive.extractfile(member).read()
    return len(items)


def main() -> None:
    """Write the items, take turns, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=10_000)
    parser.add_argument("--bytes", type=int, default=20_000, help="mean size of an item")
    parser.add_argument("--rounds", type=int, default=MIN_ROUNDS)
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    result: dict[str, object] = {"items": options.items, "bytes": options.bytes, **circumstances()}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        in_order = write_items(folder, options.items, options.bytes)
        shuffled = random.Random(_SEED).sample(in_order, len(in_order))
        with ShardReader(folder / "shards") as reader:
            for title, items in (("in order", in_order), ("random order", shuffled)):
                systems = _systems(reader, folder / "shards", items)
                timings = take_turns(systems, options.rounds)
                print(f"\n{options.items:,} items of about {options.bytes:,} bytes, {title}\n")
                print(table(timings, OURS, "items"))
                result[title] = as_json(timings, OURS)
    print(f"\nload average at the start: {result['load_average']}")
    write_json(options.out, result)


def _systems(reader: ShardReader, shards: Path, items: list[Item]) -> dict[str, System]:
    in_order = items == sorted(items, key=lambda item: item.member)
    tar = iterate_tar if in_order else read_tar_members
    return {
        OURS: partial(read_shards, reader, items),
        "single files (Path.read_bytes)": partial(read_files, items),
        "tarfile, iterated" if in_order else "tarfile, by member": partial(tar, shards, items),
    }


if __name__ == "__main__":
    main()
