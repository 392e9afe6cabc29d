"""The page of the Feature Tuning study: rows of variants to tables of Markdown. No score is made here."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

Row = Mapping[str, Any]

_NOTHING = "—"
_COLLAPSED = (
    f"Where vectors of a collapsed variant are of length zero or not finite, they cannot be compared: "
    f"a {_NOTHING} stands for the scores."
)
_SPREAD = {"mean_cosine": ".3f", "effective_rank": ".1f"}


@dataclass(frozen=True)
class SetOnPage:
    """A searched set by its name and protocol, and what ``says`` of its images and boxes.

    Of its ``n_groups``, the paper's way trains on ``n_trained``.
    """

    name: str
    protocol: str
    says: str
    n_groups: int
    n_trained: int

    @property
    def title(self) -> str:
        """The head of its column."""
        return f"{self.name} {'NS' if self.protocol == 'ukbench' else 'mAP'}"


def feature_tuning_page(results: Sequence[Row], sets: Sequence[SetOnPage]) -> str:
    """Return the page: rows of variants that never saw what is searched, then, by set, those that have.

    Where sets were searched by crops too, those stand beside the whole images.
    """
    rows = [row for row in results if not row["trained_on_test"]]
    buffer = io.StringIO()
    write = partial(print, file=buffer)
    write("# Feature Tuning\n")
    for one in sets:
        write(f"- {one.says}")
    if any(row["collapsed"] for row in results):
        write(f"\n{_COLLAPSED}")
    write("\n## Groups that are searched were not trained on\n")
    write(f"Trained on other groups of {rows[0]['trained_on']}.\n")
    write(_table(rows, sets))
    normed = next((row for row in rows if len(row["tap_norms"]) > 1), None)
    if normed is not None:
        norms = ", ".join(f"{tap} {norm:.2f}" for tap, norm in normed["tap_norms"].items())
        write(f"\nMean norms of taps: {norms}")
    cropped = [one for one in sets if one.name in rows[0]["boxes"]]
    if cropped:
        write("\n## Whole images against crops\n")
        write(
            "Two images are as similar as their most similar two crops; an image without a box stays whole. "
            "Gains are paired by query.\n"
        )
        write(_crop_table(rows, cropped))
    write("\n## The paper's way: the same images, after they were trained on as well")
    for one in sets:
        seen = [row for row in results if row["trained_on_test"] and row["trained_on"] == one.name]
        write(f"\n### Trained on {one.name} and searched there\n")
        kept = " The others were kept to tell how training went." if one.n_trained < one.n_groups else ""
        write(f"Of {one.n_groups} groups that are searched, {one.n_trained} were trained on.{kept}\n")
        write(_table(seen, [one]))
        if one in cropped:
            write(f"\n{_crop_table(seen, [one])}")
    return buffer.getvalue()


def _table(rows: Sequence[Row], sets: Sequence[SetOnPage]) -> str:
    lines = [
        f"| variant | bundle | d | {' | '.join(one.title for one in sets)} | mean cosine | effective rank |",
        "|" + "---|" * (5 + len(sets)),
    ]
    for row in rows:
        cells = [_cell(row["scores"].get(one.name)) for one in sets]
        cosine, rank = (_number(row[name], form) for name, form in _SPREAD.items())
        collapsed = f" (collapsed on {', '.join(row['collapsed'])})" if row["collapsed"] else ""
        lines.append(
            f"| {row['variant']} | `{row['bundle_sha256'][:8]}` | {row['dimension']} | {' | '.join(cells)} "
            f"| {cosine}{collapsed} | {rank} |"
        )
    return "\n".join(lines)


def _crop_table(rows: Sequence[Row], sets: Sequence[SetOnPage]) -> str:
    lines = [
        f"| variant | searched by | {' | '.join(one.title for one in sets)} |",
        "|" + "---|" * (2 + len(sets)),
    ]
    for row in rows:
        for way, kind, sign in (("whole", "scores", ""), ("crops", "crops", ""), ("gain", "gains", "+")):
            cells = " | ".join(_cell(row[kind].get(one.name), sign) for one in sets)
            lines.append(f"| {row['variant']} | {way} | {cells} |")
    return "\n".join(lines)


def _number(value: float | None, form: str) -> str:
    return _NOTHING if value is None else format(value, form)


def _cell(found: Mapping[str, float] | None, sign: str = "") -> str:
    if found is None:
        return _NOTHING
    value, low, high = (format(found[name], f"{sign}.3f") for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"
