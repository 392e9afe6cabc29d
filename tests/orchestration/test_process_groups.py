"""Stopping a process takes those along that it has started."""

import subprocess
import sys

import pytest

from orchestration.process_groups import stop_groups
from tests.workspace import REPOSITORY

# A parent that ends at once when told to, and a child that says it is ready and then sleeps.
_CHILD = "import signal, sys, time; {}; print('ready', flush=True); time.sleep(600)"
_IGNORE = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"


def family(child: str) -> subprocess.Popen[str]:
    """Start a parent with a child; return when both are up. Their output ends when both have ended."""
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    process = subprocess.Popen(
        [sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.parametrize("disposition", ["0", _IGNORE], ids=["heeds", "ignores"])
def test_children_end_with_their_parent(disposition: str) -> None:
    families = [family(_CHILD.format(disposition)) for _ in range(2)]
    stop_groups(families, 0.5)
    for process in families:
        assert process.returncode is not None
        assert process.stdout is not None
        # Blocks for ever where a child still holds the other end.
        assert process.stdout.read() == ""


def test_those_that_have_ended_are_no_trouble() -> None:
    process = subprocess.Popen(["true"], start_new_session=True)
    process.wait()
    stop_groups([process], 0.5)
    assert process.returncode == 0
    stop_groups([], 0.5)


@pytest.mark.parametrize("ignored", [False, True])
def test_the_end_of_the_terminal_interrupts_unless_it_is_ignored(ignored: bool) -> None:
    program = f"""
import signal
from orchestration.process_groups import interrupt_on_hangup
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.{"SIG_IGN" if ignored else "SIG_DFL"})
interrupt_on_hangup()
try:
    signal.raise_signal(signal.SIGHUP)
    print("goes on")
except KeyboardInterrupt:
    print("interrupted")
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.stdout == ("goes on\n" if ignored else "interrupted\n"), done.stderr
