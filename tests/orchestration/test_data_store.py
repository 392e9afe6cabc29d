"""DVC as the data store: stages, workspaces of other profiles, remotes, and two at once.

The source is a folder of a few pictures, so that each stage takes a second.
"""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
import yaml

from orchestration.resources import data_store
from orchestration.resources.data_store import DataStore, StageOutcome
from tests.orchestration.s3_server import s3_server
from tests.unit.training import figure_data
from tests.workspace import REPOSITORY, edit, tiny_workspace
from zuroku.datasets.manifest import Dataset
from zuroku.errors import DataStoreError
from zuroku.profile import Profile

pytestmark = pytest.mark.slow
STAGE = "ndl_imagelabel"
CLASSES = ("graphic_map", "stamp")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace whose dataset is a folder of four pictures, and whose code is a file of its own."""
    tiny_workspace(tmp_path)
    params = yaml.safe_load((tmp_path / "params.yaml").read_text())
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params | {"source": "src/zuroku"}))
    (tmp_path / "src" / "zuroku" / "datasets").mkdir(parents=True)
    (tmp_path / "src" / "zuroku" / "datasets" / "code.py").write_text("# what the stages depend on\n")
    for number in range(4):
        folder = tmp_path / "raw" / CLASSES[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}_1_0.jpg").write_bytes(figure_data.draw("bars", number))
    source = {"root": "raw", "layout": "class_folders", "licence": "CC0-1.0"}
    edit(tmp_path, STAGE, source="folder", folder=source)
    return tmp_path


def store_of(root: Path, profile: str = "sample") -> DataStore:
    return DataStore(root=str(root), profile=profile)


def reproduce(store: DataStore, force: bool = False, said: list[str] | None = None) -> StageOutcome:
    return store.reproduce(STAGE, force, (said if said is not None else []).append)


def test_a_stage_runs_once_and_again_only_when_forced_or_changed(root: Path) -> None:
    store = store_of(root)
    said: list[str] = []
    first = reproduce(store, said=said)
    data = Dataset(root / "var" / "sample" / "data" / STAGE)
    assert data.card["items"] == 4
    assert any("4 items in 4 groups" in line for line in said), "the stage's own words are passed on"
    lock = yaml.safe_load((root / "dvc.lock").read_text())
    assert first == StageOutcome(lock["stages"][STAGE]["outs"][0]["md5"], ran=True)

    assert reproduce(store) == StageOutcome(first.md5, ran=False)
    assert reproduce(store, force=True) == StageOutcome(first.md5, ran=True)

    edit(root, STAGE, description="another")
    changed = reproduce(store)
    assert changed.ran
    assert changed.md5 != first.md5
    assert Dataset(data.root).version == data.version, "the card changed, the items did not"


def test_another_profile_works_in_its_own_folder(root: Path) -> None:
    reproduce(store_of(root))
    lock = (root / "dvc.lock").read_bytes()
    params = (root / "params.yaml").read_bytes()
    shutil.copytree(root / "configs" / "sample", root / "configs" / "other")
    (root / "raw" / "stamp" / "7_1_0.jpg").write_bytes(figure_data.draw("rings", 7))

    outcome = reproduce(store_of(root, "other"))
    home = root / "var" / "other"
    own = yaml.safe_load((home / "dvc.lock").read_text())
    assert own["stages"][STAGE]["outs"][0]["md5"] == outcome.md5
    assert own["stages"][STAGE]["outs"][0]["path"] == f"data/{STAGE}"
    assert Dataset(Profile("other", root).dataset(STAGE)).card["items"] == 5
    assert (root / "dvc.lock").read_bytes() == lock
    assert (root / "params.yaml").read_bytes() == params
    assert Dataset(root / "var" / "sample" / "data" / STAGE).card["items"] == 4
    assert reproduce(store_of(root, "other")) == StageOutcome(outcome.md5, ran=False)


def test_a_failing_stage_says_what_its_command_said(root: Path) -> None:
    (root / "raw" / "stamp" / "9_1_0.jpg").write_bytes(b"no image")
    with pytest.raises(DataStoreError) as caught:
        reproduce(store_of(root))
    message = str(caught.value)
    assert f"failed in {root}" in message
    assert "QuarantineError: 1 of 5 items are bad (9_1_0" in message
    assert not (root / "var" / "sample" / "data" / STAGE).exists()

    (root / "raw" / "stamp" / "9_1_0.jpg").write_bytes(figure_data.draw("rings", 9))
    assert reproduce(store_of(root)).ran


def test_an_unknown_stage_is_said(root: Path) -> None:
    with pytest.raises(DataStoreError, match="nothing"):
        store_of(root).reproduce("nothing", False, lambda line: None)


def test_a_failing_stage_leaves_the_earlier_dataset(root: Path) -> None:
    reproduce(store_of(root))
    data = Profile("sample", root).dataset(STAGE)
    version = Dataset(data).version
    (root / "raw" / "stamp" / "9_1_0.jpg").write_bytes(b"no image")
    with pytest.raises(DataStoreError):
        reproduce(store_of(root), force=True)
    assert (data / "manifest.parquet").is_file()
    assert Dataset(data).version == version


def test_what_is_pushed_and_lost_is_pulled_again(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    remote = tmp_path_factory.mktemp("remote")
    assert_survives_in(remote.as_posix(), root)
    assert list(remote.rglob("*.dir"))


def test_the_same_in_an_object_store(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "anyone",
        "AWS_SECRET_ACCESS_KEY": "anything",
        "AWS_CONFIG_FILE": str(root / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(root / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    with s3_server() as server:
        assert_survives_in("s3://bucket/data", root, f"    endpointurl = {server.url}\n")
        assert any(name.startswith("bucket/data/files/md5/") for name in server.objects)
        stored = len(server.uploads)
        store_of(root).dvc(["push", STAGE])
        assert len(server.uploads) == stored, "what is there already is not sent again"


def assert_survives_in(url: str, root: Path, settings: str = "") -> None:
    """Make the dataset, push it to ``url``, lose output and cache, pull, and compare."""
    store = store_of(root)
    reproduce(store)
    data = Profile("sample", root).dataset(STAGE)
    version = Dataset(data).version
    with (root / ".dvc" / "config.local").open("a") as file:
        file.write(f"    remote = far\n['remote \"far\"']\n    url = {url}\n{settings}")
    store.dvc(["push", STAGE])
    shutil.rmtree(data)
    shutil.rmtree(root / ".dvc" / "cache")
    with pytest.raises(DataStoreError):
        store.dvc(["checkout", STAGE])
    store.dvc(["pull", STAGE])
    found = Dataset(data)
    assert found.version == version
    found.verify()
    assert not reproduce(store).ran


@pytest.mark.parametrize("disposition", ["", "trap '' TERM; "], ids=["heeds", "ignores"])
def test_a_stopped_run_leaves_no_command_of_a_stage_behind(
    root: Path, monkeypatch: pytest.MonkeyPatch, disposition: str
) -> None:
    monkeypatch.setattr(data_store, "_PATIENCE_S", 2.0)
    stages = yaml.safe_load((root / "dvc.yaml").read_text())
    stages["stages"][STAGE] = {"cmd": "echo $$ > pid && . ./command", "outs": ["out"]}
    (root / "command").write_text(f"mkdir out; {disposition}echo ready; sleep 600; sleep 600")
    (root / "dvc.yaml").write_text(yaml.safe_dump(stages))

    def interrupt(line: str) -> None:
        if line == "ready":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store_of(root).reproduce(STAGE, False, interrupt)
    pid = int((root / "pid").read_text())
    # What is killed is gone a moment after.
    deadline = time.monotonic() + 5
    while runs(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs(pid)

    (root / "command").write_text("rm -rf out && mkdir out && date > out/made")
    assert reproduce(store_of(root)).ran


def runs(pid: int) -> bool:
    """Say whether a process runs; one that has ended and that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@contextmanager
