"""Nearest figures: the engines an index could use, by time, recall, memory, disk and building time.

Every engine builds in a process of its own with two cores, as long as the budget lasts, and is then opened in
another that is kept to one core, so that its memory is its own and no thread of another waits in it. The
engines take turns; queries come one by one. What was built is kept in a folder, so that a long comparison can
be made in several runs.
"""

import argparse
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.timing import MIN_ROUNDS, circumstances, write_json

_KS = (10, 100)
_BUILDING_CORES = 2
_SAMPLING_S = 0.05
_TIMED_QUERIES = 100  # of all those that recall is taken from

Latencies = dict[int, list[np.ndarray[Any, np.dtype[np.float64]]]]
"""For each k the seconds of each timed query, round by round."""


@dataclass(frozen=True)
class Gallery:
    """The folder of one set of vectors, and of what engines build from it."""

    name: str
    folder: Path

    def of(self, engine: str) -> Path:
        """Return the folder of an engine's structure."""
        return self.folder / "".join(letter if letter.isalnum() else "_" for letter in engine)

    def load(self, name: str) -> Any:
        """Return ``vectors``, ``queries`` or ``truth``; vectors are mapped."""
        return np.load(self.folder / f"{name}.npy", mmap_mode="r" if name == "vectors" else None)


def private_bytes() -> int:
    """Memory of this process that no file backs; mapped vectors belong to the page cache."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")) << 10


def build(engine: str, gallery: Gallery, target: Path, pipe: Connection) -> None:
    """Build in ``target`` and report seconds and the most memory that building took."""
    from benchmarks.nearest_engines import ENGINES

    vectors = gallery.load("vectors")
    before = most = private_bytes()
    done = threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(_SAMPLING_S):
            most = max(most, private_bytes())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = perf_counter()
    ENGINES[engine].build(vectors, target)
    seconds = perf_counter() - start
    done.set()
    watcher.join()
    pipe.send({"build_s": seconds, "build_bytes": most - before})


def built(engine: str, gallery: Gallery, limit_s: float) -> dict[str, Any] | None:
    """Return what building took, now or in an earlier run, or None where it takes longer than ``limit_s``."""
    target, note = gallery.of(engine), gallery.of(engine) / "built.npy"
    if not note.exists():
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        process, ours = _started(build, (engine, gallery, target), threads=_BUILDING_CORES)
        if not ours.poll(limit_s):
            process.kill()
            process.join()
            shutil.rmtree(target)
            return None
        report = ours.recv()
        process.join()
        report["disk_bytes"] = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
        np.save(note, np.array([report["build_s"], report["build_bytes"], report["disk_bytes"]]))
    seconds, most, disk = np.load(note).tolist()
    return {"build_s": seconds, "build_bytes": most, "disk_bytes": disk}


def serve(engine: str, gallery: Gallery, pipe: Connection) -> None:
    """Open a structure on one core, report memory and answers, then time queries until told to stop."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from benchmarks.nearest_engines import ENGINES

    vectors, queries = gallery.load("vectors"), gallery.load("queries")
    before = private_bytes()
    start = perf_counter()
    search = ENGINES[engine].open(vectors, gallery.of(engine))
    seconds = perf_counter() - start
    rows = {k: np.concatenate([search(query[None], k) for query in queries]) for k in _KS}
    pipe.send({"open_s": seconds, "private_bytes": private_bytes() - before, "rows": rows})
    while k := pipe.recv():
        spent = np.empty(min(_TIMED_QUERIES, len(queries)))
        for number in range(len(spent)):
            start = perf_counter()
            search(queries[number : number + 1], k)
            spent[number] = perf_counter() - start
        pipe.send(spent)


@contextmanager
def opened(
    engines: Sequence[str], gallery: Gallery
) -> Iterator[dict[str, tuple[Connection, dict[str, Any]]]]:
    """Open the engines, one process each; yield their pipes and what they report."""
    found: dict[str, tuple[Connection, dict[str, Any]]] = {}
    processes = []
    for engine in engines:
        process, pipe = _started(serve, (engine, gallery), threads=1)
        processes.append(process)
        found[engine] = (pipe, pipe.recv())
    yield found
    for pipe, _ in found.values():
        pipe.send(0)
    for process in processes:
        process.join()


