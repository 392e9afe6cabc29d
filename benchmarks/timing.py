"""Comparing systems by the clock on a machine that is never quite idle.

The systems take turns for several rounds, so a busy minute hits all of them, and what is reported is
the median of the per-round ratios with its range. What the systems do belongs to the benchmarks;
nothing here asserts a time.
"""

import json
import os
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

MIN_ROUNDS = 5

System = Callable[[], int]
"""Does the work once and returns how many items it handled."""


@dataclass(frozen=True)
class Ratio:
    """How many times as fast one system is as another: over the rounds, paired."""

    median: float
    lowest: float
    highest: float


@dataclass(frozen=True)
class Timings:
    """Items per second of each system, one value per round."""

    rates: dict[str, list[float]]

    def median_rate(self, name: str) -> float:
        """Return the median items per second of the system ``name``."""
        return median(self.rates[name])

    def ratio(self, name: str, reference: str) -> Ratio:
        """Return how many times as fast ``name`` is as ``reference``."""
        pairs = zip(self.rates[name], self.rates[reference], strict=True)
        ratios = [ours / theirs for ours, theirs in pairs]
        return Ratio(median(ratios), min(ratios), max(ratios))


def take_turns(systems: Mapping[str, System], rounds: int) -> Timings:
    """Run every system once unmeasured, then all of them in turn, ``rounds`` times."""
    for run in systems.values():
        run()
    rates: dict[str, list[float]] = {name: [] for name in systems}
    for _ in range(rounds):
        for name, run in systems.items():
            start = perf_counter()
            items = run()
            rates[name].append(items / (perf_counter() - start))
    return Timings(rates)


def table(timings: Timings, ours: str, unit: str) -> str:
    """Return a Markdown table: each system's median rate and how many times as fast ``ours`` is."""
    lines = [f"| system | {unit}/s | {ours} is faster by | range over rounds |", "|---|---:|---:|---|"]
    for name in timings.rates:
        ratio = timings.ratio(ours, name)
        factor, spread = f"{ratio.median:.2f}×", f"{ratio.lowest:.2f}–{ratio.highest:.2f}×"
        if name == ours:
            factor = spread = ""
        lines.append(f"| {name} | {timings.median_rate(name):,.0f} | {factor} | {spread} |")
    return "\n".join(lines)


def as_json(timings: Timings, ours: str) -> dict[str, Any]:
    """Return the medians, the ratios of ``ours`` to the others, and every round, for a JSON file."""
    return {
        "median_per_second": {name: timings.median_rate(name) for name in timings.rates},
        "ratios": {name: asdict(timings.ratio(ours, name)) for name in timings.rates if name != ours},
        "rounds_per_second": timings.rates,
    }


def circumstances() -> dict[str, Any]:
    """Return when and where this runs, with the load averages over 1, 5 and 15 minutes."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "python": platform.python_version(),
    }


def write_json(path: Path | None, result: Mapping[str, Any]) -> None:
    """Write ``result`` to ``path``; without a path, do nothing."""
    if path is not None:
        path.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