def in_the_background(call) -> Iterator[tuple[threading.Thread, list[BaseException]]]:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread, failed
    finally:
        thread.join()


def test_dvc_is_told_to_wait_for_another(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = []

    class Started:
        stdout = ()

        def __init__(self, command: list[str], **settings: object) -> None:
            commands.append(command)

        def wait(self) -> int:
            return 0

    monkeypatch.setattr(data_store.subprocess, "Popen", Started)
    store_of(root).dvc(["repro", STAGE])
    assert commands == [[sys.executable, "-m", "dvc", "--wait-for-lock", "repro", STAGE]]


def slow_stage(root: Path) -> None:
    """Make the stage one that says in a file that it has started, and waits there for another."""
    stages = yaml.safe_load((root / "dvc.yaml").read_text())
    slow = "touch started && while [ ! -e go ]; do sleep 0.05; done && mkdir -p out && date > out/made"
    stages["stages"][STAGE] = {"cmd": slow, "outs": ["out"]}
    (root / "dvc.yaml").write_text(yaml.safe_dump(stages))


def wait_for(path: Path, going_on: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 100
    while not path.exists() and going_on() and time.monotonic() < deadline:
        time.sleep(0.05)


class Watched:
    """Sees who comes to the data store's lock, and every process that is started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.arrived = threading.Event()
        self.started: list[Any] = []
        locked, popen = data_store.locked, subprocess.Popen

        def seen_locked(path: Path, **settings: Any) -> AbstractContextManager[IO[str]]:
            self.arrived.set()
            return locked(path, **settings)

        def seen_popen(command: list[str], **settings: Any) -> Any:
            self.started.append(command)
            return popen(command, **settings)

        monkeypatch.setattr(data_store, "locked", seen_locked)
        monkeypatch.setattr(data_store.subprocess, "Popen", seen_popen)


def test_the_same_stage_at_once_is_waited_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_stage(root)
    watched = Watched(monkeypatch)
    said: list[str] = []
    with in_the_background(lambda: reproduce(store_of(root))) as (first, first_failed):
        wait_for(root / "started", first.is_alive)
        watched.arrived.clear()
        with in_the_background(lambda: reproduce(store_of(root), said=said)) as (second, second_failed):
            assert watched.arrived.wait(60)
            # What does not wait has passed the lock by then, and starts at once.
            second.join(0.5)
            waiting = second.is_alive() and len(watched.started) == 1
            said_before_it_ended = list(said)
            (root / "go").touch()
    assert waiting
    assert said_before_it_ended == [
        "waiting for another process, which may have outlived its caller; it holds "
        f"{root / 'var' / 'sample' / '.dvc.lock'}"
    ]
    assert first_failed == []
    assert second_failed == []


def test_a_stage_whose_caller_was_killed_is_waited_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow_stage(root)
    program = "import sys; from orchestration.resources.data_store import DataStore; " + (
        f"DataStore(root=sys.argv[1], profile='sample').reproduce({STAGE!r}, False, print)"
    )
    told = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    killed = subprocess.Popen([sys.executable, "-c", program, str(root)], env=told)
    wait_for(root / "started", lambda: killed.poll() is None)
    killed.kill()
    killed.wait()

    watched = Watched(monkeypatch)
    with in_the_background(lambda: reproduce(store_of(root))) as (again, failed):
        assert watched.arrived.wait(60)
        again.join(0.5)
        waiting = again.is_alive() and not watched.started
        (root / "go").touch()
    assert waiting
    assert failed == []
    assert (root / "out" / "made").is_file()
