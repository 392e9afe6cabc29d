"""The command ``zuroku``: ingest a dataset, tag figures, extract them from pages, search an index.

Each command reads its arguments, calls the domain, and turns our errors into one message. Heavy
imports stay inside the commands, so that ``--help`` is quick.
"""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zuroku.cli_evaluate import evaluate
from zuroku.console import explained, progress_bar

if TYPE_CHECKING:
    from zuroku.datasets.own_profile import OwnPlaces

_PLACES = "Only for the stage places"
_OF_EVERY_STAGE = ("stage", "configs", "data", "root")


class AreaLayout(StrEnum):
    """How a file of areas names its columns."""

    ESTAT = "estat"
    N03 = "n03"
    FIELDS = "fields"


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
    photos: Annotated[
        Path | None, typer.Option(help="Folder of photographs.", rich_help_panel=_PLACES)
    ] = None,
    osm: Annotated[
        Path | None, typer.Option(help="OpenStreetMap extract: .osm.pbf or .osm.", rich_help_panel=_PLACES)
    ] = None,
    areas: Annotated[
        list[Path] | None, typer.Option(help="File of areas; may be repeated.", rich_help_panel=_PLACES)
    ] = None,
    layout: Annotated[
        AreaLayout | None,
        typer.Option(help="Of --areas; fields if --fields are given.", rich_help_panel=_PLACES),
    ] = None,
    fields: Annotated[
        str | None,
        typer.Option(help="Columns of --areas: town_code=CODE,town=NAME,…", rich_help_panel=_PLACES),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="Of the text in --areas, such as cp932.", rich_help_panel=_PLACES)
    ] = None,
    admin: Annotated[
        Path | None,
        typer.Option(help="Municipalities in N03's layout; else --areas serve.", rich_help_panel=_PLACES),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(help="CSV or GeoJSON of positions; else the EXIF.", rich_help_panel=_PLACES),
    ] = None,
    columns: Annotated[
        str | None,
        typer.Option(help="Columns of --table: latitude=LAT,longitude=LON,…", rich_help_panel=_PLACES),
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(help="Of the photographs, where no table names theirs.", rich_help_panel=_PLACES),
    ] = None,
    author: Annotated[
        str | None,
        typer.Option(help="Of the photographs, where no table names theirs.", rich_help_panel=_PLACES),
    ] = None,
    profile: Annotated[
        str, typer.Option(help="Name of the profile that is written.", rich_help_panel=_PLACES)
    ] = "places",
) -> None:
    """Read a collection and write it as a dataset: manifest and tar shards, or a table of features; cards.

    The stage places reads your own photographs, map and areas, and writes a profile for them too.
    """
    _check_options(context, stage)
    if stage == "places" and photos and osm and areas:
        from zuroku.datasets.own_profile import own_places

        with explained():
            own = own_places(
                profile,
                photos,
                table,
                columns,
                osm,
                areas,
                layout,
                fields,
                encoding,
                admin,
                licence,
                author,
            )
            _ingest_places(own, configs, root)
        return
    from zuroku.datasets.collection import (
        holds_features,
        ingest_collection,
        load_collection,
        load_features,
    )
    from zuroku.datasets.geodata.collection import ingest_features
    from zuroku.datasets.street_views import StreetViewSettings, with_token

    with explained():
        if holds_features(configs / f"{stage}.yaml"):
            made = ingest_features(load_features(configs / f"{stage}.yaml"), data / stage, root)
            typer.echo(
                f"{stage}: {made.card['features']} features, version {made.version[:12]} in {made.root}"
            )
            return
    with explained(), progress_bar(f"ingest {stage}") as show:
        settings = load_collection(configs / f"{stage}.yaml")
        if isinstance(settings, StreetViewSettings):
            settings = with_token(settings, os.environ.get("MAPILLARY_TOKEN", ""))
        dataset = ingest_collection(settings, data / stage, root, show)
        card = dataset.card
    typer.echo(
        f"{stage}: {card['items']} items in {card['groups']} groups, {card['quarantined']} quarantined, "
        f"version {dataset.version[:12]} in {dataset.root}"
    )


def _check_options(context: typer.Context, stage: str) -> None:
    """Refuse options of another stage, and a stage places without what it reads."""
    sources = {str(name): context.get_parameter_source(str(name)) for name in context.params}
    given = [name for name, source in sources.items() if source and source.name == "COMMANDLINE"]
    if stage != "places":
        if wrong := [f"--{name}" for name in given if name not in _OF_EVERY_STAGE]:
            raise typer.BadParameter(f"{', '.join(wrong)}: only for the stage places, not for {stage}")
        return
    if "data" in given:
        raise typer.BadParameter("--data: places are written to var/PROFILE/data below --root")
    if missing := [f"--{name}" for name in ("photos", "osm", "areas") if name not in given]:
        raise typer.BadParameter(f"the stage places needs {', '.join(missing)}")


