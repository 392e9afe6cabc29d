"""From an extract of OpenStreetMap to sample points: seconds and memory by the reader of the extract.

The extracts are a generated land, those that the command line names, and copies of each side by side, so that
they grow and stay what they are. Each run has a process of its own on two cores; the readers take turns.
"""

import argparse
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.stages import Failure, Stage, Work, medians, run_alone
from benchmarks.timing import circumstances, write_json

# Processes that QuackOSM starts import this module again: what is slow to import is imported where needed.

_CORES = 2
_GAP_DEGREES = 0.01
_READING = ("start", "roads", "landmarks")
SHARED = Path(__file__).parents[2] / "shared" / "data" / "geo" / "osm"

Runs = dict[str, list[list[Stage]] | Failure]
"""By reader, the stages of each of its runs."""


def write_copies(source: Path, copies: int, path: Path) -> None:
    """Write the extract ``source`` as many times side by side to ``path``, each under ids of its own."""
    import osmium

    stride, west, south, east, north = _extent(source)
    columns = math.ceil(math.sqrt(copies))
    work = path.with_name(f".partial.{path.name}")
    with osmium.SimpleWriter(str(work), overwrite=True) as writer:
        # By kind of element, then copy: a PBF is in order of kind and id.
        for kind in (osmium.osm.NODE, osmium.osm.WAY, osmium.osm.RELATION):
            for copy in range(copies):
                row, column = divmod(copy, columns)
                shift = (column * (east - west + _GAP_DEGREES), row * (north - south + _GAP_DEGREES))
                for element in osmium.FileProcessor(str(source), kind):
                    _write_shifted(writer, element, copy * stride, shift)
    work.replace(path)


def _extent(source: Path) -> tuple[int, float, float, float, float]:
    """Return a number above all ids, and the bounds: west, south, east, north in degrees."""
    import osmium

    largest, places = 0, []
    for element in osmium.FileProcessor(str(source)):
        largest = max(largest, element.id)
        if element.is_node():
            places.append((element.location.lon, element.location.lat))
    longitudes, latitudes = zip(*places, strict=True)
    return largest + 1, min(longitudes), min(latitudes), max(longitudes), max(latitudes)


def _write_shifted(writer: Any, element: Any, ids: int, degrees: tuple[float, float]) -> None:
    number = element.id + ids
    if element.is_node():
        place = element.location.lon + degrees[0], element.location.lat + degrees[1]
        writer.add_node(element.replace(id=number, location=place))
    elif element.is_way():
        writer.add_way(element.replace(id=number, nodes=[node.ref + ids for node in element.nodes]))
    else:
        members = [(member.type, member.ref + ids, member.role) for member in element.members]
        writer.add_relation(element.replace(id=number, members=members))


def compare(path: Path, readers: Mapping[str, Work], rounds: int) -> Runs:
    """Run the readers on the extract at ``path`` in turn; one that fails is not run again."""
    runs: Runs = {reader: [] for reader in readers}
    for _ in range(rounds):
        for reader, done in runs.items():
            if not isinstance(done, Failure):
                run = run_alone(readers[reader], path)
                if isinstance(run, Failure):
                    runs[reader] = run
                else:
                    done.append(run)
    return runs


def markdown(name: str, megabytes: float, runs: Mapping[str, Sequence[Sequence[Stage]] | Failure]) -> str:
    """Return the rows of one extract: medians over the rounds, and the range of the whole time."""
    lines = []
    for reader, done in runs.items():
        start = f"| {name}, {megabytes:,.1f} MB | {reader} "
        if isinstance(done, Failure):
            lines.append(f"{start}| fails: {done.reason} | | | | | | | | |")
            continue
        stages = medians(done)
        whole = [sum(stage.seconds for stage in run) for run in done]
        seconds = " | ".join(f"{stage.seconds:,.2f}" for stage in stages.values())
        worked = sum(stage.cpu_seconds for stage in stages.values())
        reading = max(stages[stage].peak_mib for stage in _READING)
        rows = " / ".join(f"{stages[stage].items:,}" for stage in ("roads", "landmarks", "points"))
        lines.append(
            f"{start}| {seconds} | {median(whole):,.1f} ({min(whole):,.1f}–{max(whole):,.1f}) "
            f"| {worked:,.1f} | {reading:,.0f} | {stages['points'].peak_mib:,.0f} | {rows} |"
        )
    return "\n".join(lines)


HEADER = """\
| extract | reader | start, s | roads | landmarks | points | all (range) | CPU | MiB reading | sampling \
| roads / landmarks / points |
|---|---|---:|---:|---:|---:|---|---:|---:|---:|---|"""


def extracts(options: argparse.Namespace) -> dict[str, Path]:
    """Return the extracts that the command line asks for, by name; those that are made are kept."""
    options.folder.mkdir(parents=True, exist_ok=True)
    found = {}
    if options.land:
        found["generated land"] = options.folder / "land.osm.pbf"
        if not found["generated land"].exists():
            from zuroku.datasets.sample.land.land import plan_land
            from zuroku.datasets.sample.land.osm_file import write_osm
            from zuroku.datasets.sample.land.settings import LandSettings

            write_osm(plan_land(LandSettings()), found["generated land"])
    found |= {path.name.split(".")[0]: path for path in options.extracts}
    for source_name, source in list(found.items()):
        for copies in options.copies:
            path = options.folder / f"{source_name.replace(' ', '_')}_{copies}.osm.pbf"
            if not path.exists():
                write_copies(source, copies, path)
            found[f"{source_name} × {copies}"] = path
    return found


def main() -> None:
    """Measure every reader on every extract asked for."""
    from benchmarks.osm_point_readers import READERS, installed

    shared = sorted(SHARED.glob("*.osm.pbf"), key=lambda path: path.stat().st_size)
    shared = [path for path in shared if "NODES_ONLY" not in path.name]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--extracts", type=Path, nargs="*", default=shared, help="PBF files")
    parser.add_argument("--no-land", dest="land", action="store_false", help="without the generated land")
    parser.add_argument(
        "--copies", type=int, nargs="*", default=[4, 16], help="of each extract, side by side"
    )
    parser.add_argument("--readers", nargs="+", choices=list(READERS), default=list(READERS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("var/benchmarks/geodata_points"))
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_CORES])
    readers = {reader: READERS[reader] for reader in options.readers if installed(reader)}
    result: dict[str, Any] = {**circumstances(), "extracts": {}}
    paths = extracts(options)
    print(HEADER)
    for name, path in paths.items():
        size = path.stat().st_size
        runs = compare(path, readers, options.rounds)
        print(markdown(name, size / 1e6, runs), flush=True)
        result["extracts"][name] = {
            "bytes": size,
            "runs": {reader: _json(done) for reader, done in runs.items()},
        }
        write_json(options.out, result)
    for reader in options.readers:
        if reader not in readers:
            print(f"\nNot measured: {reader}, which is not installed.")
    print(f"\nload average at the start: {result['load_average']}")


def _json(done: Sequence[Sequence[Stage]] | Failure) -> Any:
    return asdict(done) if isinstance(done, Failure) else [[asdict(stage) for stage in run] for run in done]


if __name__ == "__main__":
    main()
