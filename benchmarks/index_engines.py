"""Nearest figures: recall, queries per second, memory and building time of the engines an index could use.

Every engine runs in a process of its own, so that its memory is its own and no threads of another wait in
it; the processes take turns. The vectors are drawn: clusters in a space of few dimensions, as embeddings of
pictures have them, laid into many, with some noise. Queries are further draws.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.timing import MIN_ROUNDS, Timings, as_json, circumstances, take_turns, write_json
from zuroku.indexes.nearest import nearest_rows

OURS = "numpy, exact, mapped"
REFERENCE = "faiss IndexFlatIP"
K = 10

_CORES = 2
_SEED = 20211211
_CHUNK_ROWS = 65_536
_LATENT, _CLUSTERS = 48, 200
_M, _EF_CONSTRUCTION, _EF_SEARCH = 32, 80, 128

Vectors = npt.NDArray[np.float32]
Search = Callable[[Vectors], npt.NDArray[np.int64]]
"""Returns the rows ``(q, K)`` nearest to queries ``(q, d)``."""


def write_vectors(path: Path, count: int, dimension: int, n_queries: int) -> Vectors:
    """Write ``(count, dimension)`` unit vectors to ``path`` and return queries of their kind."""
    rng = np.random.default_rng(_SEED)
    centres = rng.standard_normal((_CLUSTERS, _LATENT), dtype=np.float32)
    spread = rng.standard_normal((_LATENT, dimension), dtype=np.float32)

    def draw(n: int) -> Vectors:
        latent = centres[rng.integers(0, _CLUSTERS, n)] + rng.standard_normal((n, _LATENT), dtype=np.float32)
        vectors = latent @ spread + rng.standard_normal((n, dimension), dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    vectors = np.lib.format.open_memmap(path, "w+", np.float32, (count, dimension))
    for start in range(0, count, _CHUNK_ROWS):
        part = vectors[start : start + _CHUNK_ROWS]
        part[:] = draw(len(part))
    vectors.flush()
    return draw(n_queries)


def numpy_exact(vectors: Vectors) -> Search:
    """Our scan, over the file as it lies."""
    return lambda queries: nearest_rows(queries, vectors, K)[1]


def faiss_knn(vectors: Vectors) -> Search:
    """Faiss's scan over the file as it lies."""
    import faiss

    return lambda queries: faiss.knn(queries, vectors, K, metric=faiss.METRIC_INNER_PRODUCT)[1]


def faiss_index(kind: str, vectors: Vectors) -> Search:
    """An index of faiss, filled in chunks: ``flat``, ``hnsw``, or codes of scalars ``fp16`` and ``8bit``."""
    import faiss

    dimension, metric = vectors.shape[1], faiss.METRIC_INNER_PRODUCT
    if kind == "flat":
        index = faiss.IndexFlatIP(dimension)
    elif kind == "hnsw":
        index = faiss.IndexHNSWFlat(dimension, _M, metric)
        index.hnsw.efConstruction, index.hnsw.efSearch = _EF_CONSTRUCTION, _EF_SEARCH
    else:
        code = getattr(faiss.ScalarQuantizer, f"QT_{kind}")
        index = faiss.IndexScalarQuantizer(dimension, code, metric)
        index.train(np.array(vectors[:_CHUNK_ROWS]))
    for start in range(0, len(vectors), _CHUNK_ROWS):
        index.add(np.array(vectors[start : start + _CHUNK_ROWS]))
    return lambda queries: index.search(queries, K)[1]


_EXACT: Mapping[str, Callable[[Vectors], Search]] = {
    OURS: numpy_exact,
    "faiss.knn, exact, mapped": faiss_knn,
    REFERENCE: partial(faiss_index, "flat"),
    "faiss scalars fp16": partial(faiss_index, "fp16"),
    "faiss scalars int8": partial(faiss_index, "8bit"),
}
_GRAPH = {f"faiss HNSW (M {_M}, ef {_EF_SEARCH})": partial(faiss_index, "hnsw")}


