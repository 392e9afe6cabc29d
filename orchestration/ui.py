"""``make ui``: Dagster's webserver and daemon, and an MLflow server, as one command.

All three use the state that ``make demo`` wrote and log to ``var/logs``. Ctrl-C, or the end of any
one of them, stops all.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from orchestration.environment import Environment, environment, prepare_state

_HOST = "127.0.0.1"
_START_TIMEOUT_S = 120
# MLflow's background jobs are for its language-model features, and outlive the server.
_ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def main() -> None:
    """Start the servers, print their addresses, and wait until they are stopped."""
    settings = environment()
    prepare_state(settings)
    processes: dict[str, subprocess.Popen[bytes]] = {}
    logs = settings.profile.var / "logs"
    logs.mkdir(parents=True, exist_ok=True)

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        for name, command in _commands(settings).items():
            # A group of its own, so that the workers a server starts are stopped with it.
            with (logs / f"{name}.log").open("wb") as log:
                processes[name] = subprocess.Popen(
                    command,
                    cwd=settings.profile.root,
                    env=os.environ | _ENVIRONMENT,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        if _wait_until_up(settings, processes):
            print(f"\n  Dagster  http://{_HOST}:{settings.dagster_port}", flush=True)
            print(f"  MLflow   http://{_HOST}:{settings.mlflow_port}", flush=True)
            print("\nCtrl-C stops both.", flush=True)
            while all(process.poll() is None for process in processes.values()):
                time.sleep(0.5)
        ended = [name for name, process in processes.items() if process.poll() is not None]
        for name in ended:
            print((logs / f"{name}.log").read_text(errors="replace")[-2000:], file=sys.stderr)
        sys.exit(f"{', '.join(ended) or 'A server'} has ended: see {logs}. Is its port free?")
    except KeyboardInterrupt:
        print("\nStopping.", flush=True)
    finally:
        _stop(processes)


def _commands(settings: Environment) -> dict[str, list[str]]:
    programs = Path(sys.executable).parent
    code = ["-m", "orchestration.definitions"]
    mlflow = [str(programs / "mlflow"), "server", "--host", _HOST, "--port", str(settings.mlflow_port)]
    if not settings.tracking_uri.startswith("http"):
        mlflow += ["--backend-store-uri", settings.tracking_uri]
        mlflow += ["--default-artifact-root", settings.artifact_root, "--workers", "1"]
    webserver = [str(programs / "dagster-webserver"), "--host", _HOST, "--port", str(settings.dagster_port)]
    commands = {
        "dagster-webserver": [*webserver, *code],
        "dagster-daemon": [str(programs / "dagster-daemon"), "run", *code],
    }
    if not settings.tracking_uri.startswith("http"):
        commands["mlflow"] = mlflow
    return commands


def _wait_until_up(settings: Environment, processes: dict[str, subprocess.Popen[bytes]]) -> bool:
    addresses = [f"http://{_HOST}:{settings.dagster_port}/server_info"]
    if "mlflow" in processes:
        addresses.append(f"http://{_HOST}:{settings.mlflow_port}/health")
    deadline = time.monotonic() + _START_TIMEOUT_S
    while addresses and time.monotonic() < deadline:
        if any(process.poll() is not None for process in processes.values()):
            return False
        addresses = [address for address in addresses if not _answers(address)]
        time.sleep(0.5)
    return not addresses


def _answers(address: str) -> bool:
    try:
        with urlopen(address, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _stop(processes: dict[str, subprocess.Popen[bytes]]) -> None:
    for process in processes.values():
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + 15
    for process in processes.values():
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


if __name__ == "__main__":
    main()
