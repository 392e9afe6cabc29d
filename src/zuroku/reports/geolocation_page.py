"""The page and pictures of a geolocator's evaluation: numbers in, Markdown and PNG bytes out.

Nothing is computed here: what the numbers are, ``geolocation`` says. A number that there is not is None.
"""

import io
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from zuroku.geo.distances import Coordinates
from zuroku.indexes.answer_policy import AnswerPolicy
from zuroku.reports.figures import error_map, share_within_figure

_SHOWN_AREAS = 60
"""All prefectures of Japan; of a land with more, those that deviate most."""


def geolocation_page(metrics: Mapping[str, Any], policy: AnswerPolicy) -> str:
    """Return the report as Markdown."""
    buffer = io.StringIO()
    write = partial(print, file=buffer)
    served = metrics["served"]
    noun = metrics["clusters_are"]
    in_blocks = f" in {metrics['test_clusters']} blocks" if noun == "blocks" else ""
    write("# Where were these photographs taken?\n")
    write(
        f"{metrics['test_photographs']} test photographs of {metrics['test_groups']} places{in_blocks}, a "
        f"gallery of {metrics['gallery']}. Distances are geodesic (WGS84), shares count ≤; intervals are "
        f"95 %, by {noun.removesuffix('s')}.\n"
    )
    write(
        f"Served: {policy.rule} of {policy.neighbours} neighbours, sought {_sought(policy)} (the smallest "
        f"median error on half of the validation {noun}). Median {served['median_km']:.1f} km "
        f"{_median_interval(served['intervals'])}.\n"
    )
    _ways(write, metrics)
    _by_distance(write, metrics)
    _heads(write, metrics)
    _radius(write, metrics, policy)
    _slices(write, metrics, policy)
    _bias(write, metrics)
    return buffer.getvalue()


def geolocation_pictures(
    truth: Coordinates, answers: Coordinates, gallery: Coordinates, metrics: Mapping[str, Any]
) -> dict[str, bytes]:
    """Return the pictures by name: errors on a map, and the share of answers within each distance."""
    floors = {name.replace("_", " "): one["accuracy_within_km"] for name, one in metrics["floors"].items()}
    shares = {"served": metrics["served"]["accuracy_within_km"], **floors}
    return {"errors": error_map(truth, answers, gallery), "shares": share_within_figure(shares)}


def _median_interval(intervals: Mapping[str, Any]) -> str:
    if not intervals:
        return "without an interval: all test places lie in one block"
    low, high = intervals["median_km"]
    return f"[{low:.1f}, {high:.1f}]"


def _sought(policy: AnswerPolicy) -> str:
    return "everywhere" if policy.area == "everywhere" else f"in the {policy.area} that its head names"


def _ways(write: Any, metrics: Mapping[str, Any]) -> None:
    write("## Answers by rule and area\n")
    _head_row(write, metrics, "rule", "sought")
    for way, scores in metrics["ways"].items():
        rule, area = way.split("/")
        mark = " (served)" if way == metrics["served"]["way"] else ""
        write(f"| {rule}{mark} | {area} | {_cells(scores)} |")
    for name, scores in metrics["floors"].items():
        write(f"| floor: {name.replace('_', ' ')} | | {_cells(scores)} |")
    write("\n### The served answers minus a floor's, of the same photographs\n")
    _head_row(write, metrics, "minus")
    for name, difference in metrics["differences"].items():
        write(f"| {name.replace('_', ' ')} | {_cells(difference, '+')} |")
    write("")


def _by_distance(write: Any, metrics: Mapping[str, Any]) -> None:
    write("## By distance to the nearest photograph of the gallery\n")
    _head_row(write, metrics, "at least, km", "photographs")
    for km, scores in metrics["by_head_start"].items():
        write(f"| {km} | {scores['count']} | {_cells(scores)} |")
    write("")