def serve(make: Callable[[Vectors], Search], path: Path, queries: Vectors, pipe: Connection) -> None:
    """Build one engine, report it with its answers, then search on request until told to stop."""
    import faiss

    faiss.omp_set_num_threads(_CORES)
    vectors = np.load(path, mmap_mode="r")
    before = private_bytes()
    start = perf_counter()
    search = make(vectors)
    seconds = perf_counter() - start
    rows = search(queries)
    pipe.send({"build_s": seconds, "private_bytes": private_bytes() - before, "rows": rows})
    while request := pipe.recv():
        if request == "single":
            some = queries[::8]
            for number in range(len(some)):
                search(some[number : number + 1])
            pipe.send(len(some))
        else:
            search(queries)
            pipe.send(len(queries))


def private_bytes() -> int:
    """Memory of this process that no file backs; mapped vectors belong to the page cache."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")) << 10


def ask(pipe: Connection, request: str) -> int:
    """Let an engine search an eighth of the queries one by one (``single``) or all at once (``batch``)."""
    pipe.send(request)
    return int(pipe.recv())


@contextmanager
def running(
    engines: Mapping[str, Callable[[Vectors], Search]], path: Path, queries: Vectors
) -> Iterator[tuple[dict[str, Connection], dict[str, dict[str, Any]]]]:
    """Start one process per engine, one after the other; yield their pipes and what they report."""
    pipes: dict[str, Connection] = {}
    reports: dict[str, dict[str, Any]] = {}
    processes = []
    context = get_context("spawn")
    for name, make in engines.items():
        pipes[name], theirs = context.Pipe()
        processes.append(context.Process(target=serve, args=(make, path, queries, theirs), daemon=True))
        processes[-1].start()
        theirs.close()
        reports[name] = pipes[name].recv()
    yield pipes, reports
    for pipe in pipes.values():
        pipe.send("")
    for process in processes:
        process.join()


def compare(count: int, dimension: int, n_queries: int, rounds: int, with_graph: bool) -> dict[str, Any]:
    """Measure all engines on ``(count, dimension)`` vectors; print the table and return it for JSON."""
    engines = {**_EXACT, **(_GRAPH if with_graph else {})}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.npy"
        queries = write_vectors(path, count, dimension, n_queries)
        with running(engines, path, queries) as (pipes, reports):
            single, batch = (
                take_turns({name: partial(ask, pipe, request) for name, pipe in pipes.items()}, rounds)
                for request in ("single", "batch")
            )
    truth = reports[REFERENCE].pop("rows")
    for report in reports.values():
        rows = report.pop("rows", truth)
        found = sum(len(set(ours) & set(theirs)) for ours, theirs in zip(rows, truth, strict=True))
        report["recall_at_10"] = found / truth.size
    print(f"\n{count:,} × {dimension}, {n_queries} queries\n")
    print(markdown(reports, single, batch))
    timings = {"single": as_json(single, OURS), "batch": as_json(batch, OURS)}
    return {"count": count, "dimension": dimension, "queries": n_queries, "engines": reports, **timings}


def markdown(reports: Mapping[str, Mapping[str, Any]], single: Timings, batch: Timings) -> str:
    """Return a Markdown table: medians over the rounds, and the median of the paired ratios to ours."""
    lines = [
        f"| engine | recall@{K} | queries/s, one by one | {OURS} is faster by | queries/s, all at once "
        f"| {OURS} is faster by | private memory, MiB | built in, s |",
        "|---|---:|---:|---|---:|---|---:|---:|",
    ]
    for name, report in reports.items():
        cells = [name, f"{report['recall_at_10']:.3f}"]
        for timings in (single, batch):
            ratio = timings.ratio(OURS, name)
            spread = f"{ratio.median:.2f}× ({ratio.lowest:.2f}–{ratio.highest:.2f})"
            rate = timings.median_rate(name)
            cells += [f"{rate:,.1f}" if rate < 100 else f"{rate:,.0f}", "" if name == OURS else spread]
        cells += [f"{report['private_bytes'] / 2**20:,.0f}", f"{report['build_s']:.1f}"]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure every size and dimension asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--dimensions", type=int, nargs="+", default=[512, 1280])
    parser.add_argument("--graph-limit", type=int, default=100_000, help="largest size to build HNSW for")
    parser.add_argument("--queries", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=MIN_ROUNDS)
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:_CORES])
    result: dict[str, Any] = {**circumstances(), "results": []}
    for dimension in options.dimensions:
        for size in options.sizes:
            graph = size <= options.graph_limit
            result["results"].append(compare(size, dimension, options.queries, options.rounds, graph))
            write_json(options.out, result)
    print(f"\nload average at the start: {result['load_average']}")


if __name__ == "__main__":
    main()
