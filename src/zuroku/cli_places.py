"""The commands about places: reading your own, asking where a photograph was taken, serving an index.

Each command reads its arguments, calls the domain, and turns our errors into one message. Heavy imports stay
inside the commands, so that ``--help`` is quick. What ``zuroku ingest`` takes for the stage places alone is
described here too.
"""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from zuroku.console import chosen_bundle, explained, progress_bar

if TYPE_CHECKING:
    from zuroku.datasets.own_places import OwnPlacesReport
    from zuroku.datasets.own_profile import OwnPlaces
    from zuroku.indexes.place_index import PlaceIndex

_PANEL = "Only for the stage places"
_LEAST_BLOCKS = 9
"""That calibrate: fewer give no radius that holds for 90 % (``zuroku.evaluation.conformal``)."""

_OF_EVERY_STAGE = ("stage", "configs", "data", "root")


class AreaLayout(StrEnum):
    """How a file of areas names its columns."""

    ESTAT = "estat"
    N03 = "n03"
    FIELDS = "fields"


def _option(text: str) -> Any:
    return typer.Option(help=text, rich_help_panel=_PANEL)


Photos = Annotated[Path | None, _option("Folder of photographs.")]
Osm = Annotated[Path | None, _option("OpenStreetMap extract: .osm.pbf or .osm.")]
Areas = Annotated[list[Path] | None, _option("File of areas; may be repeated.")]
Layout = Annotated[AreaLayout | None, _option("Of --areas; fields if --fields are given.")]
Fields = Annotated[str | None, _option("Columns of --areas: town_code=CODE,town=NAME,…")]
Encoding = Annotated[str | None, _option("Of the text in --areas, such as cp932.")]
Admin = Annotated[Path | None, _option("Municipalities in N03's layout; else --areas serve.")]
Table = Annotated[Path | None, _option("CSV or GeoJSON of positions; else the EXIF.")]
Columns = Annotated[str | None, _option("Columns of --table: latitude=LAT,longitude=LON,…")]
OfPhotographs = Annotated[str | None, _option("Of the photographs, where no table names theirs.")]
ProfileName = Annotated[str, _option("Name of the profile that is written.")]


def check_stage_options(context: typer.Context, stage: str) -> None:
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


def ingest_places(own: "OwnPlaces", templates: Path, root: Path) -> None:
    """Make the datasets and the profile of ``own`` below ``root``, and say what to run next."""
    from zuroku.datasets.own_places import ingest_own_places
    from zuroku.datasets.own_profile import index_name, model_name

    with progress_bar("ingest places") as show:
        report = ingest_own_places(own, templates, root, show)
    counts = ", ".join(f"{count} in {stage}" for stage, count in report.features.items())
    elsewhere = "" if root.resolve() == Path.cwd() else f"ZUROKU_ROOT={root.resolve()} "
    typer.echo(
        f"{report.photographs} photographs in street_views; left out: {report.without_position} without a "
        f"readable position, {report.outside} outside the areas, {report.refused} unreadable or twice\n"
        f"{_to_convert(report)}{_without_radius(report)}"
        f"{counts}\n"
        f"configuration: {root / 'configs' / own.profile}; data: {root / 'var' / own.profile / 'data'}\n"
        f"next: {elsewhere}ZUROKU_PROFILE={own.profile} make demo\n"
        f"then: .venv/bin/zuroku geolocate PHOTOGRAPH --model var/models/{model_name(own)}/champion "
        f"--index var/models/{index_name(own)}/champion --map map.html"
    )


def _to_convert(report: "OwnPlacesReport") -> str:
    if not report.to_convert:
        return ""
    return (
        f"left out too: {report.to_convert} HEIC or AVIF, which cannot be read here; convert them to JPEG, "
        "keeping their metadata, and give this command again\n"
    )


def _without_radius(report: "OwnPlacesReport") -> str:
    """Return what to say where too few places are kept for measuring how far off answers are, or nothing."""
    from zuroku.evaluation.place_halves import calibrating

    found = int(calibrating(report.validation_blocks).sum())
    if found >= _LEAST_BLOCKS:
        return ""
    return (
        f"answers will come without a radius: it is measured on photographs set apart in {_LEAST_BLOCKS} "
        f"squares or more, {report.block_side_km:g} km wide, and there are {found}; photographs of more "
        "parts of the city help\n"
    )


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
    from zuroku.models.geolocation.kept import matching_geolocator
    from zuroku.reports.located import locate, located_text

    if coarse and page is not None:
        raise typer.BadParameter("--coarse gives away no map: name one of the two")
    with explained():
        opened = _opened(chosen_bundle(var, "place_index", index), server)
        try:
            made_by = opened.bundle.manifest.encoder_sha256
            predictor = matching_geolocator(chosen_bundle(var, "geolocator", model), made_by)
            located = locate(image, predictor, opened)
            typer.echo(located_text(located, coarse))
            if page is not None:
                from zuroku.artifacts import write_atomically
                from zuroku.reports.located_page import located_page

                write_atomically(page, located_page(located, opened.bundle).encode())
        finally:
            opened.close()


def _opened(folder: Path, server: str | None) -> "PlaceIndex":
    """Return the index in ``folder``, searched here or on the Qdrant server at the address ``server``."""
    if server is None:
        from zuroku.indexes.place_index import open_place_index

        return open_place_index(folder)
    from zuroku.indexes.place_bundle import read_place_bundle
    from zuroku.indexes.place_server import connect, open_place_server

    return open_place_server(read_place_bundle(folder), connect(server, os.environ.get("QDRANT_API_KEY")))


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
        bundle = read_place_bundle(chosen_bundle(var, "place_index", index))
        record_decision(var / DECISIONS, bundle, server, decision)
        name = publish_place_collection(bundle, connect(server, os.environ.get("QDRANT_API_KEY")))
        typer.echo(f"{bundle.manifest.settings.name}: {len(bundle)} photographs are served from {name}")
