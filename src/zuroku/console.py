"""What all commands share: our errors as one message, progress on the terminal, which bundle is meant."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from zuroku.errors import ZurokuError


@contextmanager
def explained() -> Iterator[None]:
    """Print our own errors as a message and leave with status 1; others keep their traceback."""
    try:
        yield
    except ZurokuError as error:
        typer.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
        raise typer.Exit(1) from error


class ProgressBar:
    """A progress bar on a terminal; a line per tenth elsewhere (logs, DVC, Dagster)."""

    def __init__(self, title: str) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._title = title
        self._live = sys.stderr.isatty()
        self._tenth = 0
        if self._live:
            from rich.console import Console

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
            )
            self._progress = Progress(*columns, console=Console(stderr=True))
            self._task = self._progress.add_task(title, total=None)

    def __call__(self, done: int, total: int) -> None:
        if self._live:
            self._progress.update(self._task, completed=done, total=total)
        elif total and 10 * done // total > self._tenth:
            self._tenth = 10 * done // total
            typer.echo(f"{self._title}: {done} of {total}", err=True)


@contextmanager
def progress_bar(title: str) -> Iterator[ProgressBar]:
    """Show a ``ProgressBar`` while the block runs."""
    bar = ProgressBar(title)
    if not bar._live:
        yield bar
        return
    with bar._progress:
        yield bar


def chosen_bundle(var: Path, name: str, chosen: str) -> Path:
    """Return the folder of the released ``name`` for ``"champion"``, or the one ``chosen`` instead."""
    from zuroku.profile import champion_folder

    return champion_folder(var, name) if chosen == "champion" else Path(chosen)
