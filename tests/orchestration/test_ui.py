"""``make ui`` with stand-ins for its servers: what is told to them, and how they are stopped."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration import ui
from orchestration.environment import Environment
from tests.workspace import REPOSITORY
from zuroku.profile import Profile

# Servers that never answer: the second takes a moment to stop, and says how it went.
_SERVER = "import time; time.sleep(600)"
_SLOW = """
import signal, sys, time
from pathlib import Path

def stop(number, frame):
    Path("stopping").touch()
    time.sleep(1)
    Path("stopped").touch()
    sys.exit()

signal.signal(signal.SIGTERM, stop)
Path("started").touch()
time.sleep(600)
"""
# What whoever runs the tests ignores (``nohup``, a shell's ``&``), they would ignore too.
_HEEDED = """
import signal
signal.signal(signal.SIGHUP, signal.{hangup})
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
"""
_MAIN = """
import sys
from orchestration import ui
servers = {{"one": {one!r}, "two": {two!r}}}
ui._commands = lambda settings: {{name: [sys.executable, "-c", code] for name, code in servers.items()}}
ui.main()
"""


@pytest.fixture
def settings(tmp_path: Path) -> Environment:
    return Environment(
        profile=Profile("sample", tmp_path),
        instance="local",
        tracking_uri="postgresql://anyone:hush@db/mlflow",
        artifact_root="s3://key:hush@bucket",
        mlflow_port=5050,
        dagster_port=3030,
    )


def test_no_command_line_holds_an_address_with_a_password(settings: Environment) -> None:
    commands = ui._commands(settings)
    assert list(commands) == ["dagster-webserver", "dagster-daemon", "mlflow"]
    assert "hush" not in str(commands)
    variables = ui._variables(settings)
    assert variables["MLFLOW_BACKEND_STORE_URI"] == settings.tracking_uri
    assert variables["MLFLOW_DEFAULT_ARTIFACT_ROOT"] == settings.artifact_root


def test_where_there_is_a_server_for_runs_none_is_started(settings: Environment) -> None:
    remote = replace(settings, tracking_uri="http://mlflow.example:5000")
    assert list(ui._commands(remote)) == ["dagster-webserver", "dagster-daemon"]
    assert "MLFLOW_BACKEND_STORE_URI" not in ui._variables(remote)


def started(root: Path, hangup: str = "SIG_DFL", two: str = _SLOW) -> subprocess.Popen[str]:
    """Start ``main`` with stand-ins in the workspace ``root``; return when the second is up or has ended."""
    program = _HEEDED.format(hangup=hangup) + _MAIN.format(one=_SERVER, two=two)
    told = {"ZUROKU_ROOT": str(root), "MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "ZUROKU_INSTANCE": "local"}
    told |= {"DAGSTER_HOME": str(root / "home"), "PYTHONPATH": str(REPOSITORY), "ZUROKU_DAGSTER_PORT": "9"}
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=root, env=os.environ | told, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    wait_for(root / "started", process)
    return process


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until there is a file at ``path`` or ``process`` has ended."""
    deadline = time.monotonic() + 100
    while not path.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT], ids=lambda n: n.name)
def test_signals_stop_the_servers_and_a_second_does_not_break_it_off(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = started(tmp_path)
    process.send_signal(number)
    wait_for(tmp_path / "stopping", process)
    for again in (signal.SIGINT, number):
        process.send_signal(again)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Stopping." in said
    # Had the wait been broken off, the slow one would have been left to itself.
    assert (tmp_path / "stopped").exists()


@pytest.mark.slow
def test_without_a_terminal_from_the_start_its_end_is_ignored(tmp_path: Path) -> None:
    process = started(tmp_path, "SIG_IGN")
    process.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert process.poll() is None
    assert not (tmp_path / "stopping").exists()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert (tmp_path / "stopped").exists()


@pytest.mark.slow
def test_the_end_of_one_server_stops_the_others_and_is_told(tmp_path: Path) -> None:
    process = started(tmp_path, two="raise SystemExit('the port is taken')")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "the port is taken" in said
    assert "two has ended" in said