def _heads(write: Any, metrics: Mapping[str, Any]) -> None:
    write("## Heads\n")
    write("| task | accuracy | labelled | without label |\n|---|---|---|---|")
    for task, head in metrics["heads"].items():
        accuracy = _shown(head["accuracy"], head["interval"], ".3f") if head["labelled"] else "–"
        write(f"| {task} | {accuracy} | {head['labelled']} | {head['unlabelled']} |")
    write("")


def _radius(write: Any, metrics: Mapping[str, Any], policy: AnswerPolicy) -> None:
    radius, kept, noun = metrics["radius"], metrics["abstention"], metrics["clusters_are"]
    write("## Radius and abstention\n")
    if policy.radius.quantile is None:
        write(f"No radius: {policy.radius.n_groups} validation {noun} are too few to calibrate one.")
    else:
        write(
            f"A radius promised to hold with {policy.radius.confidence:.0%} (calibrated on "
            f"{policy.radius.n_groups} validation {noun}) holds for {radius['covered']:.1%} of the test "
            f"{noun}; its median is {radius['median_radius_km']:.1f} km."
        )
    if kept is None:
        write("No threshold made answers reliable on the validation photographs, so none is withheld.\n")
        return
    within = f", {kept['within']:.1%} of them within {kept['radius_km']:g} km" if kept["accepted"] else ""
    write(
        f"Answered only where neighbours spread at most {kept['threshold']:.1f} km: "
        f"{kept['accepted']:.1%} of the test {noun}{within}.\n"
    )


def _slices(write: Any, metrics: Mapping[str, Any], policy: AnswerPolicy) -> None:
    withheld = "withheld"
    if policy.abstain_above is not None:
        withheld += f" above {policy.abstain_above:.1f} km, share of the {metrics['clusters_are']}"
    write("## Slices\n")
    write(f"| slice | photographs | median km | {withheld} |\n|---|---|---|---|")
    for name, scores in metrics["slices"].items():
        median = _shown(scores["median_km"], scores["intervals"].get("median_km"), ".1f")
        share = scores["withheld"]
        share = "no threshold is served" if share is None else f"{share:.1%}"
        write(f"| {name or 'day'} | {scores['count']} | {median} | {share} |")
    write("")


def _bias(write: Any, metrics: Mapping[str, Any]) -> None:
    bias = metrics["bias"]
    if not bias["table"]:
        return
    write("## Bias of the prefecture head, every prefecture weighed the same\n")
    write(f"Standard deviation of the shares: {bias['deviation']:.2f} percentage points.\n")
    write("| prefecture | share of answers | of an equal share |\n|---|---|---|")
    rows = bias["table"]
    largest = sorted(range(len(rows)), key=lambda place: -abs(rows[place]["ratio"] - 1))[:_SHOWN_AREAS]
    for row in (rows[place] for place in sorted(largest)):
        write(f"| {row['area'] or 'none'} | {row['share']:.2%} | {row['ratio']:.0%} |")
    if rest := len(rows) - len(largest):
        write(f"\n{rest} more deviate no further from an equal share.")


def _head_row(write: Any, metrics: Mapping[str, Any], *columns: str) -> None:
    """Write the head of a table whose rows end in ``_cells``."""
    radii = metrics["served"]["accuracy_within_km"]
    head = [*columns, "median km", "mean km", *(f"≤ {radius} km" for radius in radii)]
    write(f"| {' | '.join(head)} |\n|{'---|' * len(head)}")


def _cells(scores: Mapping[str, Any], sign: str = "") -> str:
    """Return median, mean and shares of scores or of a difference, each with its interval."""
    intervals = scores["intervals"]
    cells = [_shown(scores[name], intervals.get(name), f"{sign}.1f") for name in ("median_km", "mean_km")]
    shares = scores["accuracy_within_km"].items()
    return " | ".join(
        [*cells, *(_shown(share, intervals.get(radius), f"{sign}.3f") for radius, share in shares)]
    )


def _shown(value: float, interval: Sequence[float] | None, form: str) -> str:
    if interval is None:
        return f"{value:{form}}"
    low, high = interval
    return f"{value:{form}} [{low:{form}}, {high:{form}}]"
