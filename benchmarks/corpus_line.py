"""Pages per second of the whole corpus line, its memory, and what that comes to for a library.

A pool of pages is repeated under new ids, so every size meets the same pages. Each run has a process of
its own, so that its peak memory is its own. Ray and threads do the same pages, and their results are
compared byte for byte.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import cycle, islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any, Literal

from benchmarks.timing import circumstances, write_json
from zuroku.corpus.bundles import StageBundles
from zuroku.corpus.executors import RaySettings, ThreadExecutor, UnitExecutor
from zuroku.corpus.figure_corpus import FigureCorpus
from zuroku.corpus.line import LineSettings, run_line
from zuroku.corpus.pages import Page, page_source
from zuroku.corpus.stage import PageStage, StageSettings

LIBRARY_PAGES = 230_000_000
_DAY_S = 86_400

Executor = Literal["threads", "ray"]


class RepeatedPages:
    """``n_pages`` pages: those of ``pool`` over and over, each time as another book."""

    def __init__(self, pool: Sequence[Page], root: Path, n_pages: int) -> None:
        self.root = root
        self.fingerprint = f"{len(pool)} pages of {root}, {n_pages} times"
        self._pool = pool
        self._n_pages = n_pages

    def __iter__(self) -> Iterator[Page]:
        """List the pages."""
        for index, page in enumerate(islice(cycle(self._pool), self._n_pages)):
            turn = index // len(self._pool)
            yield replace(page, page_id=f"{turn}_{page.page_id}", group=f"{turn}_{page.group}")


@dataclass(frozen=True)
class Plan:
    """One run to be measured. ``workers`` are threads or actors."""

    open_stage: Callable[[], PageStage]
    pool: list[Page]
    root: Path
    n_pages: int
    pages_per_unit: int
    executor: Executor
    workers: int


@dataclass(frozen=True)
class Measurement:
    """What one run took.

    ``pages_per_second`` counts from when as many units as there are workers are finished to the last,
    without opening models, starting Ray, joining and sealing; ``seconds`` has all of it,
    ``finish_seconds`` what came after the last unit.
    ``peak_mb`` is this process's resident memory at its highest and ``cpu_seconds_per_page`` the time that
    its cores worked: with Ray both are the driver's alone.
    """

    executor: str
    pages: int
    figures: int
    bad_pages: int
    seconds: float
    pages_per_second: float
    finish_seconds: float
    peak_mb: float
    cpu_seconds_per_page: float
    written_bytes: int
    milliseconds_per_page: dict[str, float]
    sha256: str


def measure(plan: Plan) -> Measurement:
    """Run the line once in this process and say what it took."""
    marks: list[tuple[float, int]] = []
    with tempfile.TemporaryDirectory() as temporary:
        out = Path(temporary) / "corpus"
        start, worked = perf_counter(), process_time()
        artifact = run_line(
            RepeatedPages(plan.pool, plan.root, plan.n_pages),
            plan.open_stage,
            LineSettings(pages_per_unit=plan.pages_per_unit, max_bad_share=1),
            out,
            _executor(plan),
            lambda done, total: marks.append((perf_counter(), done)),
        )
        end, worked = perf_counter(), process_time() - worked
        card = FigureCorpus(out).card
        times = json.loads(out.with_name("corpus.timings.json").read_text())
        written = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    (first, begun), (last, done) = marks[plan.workers - 1], marks[-1]
    return Measurement(
        plan.executor,
        card["pages"],
        card["figures"],
        card["bad_pages"],
        end - start,
        (done - begun) / (last - first),
        end - last,
        _peak_mb(),
        worked / card["pages"],
        written,
        times["milliseconds_per_page"],
        artifact.sha256,
    )


def measure_in_turns(plans: Sequence[Plan], repeats: int) -> list[list[Measurement]]:
    """Measure every plan ``repeats`` times, in turn, each time in a process of its own."""
    rounds: list[list[Measurement]] = [[] for _ in plans]
    for _ in range(repeats):
        for plan, measured in zip(plans, rounds, strict=True):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
                measured.append(child.submit(measure, plan).result())
            # A long benchmark that is stopped should leave what it has.
            print(json.dumps(asdict(measured[-1])), file=sys.stderr, flush=True)
    return rounds


def table(rounds: Sequence[Sequence[Measurement]]) -> str:
    """Return a Markdown table with a row per plan: medians, and the range of the rate."""
    lines = [
        "| by | pages | figures | pages/s | range | whole run, s | CPU ms per page | peak memory, MB |",
        "|---|---:|---:|---:|---|---:|---:|---:|",
    ]
    for measured in rounds:
        first, rates = measured[0], [one.pages_per_second for one in measured]
        lines.append(
            f"| {first.executor} | {first.pages:,} | {first.figures:,} "
            f"| {median(rates):.2f} | {min(rates):.2f}–{max(rates):.2f} "
            f"| {median(one.seconds for one in measured):,.1f} "
            f"| {median(one.cpu_seconds_per_page for one in measured) * 1e3:.1f} "
            f"| {median(one.peak_mb for one in measured):,.0f} |"
        )
    return "\n".join(lines)


def step_table(measured: Sequence[Measurement]) -> str:
    """Return a Markdown table of the milliseconds that each step of a page takes, by one worker."""
    steps = measured[0].milliseconds_per_page
    means = {step: median(one.milliseconds_per_page[step] for one in measured) for step in steps}
    cells = [f"| {step} | {spent:.1f} |" for step, spent in means.items()]
    return "\n".join(["| step | ms per page |", "|---|---:|", *cells])


def projection(measured: Sequence[Measurement], machines: Sequence[int], page_bytes: float) -> dict[str, Any]:
    """Return what ``LIBRARY_PAGES`` would take by the medians of ``measured``, and what that assumes."""
    rate = median(one.pages_per_second for one in measured)
    finish = median(one.finish_seconds / one.pages for one in measured)
    written = median(one.written_bytes / one.pages for one in measured)
    return {
        "pages": LIBRARY_PAGES,
        "days_by_machines": {str(n): LIBRARY_PAGES / (rate * n) / _DAY_S for n in machines},
        "joining_and_sealing_days": LIBRARY_PAGES * finish / _DAY_S,
        "written_terabytes": LIBRARY_PAGES * written / 1e12,
        "read_megabytes_per_second_and_machine": rate * page_bytes / 1e6,
        "assumptions": [
            "machines like this one, at its rate without starting up: units do not wait for each other",
            f"pages like these: {page_bytes / 1e3:,.0f} kB and "
            f"{measured[0].figures / measured[0].pages:.2f} figures each",
            "storage that keeps up with all machines, in reading and in writing",
            "joining and sealing by one machine, in proportion to the pages and in units as small as here",
        ],
    }


def projection_text(values: dict[str, Any]) -> str:
    """Return the projection for people."""
    days = ", ".join(f"{n} machines: {d:,.1f} days" for n, d in values["days_by_machines"].items())
    lines = [
        f"{values['pages']:,} pages would take, by {days}; joining and sealing "
        f"{values['joining_and_sealing_days']:,.1f} days; {values['written_terabytes']:,.1f} TB written; "
        f"{values['read_megabytes_per_second_and_machine']:.1f} MB/s read by each machine. This assumes:",
        *(f"- {assumption}" for assumption in values["assumptions"]),
    ]
    return "\n".join(lines)


def plans_of(options: argparse.Namespace, open_stage: Callable[[], PageStage]) -> list[Plan]:
    """Return the runs that the command line asks for; the one by Ray comes last."""
    source = page_source(options.pages)
    pool = list(islice(source, options.pool))
    sizes: list[tuple[int, Executor]] = [(size, "threads") for size in options.sizes]
    if options.ray_pages:
        if options.ray_pages not in options.sizes:
            sizes.append((options.ray_pages, "threads"))
        sizes.append((options.ray_pages, "ray"))
    plans = []
    for size, executor in sizes:
        # Enough units that all workers are busy for most of the run.
        unit = max(1, min(options.pages_per_unit, size // (4 * options.workers)))
        plans.append(Plan(open_stage, pool, source.root, size, unit, executor, options.workers))
    return plans


def report(
    plans: Sequence[Plan], rounds: Sequence[Sequence[Measurement]], machines: Sequence[int]
) -> dict[str, Any]:
    """Print what was measured and return it for a JSON file."""
    largest = max((m for m in rounds if m[0].executor == "threads"), key=lambda m: m[0].pages)
    page_bytes = sum(len(page.read(plans[0].root)) for page in plans[0].pool) / len(plans[0].pool)
    projected = projection(largest, machines, page_bytes)
    by_ray = [m[0] for m in rounds if m[0].executor == "ray"]
    same = [
        by_threads[0].sha256 == one.sha256
        for one in by_ray
        for by_threads in rounds
        if by_threads[0].executor == "threads" and by_threads[0].pages == one.pages
    ]
    print(table(rounds))
    print(f"\nBy step, {largest[0].pages:,} pages, {plans[0].workers} workers:\n\n{step_table(largest)}")
    if same:
        print(f"\nRay and threads gave {'the same bytes' if all(same) else 'DIFFERENT bytes'}.")
    print(f"\n{projection_text(projected)}")
    return {
        "runs": [[asdict(one) for one in measured] for measured in rounds],
        "ray_gives_the_same_bytes": all(same) if same else None,
        "projection": projected,
    }


def main() -> None:
    """Measure the bundles and pages named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detector", type=Path, required=True, help="bundle of the layout detector")
    parser.add_argument("--tagger", type=Path, required=True, help="bundle of the figure tagger")
    parser.add_argument("--embedder", type=Path, required=True, help="bundle of the embedder")
    parser.add_argument("--pages", type=Path, required=True, help="folder of page images, or a dataset")
    parser.add_argument("--pool", type=int, default=200, help="pages taken from it, then repeated")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--repeats", type=int, default=1, help="runs of each size; medians are reported")
    parser.add_argument("--workers", type=int, default=2, help="threads, and actors of Ray")
    parser.add_argument("--pages-per-unit", type=int, default=16)
    parser.add_argument("--ray-pages", type=int, default=0, help="pages for Ray against threads; 0: neither")
    parser.add_argument("--machines", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--out", type=Path, help="JSON file for the result")
    options = parser.parse_args()
    bundles = StageBundles(
        options.detector.resolve(),
        options.tagger.resolve(),
        {"general": options.embedder.resolve()},
        StageSettings(),
    )
    result: dict[str, Any] = circumstances()
    plans = plans_of(options, bundles.open)
    result |= report(plans, measure_in_turns(plans, options.repeats), options.machines)
    print(f"\nload average at the start: {result['load_average']}")
    write_json(options.out, result)


def _executor(plan: Plan) -> UnitExecutor:
    if plan.executor == "threads":
        return ThreadExecutor(plan.workers)
    from zuroku.corpus.ray_executor import RayExecutor

    return RayExecutor(RaySettings(actors=plan.workers))


def _peak_mb() -> float:
    """Return the high-water mark of this process: getrusage's would count its parent's as well."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
