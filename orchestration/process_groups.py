"""Stopping a process with everything that it has started. Starting it is left to the caller."""

import os
import signal
import subprocess
import time
from collections.abc import Collection
from typing import Any

_EXISTS = 0


def stop_groups(processes: Collection[subprocess.Popen[Any]], patience_s: float) -> None:
    """End the process groups that ``processes`` lead; what is there after ``patience_s`` seconds is killed.

    Each has to lead a group of its own (``start_new_session=True``).
    """
    for process in processes:
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    while any(_signal(process, _EXISTS) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    for process in processes:
        _signal(process, signal.SIGKILL)
        process.wait()


def interrupt_on_hangup() -> None:
    """Let the end of the terminal interrupt this process as Ctrl-C does; ``nohup`` is respected.

    It would end at once otherwise, and the groups it has started, which have left the terminal, would not.
    """
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, lambda number, frame: signal.raise_signal(signal.SIGINT))


def _signal(process: subprocess.Popen[Any], number: int) -> bool:
    """Send ``number`` to the group that ``process`` leads; return whether there still is one."""
    # A leader that has ended counts as a member until it is waited for.
    process.poll()
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True
