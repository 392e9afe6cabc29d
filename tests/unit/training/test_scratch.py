"""The folder that a killed training goes on from, and when it does not."""

import shutil
from pathlib import Path

import pytest

from zuroku.training.scratch import scratch_folder

BEGAN = {"weights": "a", "location_weights": "b"}


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """What a killed training has left."""
    scratch = scratch_folder(tmp_path / "bundle", BEGAN)
    (scratch / "checkpoints").mkdir()
    (scratch / "checkpoints" / "last.ckpt").write_bytes(b"")
    return scratch


def test_it_lies_beside_the_bundle(left: Path, tmp_path: Path) -> None:
    assert left == tmp_path / "bundle.scratch"


@pytest.mark.parametrize("again", [BEGAN, dict(reversed(BEGAN.items()))])
def test_begun_alike_it_keeps_what_is_there(left: Path, tmp_path: Path, again: dict[str, str]) -> None:
    assert scratch_folder(tmp_path / "bundle", again) == left
    assert (left / "checkpoints" / "last.ckpt").exists()


@pytest.mark.parametrize("again", [{}, {"weights": "a"}, BEGAN | {"weights": "c"}])
def test_begun_from_other_weights_it_is_emptied(left: Path, tmp_path: Path, again: dict[str, str]) -> None:
    assert scratch_folder(tmp_path / "bundle", again) == left
    assert not (left / "checkpoints").exists()


def test_without_a_mark_it_is_emptied(left: Path, tmp_path: Path) -> None:
    (left / "start.json").unlink()
    scratch_folder(tmp_path / "bundle", BEGAN)
    assert not (left / "checkpoints").exists()


def test_killed_while_it_is_emptied_it_is_not_gone_on_from(
    left: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            scratch_folder(tmp_path / "bundle", {"weights": "c"})
    scratch_folder(tmp_path / "bundle", BEGAN)
    assert not (left / "checkpoints").exists()
