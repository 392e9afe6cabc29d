"""The command ``zuroku``: ingest a dataset, tag figures, extract them from pages, search an index.

Each command reads its arguments, calls the domain, and turns our errors into one message. Heavy
imports stay inside the commands, so that ``--help`` is quick. Commands about places are ``cli_places``'s.
"""

import os
from pathlib import Path
from typing import Annotated

import typer

from zuroku import cli_places as places
from zuroku.cli_evaluate import evaluate
from zuroku.console import chosen_bundle, explained, progress_bar

app = typer.Typer(
    help="Scanned pages and photographs of places, made findable.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(evaluate, name="evaluate")


@app.command()
def ingest(
    context: typer.Context,
    stage: Annotated[
        str,
        typer.Argument(help="Dataset to ingest: a YAML file of that name in --configs. Or places: your own."),
    ],
    configs: Annotated[
        Path, typer.Option(help="Folder of the profile's YAML files; for places, of the values to copy.")
    ] = Path("configs/sample"),
    data: Annotated[Path, typer.Option(help="Folder that receives the dataset.")] = Path("var/sample/data"),
    root: Annotated[Path, typer.Option(help="Where relative paths in the YAML files start.")] = Path("."),
    photos: places.Photos = None,
    osm: places.Osm = None,
    areas: places.Areas = None,
    layout: places.Layout = None,
    fields: places.Fields = None,
    encoding: places.Encoding = None,
    admin: places.Admin = None,
    table: places.Table = None,
    columns: places.Columns = None,
    licence: places.OfPhotographs = None,
    author: places.OfPhotographs = None,
    profile: places.ProfileName = "places",
) -> None:
    """Read a collection and write it as a dataset: manifest and tar shards, or a table of features; cards.

    The stage places reads your own photographs, map and areas, and writes a profile for them too.
    """
    places.check_stage_options(context, stage)
    with explained():
        if not (stage == "places" and photos and osm and areas):
            _ingest_stage(stage, configs, data, root)
            return
        from zuroku.datasets.own_profile import own_places

        own = own_places(
            profile=profile, photos=photos, table=table, columns=columns, osm=osm, areas=areas, layout=layout,
            fields=fields, encoding=encoding, admin=admin, licence=licence, author=author,
        )  # fmt: skip
        places.ingest_places(own, configs, root)


def _ingest_stage(stage: str, configs: Path, data: Path, root: Path) -> None:
    from zuroku.datasets.collection import (
        holds_features,
        ingest_collection,
        load_collection,
        load_features,
    )
    from zuroku.datasets.geodata.collection import ingest_features
    from zuroku.datasets.street_views import StreetViewSettings, with_token

    if holds_features(configs / f"{stage}.yaml"):
        made = ingest_features(load_features(configs / f"{stage}.yaml"), data / stage, root)
        typer.echo(f"{stage}: {made.card['features']} features, version {made.version[:12]} in {made.root}")
        return
    with progress_bar(f"ingest {stage}") as show:
        settings = load_collection(configs / f"{stage}.yaml")
        if isinstance(settings, StreetViewSettings):
            settings = with_token(settings, os.environ.get("MAPILLARY_TOKEN", ""))
        dataset = ingest_collection(settings, data / stage, root, show)
    card = dataset.card
    typer.echo(
        f"{stage}: {card['items']} items in {card['groups']} groups, {card['quarantined']} quarantined, "
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
    from zuroku.tagging import source_folders, tag_folders

    with explained():
        folders = source_folders(folder)
        predictor = TaggerPredictor(chosen_bundle(var, "figure_tagger", model))
        total = sum(map(len, folders.values()))
        with progress_bar("tag") as show:
            done = iter(range(1, total + 1))
            report = tag_folders(predictor, folders, out, threshold, lambda: show(next(done), total))
    for item_id, reason in report.skipped.items():
        typer.secho(f"passed over {item_id}: {reason}", fg="yellow", err=True)
    typer.echo(
        f"{report.tagged} images of {len(folders)} books tagged, {len(report.skipped)} passed over: {out}"
    )
    if report.skipped:
        raise typer.Exit(3)


@app.command()
def extract(
    pages: Annotated[Path, typer.Argument(help="Folder of pages, or of one folder of pages per book.")],
    out: Annotated[Path, typer.Option(help="Folder that receives figures and tables; it must be new.")],
    detector: Annotated[
        str, typer.Option(help="'champion', or the folder of a detector bundle.")
    ] = "champion",
    tagger: Annotated[str, typer.Option(help="'champion', or the folder of a tagger bundle.")] = "champion",
    min_score: Annotated[
        float | None, typer.Option(min=0, max=1, help="One least score for every figure.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Pages worked on at a time.")] = 2,
    var: Annotated[Path, typer.Option(help="Where zuroku keeps its state.")] = Path("var"),
) -> None:
    """Cut the figures out of pages and tag them: a JPEG per figure, figures.json and figures.csv."""
    from zuroku.corpus.bundles import StageBundles
    from zuroku.corpus.extract import extract_figures
    from zuroku.corpus.pages import page_source
    from zuroku.corpus.stage import StageSettings

    with explained(), progress_bar("extract") as show:
        bundles = StageBundles(
            chosen_bundle(var, "layout_detector", detector),
            chosen_bundle(var, "figure_tagger", tagger),
            {},
            StageSettings(min_score=min_score),
        )
        report = extract_figures(page_source(pages), bundles.open(), out, workers, show)
    for page_id, reason in report.passed_over.items():
        typer.secho(f"passed over {page_id}: {reason}", fg="yellow", err=True)
    typer.echo(
        f"{report.figures} figures from {report.pages} pages, {len(report.passed_over)} passed over: {out}"
    )
    if report.passed_over:
        raise typer.Exit(3)


@app.command()
def search(
    image: Annotated[Path, typer.Argument(help="The image to find relatives of.")],
    index: Annotated[str, typer.Option(help="'champion', or the folder of an index bundle.")] = "champion",
    k: Annotated[int, typer.Option(min=1, help="How many figures to show.")] = 10,
    tag: Annotated[str | None, typer.Option(help="Only figures with this primary tag.")] = None,
    space: Annotated[
        str | None, typer.Option(help="Search this space; else the image's own tag chooses one.")
    ] = None,
    tagger: Annotated[
        str, typer.Option(help="'champion', or the folder of a tagger bundle: what chooses among spaces.")
    ] = "champion",
    exact: Annotated[bool, typer.Option("--exact", help="Compare with every figure.")] = False,
    sheet: Annotated[Path | None, typer.Option(help="Draw the result into this JPEG.")] = None,
    var: Annotated[Path, typer.Option(help="Where zuroku keeps its state.")] = Path("var"),
) -> None:
    """Find the figures of an index that look most like an image."""
    from zuroku.indexes.search import load_index
    from zuroku.models.embedding.predictor import EmbedderPredictor
    from zuroku.models.tagger_predictor import TaggerPredictor
    from zuroku.reports.search_sheet import Wanted, find_figures, primary_tag_of

    def tag_image(data: bytes) -> str:
        return primary_tag_of(TaggerPredictor(chosen_bundle(var, "figure_tagger", tagger)), data)

    with explained():
        opened = load_index(chosen_bundle(var, "figure_index", index))
        wanted = Wanted(k, space, tag, exact)
        typer.echo(find_figures(opened, image, EmbedderPredictor, tag_image, wanted, sheet))


app.command()(places.geolocate)
app.command()(places.upload)


@app.command()
def rollback(
    name: Annotated[str, typer.Argument(help="What to take back: figure_index or place_index.")],
    server: Annotated[
        str | None,
        typer.Option(help="Take it back on this Qdrant server, not here; its key: QDRANT_API_KEY."),
    ] = None,
    var: Annotated[Path, typer.Option(help="Where zuroku keeps its state.")] = Path("var"),
) -> None:
    """Go back to the index that was in use before; a second time, further back. The one left is held.

    On a server, the last two change places, and nothing is held.

    Models are refused, because the registry names their champions: `make rollback MODEL=name`.
    """
    from zuroku.profile import champion_folder
    from zuroku.publishing import require_index
    from zuroku.publishing import rollback as roll_back

    with explained():
        if server is not None:
            from zuroku.indexes.place_server import connect, rollback_place_collection

            client = connect(server, os.environ.get("QDRANT_API_KEY"))
            typer.echo(f"{name}: {rollback_place_collection(client, name)} is served again")
            return
        champion = champion_folder(var, name)
        require_index(champion)
        typer.echo(f"{name}: version {roll_back(champion).sha256[:16]} is published again")


@app.command()
def trace(
    bundle: Annotated[
        Path, typer.Argument(help="Folder of a model or an index, such as var/models/figure_index/champion.")
    ],
    var: Annotated[Path, typer.Option(help="Where zuroku keeps its state.")] = Path("var"),
) -> None:
    """Say what a model or an index was made from, back to the datasets, and verify every seal on the way."""
    from zuroku.reports.trace import trace as trace_back
    from zuroku.reports.trace import trace_text

    with explained():
        origin = trace_back(bundle, var)
    typer.echo(trace_text(origin))
    if any(one.fault for _, one in origin.walk()):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