def _started(target: Callable[..., None], arguments: tuple[Any, ...], threads: int) -> tuple[Any, Connection]:
    """Start ``target(*arguments, pipe)`` in a process whose libraries take so many threads."""
    # Read when a library is loaded, so before the process starts.
    os.environ["OMP_NUM_THREADS"] = str(threads)
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(*arguments, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def compare(gallery: Gallery, engines: Sequence[str], rounds: int, limit_s: float) -> dict[str, Any]:
    """Measure ``engines`` on ``gallery``; print the table and return it for JSON."""
    reports = {engine: report for engine in engines if (report := built(engine, gallery, limit_s))}
    truth = gallery.load("truth")
    latencies: dict[str, Latencies] = {engine: {k: [] for k in _KS} for engine in reports}
    with opened(list(reports), gallery) as running:
        for _ in range(rounds):
            for k in _KS:
                for engine, (pipe, _) in running.items():
                    pipe.send(k)
                    latencies[engine][k].append(pipe.recv())
        for engine, (_, told) in running.items():
            rows = told.pop("rows")
            reports[engine] |= told | _summary(latencies[engine])
            for k in _KS:
                pairs = zip(rows[k], truth[:, :k], strict=True)
                shared = sum(len(set(found) & set(true)) for found, true in pairs)
                reports[engine][f"recall_at_{k}"] = shared / truth[:, :k].size
    missing = [engine for engine in engines if engine not in reports]
    print(f"\n{gallery.name}, {len(truth)} queries one by one on one core\n\n{markdown(reports)}")
    for engine in missing:
        print(f"not built within {limit_s:.0f} s: {engine}")
    return {"gallery": gallery.name, "queries": len(truth), "engines": reports, "not_built": missing}


def _summary(latencies: Latencies) -> dict[str, Any]:
    summary: dict[str, Any] = {}
    for k, spent in latencies.items():
        medians = [1000 * float(np.median(one)) for one in spent]
        summary[f"p50_ms_at_{k}"] = float(np.median(medians))
        summary[f"p50_ms_at_{k}_by_round"] = medians
        summary[f"p95_ms_at_{k}"] = float(np.median([1000 * np.quantile(one, 0.95) for one in spent]))
    return summary


def markdown(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a Markdown table; times are medians over the rounds, the range of the rounds in brackets."""
    lines = [
        "| engine | built in, s | most memory while building, MiB | on disk, MiB | memory, MiB "
        "| p50, k = 10, ms | p95 | recall@10 | p50, k = 100, ms | p95 | recall@100 |",
        "|---|---:|---:|---:|---:|---|---:|---:|---|---:|---:|",
    ]
    for engine, report in reports.items():
        cells = [engine, f"{report['build_s']:.1f}"]
        cells += [f"{report[name] / 2**20:,.0f}" for name in ("build_bytes", "disk_bytes", "private_bytes")]
        for k in _KS:
            medians = report[f"p50_ms_at_{k}_by_round"]
            cells.append(f"{report[f'p50_ms_at_{k}']:.2f} ({min(medians):.2f}–{max(medians):.2f})")
            cells += [f"{report[f'p95_ms_at_{k}']:.2f}", f"{report[f'recall_at_{k}']:.4f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure every set and size asked for."""
    from benchmarks.index_vectors import SETS, write_vectors
    from benchmarks.nearest_engines import ENGINES

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--engines", nargs="+", default=[""], help="only those whose names hold one of these")
    parser.add_argument("--queries", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=MIN_ROUNDS)
    parser.add_argument("--build-limit", type=float, default=900, help="seconds that an engine may build")
    parser.add_argument("--build-only", action="store_true", help="measure in a later run")
    parser.add_argument("--folder", type=Path, default=Path("var/benchmarks/index_engines"))
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_BUILDING_CORES])
    engines = [name for name in ENGINES if any(part in name for part in options.engines)]
    result: dict[str, Any] = {**circumstances(), "results": []}
    for size in options.sizes:
        for kind in options.sets:
            gallery = Gallery(f"{size:,} {kind}", options.folder / f"{kind}_{size}_{options.queries}")
            write_vectors(kind, size, options.queries, gallery.folder)
            if options.build_only:
                for engine in engines:
                    report = built(engine, gallery, options.build_limit)
                    print(f"{gallery.name}, {engine}: {report or 'not built in time'}")
                continue
            result["results"].append(compare(gallery, engines, options.rounds, options.build_limit))
            write_json(options.out, result)
    print(f"\nload average at the start: {result['load_average']}")


if __name__ == "__main__":
    main()