def _ingest_places(own: "OwnPlaces", templates: Path, root: Path) -> None:
    from zuroku.datasets.own_places import ingest_own_places
    from zuroku.datasets.own_profile import index_name, model_name

    with progress_bar("ingest places") as show:
        report = ingest_own_places(own, templates, root, show)
    counts = ", ".join(f"{count} in {stage}" for stage, count in report.features.items())
    elsewhere = "" if root.resolve() == Path.cwd() else f"ZUROKU_ROOT={root.resolve()} "
    typer.echo(
        f"{report.photographs} photographs in street_views; left out: {report.without_position} without a "
        f"readable position, {report.outside} outside the areas, {report.refused} unreadable or twice\n"
        f"{counts}\n"
        f"configuration: {root / 'configs' / own.profile}; data: {root / 'var' / own.profile / 'data'}\n"
        f"next: {elsewhere}ZUROKU_PROFILE={own.profile} make demo\n"
        f"then: .venv/bin/zuroku geolocate PHOTOGRAPH --model var/models/{model_name(own)}/champion "
        f"--index var/models/{index_name(own)}/champion --map map.html"
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

    with explained():
        folders = source_folders(folder)
        predictor = TaggerPredictor(
            champion_folder(var, "figure_tagger") if model == "champion" else Path(model)
        )
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
            _bundle(var, "layout_detector", detector),
            _bundle(var, "figure_tagger", tagger),
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
        return primary_tag_of(TaggerPredictor(_bundle(var, "figure_tagger", tagger)), data)

    with explained():
        opened = load_index(_bundle(var, "figure_index", index))
        wanted = Wanted(k, space, tag, exact)
        typer.echo(find_figures(opened, image, EmbedderPredictor, tag_image, wanted, sheet))


@app.command()
def geolocate(
    image: Annotated[Path, typer.Argument(help="The photograph. Its EXIF position is never read.")],
    page: Annotated[
        Path | None, typer.Option("--map", help="Write the evidence as a map into this HTML file.")
    ] = None,
    coarse: Annotated[
        bool, typer.Option("--coarse", help="Answer the prefecture and nothing finer.")
    ] = False,
    model: Annotated[
        str,
        typer.Option(
            help="'champion', or the folder of a geolocator; a version beside it where that made the index."
        ),
    ] = "champion",
    index: Annotated[str, typer.Option(help="'champion', or the folder of a place index.")] = "champion",
    server: Annotated[
        str | None, typer.Option(help="Search on the Qdrant server at this address; its key: QDRANT_API_KEY.")
    ] = None,
    var: Annotated[Path, typer.Option(help="Where zuroku keeps its state.")] = Path("var"),
) -> None:
    """Say where a photograph may have been taken, within which radius, and by which evidence."""
    from zuroku.indexes.place_bundle import read_place_bundle
    from zuroku.indexes.place_index import PlaceIndex, open_place_index
    from zuroku.models.geolocation.kept import matching_geolocator
    from zuroku.reports.located import locate, located_text

    if coarse and page is not None:
        raise typer.BadParameter("--coarse gives away no map: name one of the two")
    with explained():
        folder = _bundle(var, "place_index", index)
        opened: PlaceIndex
        if server is None:
            opened = open_place_index(folder)
        else:
            from zuroku.indexes.place_server import connect, open_place_server

            client = connect(server, os.environ.get("QDRANT_API_KEY"))
            opened = open_place_server(read_place_bundle(folder), client)
        try:
            made_by = opened.bundle.manifest.encoder_sha256
            predictor = matching_geolocator(_bundle(var, "geolocator", model), made_by)
            located = locate(image, predictor, opened)
            typer.echo(located_text(located, coarse))
            if page is not None:
                from zuroku.artifacts import write_atomically
                from zuroku.reports.located_page import located_page

                write_atomically(page, located_page(located, opened.bundle).encode())
        finally:
            opened.close()


@app.command()
def upload(
    server: Annotated[str, typer.Argument(help="Address of a Qdrant server; its key: QDRANT_API_KEY.")],
    decision: Annotated[
        str, typer.Option(help="Who allows this index to be passed on, and why; kept in var/uploads.jsonl.")
    ],
    index: Annotated[str, typer.Option(help="'champion', or the folder of a place index.")] = "champion",
    var: Annotated[Path, typer.Option(help="Where zuroku keeps its state.")] = Path("var"),
) -> None:
    """Load an index of places into a Qdrant server as a new collection, and switch the alias to it."""
    from zuroku.indexes.place_bundle import read_place_bundle
    from zuroku.indexes.place_decisions import DECISIONS, record_decision
    from zuroku.indexes.place_server import connect, publish_place_collection

    with explained():
        bundle = read_place_bundle(_bundle(var, "place_index", index))
        record_decision(var / DECISIONS, bundle, server, decision)
        name = publish_place_collection(bundle, connect(server, os.environ.get("QDRANT_API_KEY")))
        typer.echo(f"{bundle.manifest.settings.name}: {len(bundle)} photographs are served from {name}")


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


def _bundle(var: Path, name: str, chosen: str) -> Path:
    """Return the folder of the released ``name``, or the one chosen instead."""
    from zuroku.profile import champion_folder

    return champion_folder(var, name) if chosen == "champion" else Path(chosen)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
