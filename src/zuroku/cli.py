"""The command ``zuroku``: ingest a dataset, tag folders of figures.

Each command reads its arguments, calls the domain, and turns our errors into one message. Heavy
imports stay inside the commands, so that ``--help`` is quick.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from zuroku.errors import ZurokuError

app = typer.Typer(
    help="Scanned pages and photographs of places, made findable.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@contextmanager
def _explained() -> Iterator[None]:
    """Print our own errors as a message and leave with status 1; others keep their traceback."""
    try:
        yield
    except ZurokuError as error:
        typer.secho(f"{type(error).__name__}: {error}", fg="red", err=True)
        raise typer.Exit(1) from error


@app.command()
def ingest(
    stage: Annotated[str, typer.Argument(help="Dataset to ingest: a YAML file of that name in --configs.")],
    configs: Annotated[Path, typer.Option(help="Folder of the profile's YAML files.")] = Path(
        "configs/sample"
    ),
    data: Annotated[Path, typer.Option(help="Folder that receives the dataset.")] = Path("var/sample/data"),
    root: Annotated[Path, typer.Option(help="Where relative paths in the YAML files start.")] = Path("."),
) -> None:
    """Read a collection and write it as a dataset: manifest, tar shards, cards."""
    from zuroku.config import load_settings
    from zuroku.datasets.collection import CollectionSettings, ingest_collection

    with _explained(), _bar(f"ingest {stage}") as show:
        settings = load_settings(configs / f"{stage}.yaml", CollectionSettings)
        dataset = ingest_collection(settings, data / stage, root, show)
        card = dataset.card
    typer.echo(
        f"{stage}: {card['items']} items of {card['groups']} books, {card['quarantined']} quarantined, "
        f"version {dataset.version[:12]} in {dataset.root}"
    )


@app.command()
def tag(
    folder: Annotated[Path, typer.Argument(help="Folder of images, or of one folder of images per book.")],
    out: Annotated[Path, typer.Option(help="Folder that receives one JSON per book.")],
    model: Annotated[str, typer.Option(help="'champion', or the folder of a model bundle.")] = "champion",
    threshold: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="One threshold for every tag (the original used 0.4)."),
    ] = None,
    var: Annotated[Path, typer.Option(help="Where zuroku keeps its state.")] = Path("var"),
) -> None:
    """Tag figures and write, per book, {file id: [{"tag", "confidence"}]}."""
    from zuroku.models.tagger_predictor import TaggerPredictor
    from zuroku.profile import champion_folder
    from zuroku.tagging import source_folders, tag_folders

    with _explained():
        folders = source_folders(folder)
        predictor = TaggerPredictor(
            champion_folder(var, "figure_tagger") if model == "champion" else Path(model)
        )
        total = sum(map(len, folders.values()))
        with _bar("tag") as show:
            done = iter(range(1, total + 1))
            report = tag_folders(predictor, folders, out, threshold, lambda: show(next(done), total))
    for item_id, reason in report.skipped.items():
        typer.secho(f"passed over {item_id}: {reason}", fg="yellow", err=True)
    typer.echo(
        f"{report.tagged} images of {len(folders)} books tagged, {len(report.skipped)} passed over: {out}"
    )
    if report.skipped:
        raise typer.Exit(3)


class _Bar:
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
def _bar(title: str) -> Iterator[_Bar]:
    bar = _Bar(title)
    if not bar._live:
        yield bar
        return
    with bar._progress:
        yield bar


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
