"""A model that is released while another goes on from its kind, and trackers that stop or act at an epoch."""

import shutil
from collections.abc import Callable
from pathlib import Path

from safetensors.torch import load_file, save_file

from zuroku.artifacts import build
from zuroku.tracking import NullTracker


class Champions:
    """Two bundles, and the link that leads to the one in use."""

    def __init__(self, root: Path, first: Path) -> None:
        self.first, self.second = first, root / "second"
        self.link = root / "champion"
        self.link.symlink_to(first)

        def write(folder: Path) -> None:
            shutil.copytree(first, folder, dirs_exist_ok=True)
            state = {name: tensor + 1 for name, tensor in load_file(first / "model.safetensors").items()}
            save_file(state, folder / "model.safetensors")
            (folder / "training_groups.json").write_text('["elsewhere"]')

        build(self.second, write)

    def release(self) -> None:
        self.link.unlink()
        self.link.symlink_to(self.second)

    def releasing_after(self, make: Callable[..., object]) -> Callable[..., object]:
        """Return ``make``, after which the second bundle is the one in use."""

        def made(*arguments: object) -> object:
            result = make(*arguments)
            self.release()
            return result

        return made


class AtEpoch(NullTracker):
    """Notes the epochs, and does something after one of them."""

    def __init__(self, epoch: int = -1, act: Callable[[], None] = lambda: None) -> None:
        self.epochs: list[int] = []
        self._epoch, self._act = epoch, act

    def log_metrics(self, metrics: object, step: int = 0) -> None:
        self.epochs.append(step)
        if step == self._epoch:
            self._act()


def stop() -> None:
    raise KeyboardInterrupt
