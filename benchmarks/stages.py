"""Seconds and memory of work by stages, each run in a process of its own.

Memory is that of the process and all that it starts, as a reader in several processes does. What the stages
are belongs to the benchmarks.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

_SAMPLING_S = 0.03

Work = Callable[..., Iterator[tuple[str, int]]]
"""Yields the name of each stage and how many items it gave, when the stage is done."""


@dataclass(frozen=True)
class Stage:
    """One stage of one run.

    ``cpu_seconds`` are those of all cores and ended child processes; ``peak_mib`` is the most memory that no
    file backs, within the stage.
    """

    name: str
    items: int
    seconds: float
    cpu_seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Failure:
    """What a run ended with instead."""

    reason: str


def run_alone(work: Work, *arguments: Any) -> list[Stage] | Failure:
    """Run ``work(*arguments)`` in a new process and measure its stages; the first includes its start."""
    context = get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    # No daemon: those may not start processes.
    process = context.Process(target=_work, args=(work, arguments, theirs, perf_counter()))
    process.start()
    theirs.close()
    stages: list[Stage] = []
    peak = 0
    while True:
        if not ours.poll(_SAMPLING_S):
            peak = max(peak, tree_bytes(process.pid or 0))
            continue
        try:
            message = ours.recv()
        except EOFError:
            break
        if isinstance(message, Failure):
            process.join()
            return message
        stages.append(Stage(*message, peak_mib=peak / 2**20))
        peak = 0
    process.join()
    return stages if process.exitcode == 0 else Failure(f"ended with code {process.exitcode}")


def tree_bytes(pid: int) -> int:
    """Memory that no file backs of the process ``pid`` and all its descendants."""
    parents: dict[int, int] = {}
    private: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        fields = dict(line.split(":", 1) for line in lines)
        number = int(fields["Pid"])
        parents[number] = int(fields["PPid"])
        private[number] = int(fields.get("RssAnon", "0 kB").split()[0]) << 10
    return sum(size for number, size in private.items() if pid in _line_of(number, parents))


def medians(runs: Sequence[Sequence[Stage]]) -> dict[str, Stage]:
    """Return each stage with its median seconds and memory over ``runs``."""
    return {
        stages[0].name: Stage(
            stages[0].name,
            stages[0].items,
            median(stage.seconds for stage in stages),
            median(stage.cpu_seconds for stage in stages),
            median(stage.peak_mib for stage in stages),
        )
        for stages in zip(*runs, strict=True)
    }


def _work(work: Work, arguments: Sequence[Any], pipe: Connection, start: float) -> None:
    worked = 0.0
    try:
        for name, items in work(*arguments):
            # The clock of perf_counter is the same in all processes of a machine.
            now, cpu = perf_counter(), sum(os.times()[:4])
            pipe.send((name, items, now - start, cpu - worked))
            start, worked = perf_counter(), cpu
    except Exception as error:
        pipe.send(Failure(f"{type(error).__name__}: {error}".splitlines()[0]))


def _line_of(number: int, parents: Mapping[int, int]) -> list[int]:
    """Return the process and its ancestors."""
    line = [number]
    while line[-1] in parents:
        line.append(parents[line[-1]])
    return line
