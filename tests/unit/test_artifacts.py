"""Sealing, verifying, building aside and moving whole."""

import multiprocessing
import os
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from zuroku.artifacts import (
    SEAL,
    Artifact,
    build,
    file_sha256,
    locked,
    replace_folder,
    seal,
    verify,
    write_atomically,
)
from zuroku.errors import BusyError, IntegrityError


def _make(work: Path) -> None:
    (work / "sub").mkdir(exist_ok=True)
    (work / "a.txt").write_text("a")
    (work / "sub" / "b.txt").write_text("b")


def test_the_seal_is_what_sha256sum_checks(tmp_path: Path) -> None:
    artifact = build(tmp_path / "out", _make)
    done = subprocess.run(["sha256sum", "-c", SEAL], cwd=artifact.path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "sub/b.txt: OK" in done.stdout


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda p: (p / "a.txt").write_text("x"), "changed a.txt"),
        (lambda p: (p / "a.txt").unlink(), "missing a.txt"),
        (lambda p: (p / "new.txt").write_text(""), "added new.txt"),
    ],
)
def test_verify_names_every_difference(tmp_path: Path, damage, named) -> None:
    artifact = build(tmp_path / "out", _make)
    assert verify(artifact.path, artifact.sha256) == artifact
    damage(artifact.path)
    with pytest.raises(IntegrityError, match=named):
        verify(artifact.path)


@pytest.mark.parametrize("text", [b"0123", "0123  図".encode()[:-1]], ids=["cut", "cut letter"])
def test_a_broken_seal_is_said(tmp_path: Path, text: bytes) -> None:
    artifact = build(tmp_path / "out", _make)
    (artifact.path / SEAL).write_bytes(text)
    with pytest.raises(IntegrityError, match="is broken"):
        verify(artifact.path)


def test_a_resealed_folder_is_not_the_one_that_was_meant(tmp_path: Path) -> None:
    artifact = build(tmp_path / "out", _make)
    (artifact.path / "a.txt").write_text("forged")
    seal(artifact.path)
    verify(artifact.path)
    with pytest.raises(IntegrityError, match="seal"):
        verify(artifact.path, artifact.sha256)


def test_of_a_link_that_is_switched_meanwhile_one_bundle_is_checked_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_other(work: Path) -> None:
        _make(work)
        (work / "a.txt").write_text("other")
        (work / "sub" / "b.txt").write_text("other")

    old, new = build(tmp_path / "old", _make), build(tmp_path / "new", make_other)
    link = tmp_path / "champion"
    link.symlink_to(old.path)

    def switched(path: Path) -> str:
        digest = file_sha256(path)
        (tmp_path / "aside").symlink_to(new.path)
        os.replace(tmp_path / "aside", link)
        return digest

    monkeypatch.setattr("zuroku.artifacts.file_sha256", switched)
    assert verify(link) == Artifact(link, old.sha256)
    assert link.resolve() == new.path


def test_building_twice_runs_once(tmp_path: Path) -> None:
    calls = []
    first = build(tmp_path / "out", lambda work: (calls.append(1), _make(work))[1])
    second = build(tmp_path / "out", lambda work: (calls.append(1), _make(work))[1])
    assert first == second
    assert calls == [1]


def test_a_failed_build_leaves_nothing_at_the_target_and_goes_on_from_its_work(tmp_path: Path) -> None:
    def fail(work: Path) -> None:
        (work / "half.txt").write_text("half")
        raise RuntimeError("stopped")

    def finish(work: Path) -> None:
        assert (work / "half.txt").read_text() == "half"

    with pytest.raises(RuntimeError):
        build(tmp_path / "out", fail)
    assert not (tmp_path / "out").exists()
    build(tmp_path / "out", finish)
    assert (tmp_path / "out" / "half.txt").exists()


def test_replacing_keeps_the_old_folder_until_the_new_one_is_ready(tmp_path: Path) -> None:
    old, new = tmp_path / "out", tmp_path / "work"
    old.mkdir()
    (old / "old").touch()
    new.mkdir()
    (new / "new").touch()
    replace_folder(new, old)
    assert [p.name for p in old.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_failing_write_keeps_the_old_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def no_room(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(OSError, match="No space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def _hold(path: Path, held: str) -> None:
    with locked(path):
        Path(held).touch()
        time.sleep(60)


def test_a_lock_refuses_a_second_holder_and_dies_with_the_first(tmp_path: Path) -> None:
    path, held = tmp_path / ".job.lock", tmp_path / "held"
    process = multiprocessing.get_context("spawn").Process(target=_hold, args=(path, str(held)))
    process.start()
    for _ in range(600):
        if held.exists():
            break
        time.sleep(0.05)
    with pytest.raises(BusyError, match="another process is working on job"), locked(path, wait=False):
        pass
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    with locked(path, wait=False):
        pass


def test_a_lock_says_that_it_waits_only_when_it_does(tmp_path: Path) -> None:
    path, held = tmp_path / ".job.lock", ExitStack()
    held.enter_context(locked(path))
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        # Who is told before the wait can end it.
        held.close()

    with locked(path, say=say):
        assert said == [f"waiting for another process, which may have outlived its caller; it holds {path}"]
        with pytest.raises(BusyError), locked(path, wait=False, say=said.append):
            pass
    with locked(path, say=said.append):
        pass
    assert len(said) == 1
