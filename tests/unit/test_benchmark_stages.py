"""Stages of a benchmark are measured each for itself, in a process of its own."""

import os
import time

from benchmarks.stages import Failure, Stage, medians, run_alone, tree_bytes


def hold_memory(mebibytes):
    yield "start", 0
    held = bytearray(os.urandom(1 << 20) * mebibytes)
    time.sleep(0.2)
    yield "held", len(held) >> 20
    del held
    time.sleep(0.1)
    yield "freed", 0


def fail_late():
    yield "start", 0
    raise ValueError("no such land\nand more")


def end_early():
    yield "start", 0
    os._exit(3)


def test_each_stage_has_its_own_seconds_and_memory():
    start, held, freed = run_alone(hold_memory, 64)
    assert [start.name, held.name, freed.name] == ["start", "held", "freed"]
    assert held.items == 64
    assert held.seconds >= 0.2
    assert held.peak_mib > freed.peak_mib + 40


def test_a_run_that_fails_says_why_and_one_that_dies_how():
    assert run_alone(fail_late) == Failure("ValueError: no such land")
    assert run_alone(end_early) == Failure("ended with code 3")


def test_memory_of_a_process_that_is_not_there_is_nothing():
    assert tree_bytes(os.getpid()) > 1 << 20
    assert tree_bytes(-1) == 0


def test_medians_are_taken_stage_by_stage():
    runs = [[Stage("a", 7, s, 2 * s, 1.0), Stage("b", 8, 10 * s, s, s)] for s in (3.0, 1.0, 2.0)]
    assert medians(runs) == {"a": Stage("a", 7, 2.0, 4.0, 1.0), "b": Stage("b", 8, 20.0, 2.0, 2.0)}
