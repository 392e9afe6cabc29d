"""The page of the Feature Tuning study: rows of variants to tables of Markdown. No score is made here."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class SetOnPage:
    """A searched set by its name and protocol, and what ``says`` of its images and boxes."""

    name: str
    protocol: str
    says: str

    @property
    def title(self) -> str:
        """The head of its column."""
        return f"{self.name} {'NS' if self.protocol == 'ukbench' else 'mAP'}"


def feature_tuning_page(rows: Sequence[Row], seen: Sequence[Row], sets: Sequence[SetOnPage]) -> str:
    """Return the page: ``rows`` of variants that never saw what is searched, and those that have ``seen`` it.

    The latter searched the first of ``sets`` only. Where sets were searched by crops too, those stand
    beside the whole images.
    """
    buffer = io.StringIO()
    write = partial(print, file=buffer)
    write("# Feature Tuning\n")
    for one in sets:
        write(f"- {one.says}")
    write("\n## Groups that are searched were not trained on\n")
    write(_table(rows, sets))
    normed = next((row for row in rows if len(row["tap_norms"]) > 1), None)
    if normed is not None:
        norms = ", ".join(f"{tap} {norm:.2f}" for tap, norm in normed["tap_norms"].items())
        write(f"\nMean norms of taps: {norms}")
    cropped = [one for one in sets if one.name in rows[0]["crops"]]
    if cropped:
        write("\n## Whole images against crops\n")
        write(
            "Two images are as similar as their most similar two crops; an image without a box stays whole. "
            "Gains are paired by query.\n"
        )
        write(_crop_table(rows, cropped))
    write("\n## The paper's way: the same images, after they were trained on as well\n")
    write(_table(seen, sets[:1]))
    if sets[0] in cropped:
        write(f"\n{_crop_table(seen, sets[:1])}")
    return buffer.getvalue()


def _table(rows: Sequence[Row], sets: Sequence[SetOnPage]) -> str:
    lines = [
        f"| variant | d | {' | '.join(one.title for one in sets)} | mean cosine | effective rank |",
        "|" + "---|" * (4 + len(sets)),
    ]
    for row in rows:
        cells = [_cell(row["scores"][one.name]) for one in sets]
        collapsed = " (collapsed)" if row["collapsed"] else ""
        lines.append(
            f"| {row['variant']} | {row['dimension']} | {' | '.join(cells)} | {row['mean_cosine']:.3f}"
            f"{collapsed} | {row['effective_rank']:.1f} |"
        )
    return "\n".join(lines)


def _crop_table(rows: Sequence[Row], sets: Sequence[SetOnPage]) -> str:
    lines = [
        f"| variant | searched by | {' | '.join(one.title for one in sets)} |",
        "|" + "---|" * (2 + len(sets)),
    ]
    for row in rows:
        for way, kind, sign in (("whole", "scores", ""), ("crops", "crops", ""), ("gain", "gains", "+")):
            cells = " | ".join(_cell(row[kind][one.name], sign) for one in sets)
            lines.append(f"| {row['variant']} | {way} | {cells} |")
    return "\n".join(lines)


def _cell(found: Mapping[str, float], sign: str = "") -> str:
    value, low, high = (format(found[name], f"{sign}.3f") for name in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"
