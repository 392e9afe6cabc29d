"""``make ui``: Dagster's webserver and daemon, and an MLflow server, as one command.

All three use the state that ``make demo`` wrote and log to ``var/logs``. Ctrl-C, a closed terminal, or
the end of any one of them, stops all. Where runs are tracked on a server already, none is started.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from orchestration.environment import HOST, Environment, environment, prepare_state
from orchestration.process_groups import stop_groups
from zuroku.errors import ZurokuError

_START_TIMEOUT_S = 120
_STOP_TIMEOUT_S = 15
_POLL_S = 0.5


def main() -> None:
    """Start the servers, print their addresses, and wait until they are stopped."""
    settings = environment()
    try:
        prepare_state(settings)
    except ZurokuError as error:
        sys.exit(str(error))
    stopped = _stopped_by_signals()
    processes: dict[str, subprocess.Popen[bytes]] = {}
    logs = settings.profile.var / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    try:
        for name, command in _commands(settings).items():
            # A group of its own, so that the workers a server starts are stopped with it.
            with (logs / f"{name}.log").open("wb") as log:
                processes[name] = subprocess.Popen(
                    command,
                    cwd=settings.profile.root,
                    env=os.environ | _variables(settings),
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        if _wait_until_up(settings, processes, stopped):
            print(f"\n  Dagster  {settings.dagster_url}", flush=True)
            print(f"  MLflow   {settings.mlflow_url}", flush=True)
            print("\nCtrl-C stops what was started.", flush=True)
            while _all_run(processes) and not stopped.wait(_POLL_S):
                pass
        if not stopped.is_set():
            ended = [name for name, process in processes.items() if process.poll() is not None]
            for name in ended:
                print((logs / f"{name}.log").read_text(errors="replace")[-2000:], file=sys.stderr)
            sys.exit(f"{', '.join(ended) or 'A server'} has ended: see {logs}. Is its port free?")
        print("\nStopping.", flush=True)
    finally:
        stop_groups(processes.values(), _STOP_TIMEOUT_S)


def _stopped_by_signals() -> threading.Event:
    """Return an event that Ctrl-C, SIGTERM and the end of the terminal set.

    A second one does nothing, so that it cannot break off the stopping.
    """
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # What the caller has ignored (``nohup``) stays ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: stopped.set())
    return stopped


def _commands(settings: Environment) -> dict[str, list[str]]:
    programs = Path(sys.executable).parent
    code = ["-m", "orchestration.definitions"]
    webserver = [str(programs / "dagster-webserver"), "--host", HOST, "--port", str(settings.dagster_port)]
    commands = {
        "dagster-webserver": [*webserver, *code],
        "dagster-daemon": [str(programs / "dagster-daemon"), "run", *code],
    }
    if not settings.has_mlflow_server:
        mlflow = [str(programs / "mlflow"), "server", "--host", HOST, "--port", str(settings.mlflow_port)]
        commands["mlflow"] = [*mlflow, "--workers", "1"]
    return commands


def _variables(settings: Environment) -> dict[str, str]:
    """Return what the servers are told aside: addresses hold passwords, and anyone can list commands."""
    # MLflow's background jobs are for its language-model features, and outlive the server.
    variables = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    if not settings.has_mlflow_server:
        variables["MLFLOW_BACKEND_STORE_URI"] = settings.tracking_uri
        variables["MLFLOW_DEFAULT_ARTIFACT_ROOT"] = settings.artifact_root
    return variables


def _wait_until_up(
    settings: Environment, processes: dict[str, subprocess.Popen[bytes]], stopped: threading.Event
) -> bool:
    """Return whether all servers answer; false where one has ended, time is up, or we are ``stopped``."""
    addresses = [f"{settings.dagster_url}/server_info"]
    if "mlflow" in processes:
        addresses.append(f"{settings.mlflow_url}/health")
    deadline = time.monotonic() + _START_TIMEOUT_S
    while addresses and time.monotonic() < deadline:
        if not _all_run(processes) or stopped.wait(_POLL_S):
            return False
        addresses = [address for address in addresses if not _answers(address)]
    return not addresses


def _all_run(processes: dict[str, subprocess.Popen[bytes]]) -> bool:
    return all(process.poll() is None for process in processes.values())


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


if __name__ == "__main__":
    main()
