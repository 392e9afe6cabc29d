"""DVC as a Dagster resource: runs the stage of a dataset and says what it made.

DVC owns the data stages, Dagster everything after them. ``dvc.lock`` in the repository is the
sample's; every other profile works in a workspace of its own below ``var/``.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import dagster as dg
import yaml

from orchestration.process_groups import stop_groups
from zuroku.artifacts import locked
from zuroku.errors import DataStoreError

SAMPLE = "sample"
# How long a stopped stage may take to put its things in order.
_PATIENCE_S = 15.0


@dataclass(frozen=True)
class StageOutcome:
    """What DVC recorded for a stage: the md5 of its output, and whether its command ran."""

    md5: str
    ran: bool


class DataStore(dg.ConfigurableResource):
    """DVC for one profile of the repository at ``root``."""

    root: str
    profile: str

    @property
    def workspace(self) -> Path:
        """The folder DVC works in: the repository for the sample, else ``var/<profile>``."""
        root = Path(self.root)
        return root if self.profile == SAMPLE else root / "var" / self.profile

    def reproduce(self, stage: str, force: bool, say: Callable[[str], None]) -> StageOutcome:
        """Run ``dvc repro`` for ``stage`` and return what its lock file records.

        DVC runs the command only if its dependencies, its configuration or its output changed, or
        if ``force`` is set. Another ``dvc`` at work is waited for, also one whose caller was killed; ``say``
        is told so.

        Raises:
            DataStoreError: the command failed; its output is in the message.
        """
        self.prepare()
        command = ["repro", "--single-item", *(["--force"] if force else []), stage]
        # DVC waits for its repository's lock, but not for another run of the same stage.
        with locked(Path(self.root) / "var" / self.profile / ".dvc.lock", say=say) as lock_file:
            output = self.dvc(command, say, lock_file)
        lock = yaml.safe_load((self.workspace / "dvc.lock").read_text(encoding="utf-8"))
        md5 = str(lock["stages"][stage]["outs"][0]["md5"])
        return StageOutcome(md5, ran=f"Running stage '{stage}'" in output)

    def dvc(
        self,
        arguments: list[str],
        say: Callable[[str], None] = lambda line: None,
        lock_file: IO[str] | None = None,
    ) -> str:
        """Run ``dvc`` with ``arguments`` in the workspace and return what it printed.

        ``lock_file`` is a lock that it shall hold as long as it lives, whatever becomes of this process.
        """
        command = [sys.executable, "-m", "dvc", "--wait-for-lock", *arguments]
        # The stages call ``zuroku`` by name: the one of this environment, activated or not.
        search_path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        process = subprocess.Popen(
            command,
            cwd=self.workspace,
            env=os.environ | {"PATH": search_path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            # A group of its own, so that the commands of its stages are stopped with it.
            start_new_session=True,
            pass_fds=[lock_file.fileno()] if lock_file else [],
        )
        lines = []
        try:
            for line in process.stdout or ():
                lines.append(line)
                say(line.rstrip())
            code = process.wait()
        except BaseException:
            # A stopped Dagster run must not leave an ingest behind.
            stop_groups([process], _PATIENCE_S)
            raise
        if code:
            raise DataStoreError(
                f"`dvc {' '.join(arguments)}` failed in {self.workspace}:\n{''.join(lines[-25:])}",
                expected="the stage to finish",
                remedy="mend what the output names and run it again; finished shards are kept",
            )
        return "".join(lines)

    def prepare(self) -> None:
        """Make the workspace usable: without git where there is none, a copy for other profiles."""
        root = Path(self.root)
        if self.profile != SAMPLE:
            _copy_workspace(root, self.workspace, self.profile)
        elif not (root / ".git").exists():
            local = root / ".dvc" / "config.local"
            if not local.exists():
                local.write_text("[core]\n    no_scm = true\n")


def _copy_workspace(root: Path, workspace: Path, profile: str) -> None:
    """Lay out ``workspace`` with the repository's stages and this profile's values."""
    (workspace / ".dvc").mkdir(parents=True, exist_ok=True)
    shutil.copy2(root / "dvc.yaml", workspace / "dvc.yaml")
    shutil.copytree(root / "configs" / profile, workspace / "configs", dirs_exist_ok=True)
    values = {"configs": "configs", "data": "data", "source": "../../src/zuroku", "root": "../.."}
    (workspace / "params.yaml").write_text(yaml.safe_dump(values))
    shutil.copy2(root / ".dvc" / "config", workspace / ".dvc" / "config")
    local = f"[core]\n    no_scm = true\n[cache]\n    dir = {root / '.dvc' / 'cache'}\n"
    (workspace / ".dvc" / "config.local").write_text(local)
