"""The commands ``zuroku evaluate …``: scores of answers that lie in files, by published protocols.

Each command reads its arguments, calls a report, and turns our errors into one message. Heavy imports stay
inside the commands, so that ``--help`` is quick.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zuroku.console import explained
from zuroku.datasets.ground_truth.protocol import Protocol


class DistanceName(StrEnum):
    """How the distance between two places is measured."""

    GEODESIC = "geodesic"
    HAVERSINE = "haversine"


evaluate = typer.Typer(help="Score answers by published protocols.", no_args_is_help=True)


@evaluate.command()
def retrieval(
    protocol: Annotated[Protocol, typer.Option(help="What counts as right; see above.")],
    ground_truth: Annotated[Path, typer.Option(help="File or folder of the protocol; see above.")],
    ranks: Annotated[
        Path | None,
        typer.Option(help="ranks.npy: integers (n_database, n_queries), database indices, best first."),
    ] = None,
    queries: Annotated[
        Path | None, typer.Option(help="Embeddings of the queries: .npy of floats (n_queries, d).")
    ] = None,
    gallery: Annotated[
        Path | None, typer.Option(help="Embeddings of the database: .npy of floats (n_database, d).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Score a ranking of image retrieval, given as --ranks or as --queries and --gallery (by cosine).

    Database indices count from 0 in the order of the ground truth:

    \b
    ukbench   Text file of file names, one per line, or the number of images
              in sorted order; every image is a query. NS: mean of 0 to 4.
              Ranks may end after four.
    holidays  holidays_images.dat: names NNNNGG.jpg, one per line; queries
              end in 00. mAP by trapezoids, the query left out.
    oxford5k  Folder of X_query.txt, X_good.txt, X_ok.txt, X_junk.txt and
              images.txt (names of the database, one per line); queries
              by landmark, then number. mAP by trapezoids. Also Paris6k.
    roxford   gnd_roxford5k.pkl, read without executing it, or the same
              content as .json. E, M and H: mAP, mP@1, mP@5, mP@10.
    rparis    gnd_rparis6k.pkl, the same.
    gld       Folder with index.csv (database) and retrieval_solution*.csv
              (id, images, Usage); queries are those not Ignored. mAP@100.
              Ranks may end after 100; −1 stands for no answer.

    Ranks that end earlier are scored too, as lower bounds, and a message says so.
    """
    from zuroku.reports.retrieval_scores import RankingFiles, score_retrieval, score_table

    with explained():
        result = score_retrieval(protocol, ground_truth, RankingFiles(ranks, queries, gallery))
    if result.note:
        typer.secho(result.note, fg="yellow", err=True)
    typer.echo(json.dumps(result.scores) if as_json else score_table(result))


@evaluate.command()
def geolocation(
    predictions: Annotated[
        Path, typer.Option(help="CSV of gt_lat, gt_lon, pred_lat, pred_lon in degrees; one row per photo.")
    ],
    distance: Annotated[
        DistanceName, typer.Option(help="On the WGS84 ellipsoid, or a great circle of R = 6371 km.")
    ] = DistanceName.GEODESIC,
    strict: Annotated[bool, typer.Option("--strict", help="Count distances < r instead of ≤ r.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")] = False,
) -> None:
    """Score estimated places: share within 1, 25, 100, 200, 750 and 2500 km, median and mean in km.

    Published scores differ in what is near:

    \b
    GeoCLIP                 geodesic and ≤, the default
    im2gps, GeoEstimation   --distance haversine
    PIGEON, OSV-5M          --distance haversine --strict

    A prediction whose two cells are empty is a miss at infinite distance; a message counts them.
    """
    from zuroku.reports.geolocation_scores import missing_note, plain_scores, score_predictions, score_table

    with explained():
        scores = score_predictions(predictions, distance.value, strict)
    if note := missing_note(scores):
        typer.secho(note, fg="yellow", err=True)
    typer.echo(json.dumps(plain_scores(scores)) if as_json else score_table(scores, distance.value, strict))
