"""The canary before an index switch: a frozen set of queries, and what became of their answers.

A query is a disturbed copy of an indexed picture; its known answer is that picture. The set is drawn once and
kept beside the published index. Before another index takes its place, both are asked the same queries.
Nothing here knows a concrete index: how one is opened and asked is in ``corpus.canary`` and
``reports.place_canary``; when one is switched, in ``switch``.
"""

import io
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from pydantic import Field
from scipy.optimize import linear_sum_assignment

from zuroku.artifacts import replace_folder, seal, verify
from zuroku.config import Settings
from zuroku.datasets.images import decode_rgb
from zuroku.errors import IntegrityError
from zuroku.evaluation.boxes import iou_matrix

QUERIES = "queries.parquet"
CARD = "canary.json"
QUERIES_SCHEMA = pa.schema(
    [
        ("source", pa.string()),
        ("box", pa.list_(pa.float64())),
        ("sha256", pa.string()),
        ("stratum", pa.string()),
        ("picture", pa.binary()),
    ]
)
"""One row per query; ``box`` is null where a picture shows all of its source."""

_SAME_IOU = 0.5
_CROPPED = (0.01, 0.04)
_SCALE = 0.75
_SHORT_SIDE_PX = 320
_JPEG_QUALITY = 60


class CanarySettings(Settings):
    """How the set is drawn, and what a switch may change; none of it changes the index itself.

    On 600 generated figures another input size or another whitening of one backbone changed 31 to 48 % of the
    first ten answers, another network 81 to 84 %, shuffled rows 98 %. A picture's own copy was found in every
    case but the last; a twentieth is two of 48, so that single pictures in doubt do not stop a release.
    """

    queries: int = Field(
        default=48, ge=1, description="drawn where there is no set yet; a set stays as it is"
    )
    k: int = Field(default=10, ge=1, description="how many answers are compared")
    max_churn: float = Field(
        default=0.5, ge=0, le=1, description="share of the first k answers that may change, on average"
    )
    max_lost: float = Field(
        default=0.05, ge=0, le=1, description="share of queries that may lose their known answer"
    )
    seed: int = Field(default=0, ge=0, description="of the drawing")


@dataclass(frozen=True)
class Region:
    """What an indexed picture shows, whatever its id: ``box`` of the page or photograph ``source``.

    The box is x_min, y_min, x_max, y_max in pixels; without one it is all of the source.
    """

    source: str
    box: tuple[float, float, float, float] | None = None

    def shows(self, other: "Region") -> bool:
        """Say whether both show the same: boxes with an intersection over union of at least 0.5."""
        if self.source != other.source or self.box is None or other.box is None:
            return self == other
        return bool(iou_matrix(np.array([self.box]), np.array([other.box]))[0, 0] >= _SAME_IOU)


@dataclass(frozen=True)
class CanaryQuery:
    """A disturbed ``picture`` (JPEG) of the region ``answer``, whose source had the bytes of ``sha256``.

    ``stratum`` is what the set was spread over: the primary tag of a figure, the prefecture of a photograph.
    """

    answer: Region
    sha256: str
    stratum: str
    picture: bytes


@dataclass(frozen=True)
class Answer:
    """A picture that an index found: what it shows, its cosine similarity, and its thumbnail or b""."""

    region: Region
    score: float
    thumbnail: bytes


@dataclass(frozen=True)
class Replay:
    """A query with the answers of the index in use and of the new one, best first.

    ``churn`` is the share of the answers before that are gone; ranks are those of the known answer, from 1,
    None where it was not found.
    """

    query: CanaryQuery
    before: Sequence[Answer]
    after: Sequence[Answer]
    churn: float
    rank_before: int | None
    rank_after: int | None

    @property
    def lost(self) -> bool:
        """Whether the index in use found the known answer and the new one does not."""
        return self.rank_before is not None and self.rank_after is None


def replay(query: CanaryQuery, before: Sequence[Answer], after: Sequence[Answer]) -> Replay:
    """Compare what two indexes answer to ``query``."""
    old, new = [answer.region for answer in before], [answer.region for answer in after]
    return Replay(query, before, after, churn(old, new), _rank(query, old), _rank(query, new))


def churn(before: Sequence[Region], after: Sequence[Region]) -> float:
    """Return the share of the answers ``before`` that are not among those ``after``, in whatever order.

    The largest number of pairs that show the same counts, so that two boxes never share a partner. Answers
    where there were none are no churn.
    """
    if not before or not after:
        return float(bool(before))
    same = np.array([[one.shows(other) for other in after] for one in before])
    in_both = int(same[linear_sum_assignment(same, maximize=True)].sum())
    return 1 - in_both / len(before)


def _rank(query: CanaryQuery, regions: Sequence[Region]) -> int | None:
    found = (rank for rank, region in enumerate(regions, start=1) if query.answer.shows(region))
    return next(found, None)


def draw_evenly(
    strata: Mapping[str, Sequence[int]], count: int, draw: np.random.Generator
) -> list[tuple[str, int]]:
    """Return ``count`` rows, or all, each with its stratum, in the order of strata and rows.

    Every stratum gives as many as any other, or all that it has; a remainder goes to the largest ones.
    """
    drawn: list[tuple[str, int]] = []
    names = sorted(strata, key=lambda name: (len(strata[name]), name))
    for place, name in enumerate(names):
        share = min(len(strata[name]), (count - len(drawn)) // (len(names) - place))
        chosen = draw.choice(len(strata[name]), size=share, replace=False)
        drawn += [(name, strata[name][int(row)]) for row in chosen]
    return sorted(drawn)


def disturbed(data: bytes, draw: np.random.Generator) -> bytes:
    """Return an encoded picture as a user might send it: cropped, scaled down, a poor JPEG.

    1 to 4 % go from each side; what is left shrinks to three quarters or a shorter side of 320 px, whichever
    is less; the JPEG's quality is 60.
    """
    picture = decode_rgb(data)
    width, height = picture.size
    left, right = (round(width * share) for share in draw.uniform(*_CROPPED, 2))
    top, bottom = (round(height * share) for share in draw.uniform(*_CROPPED, 2))
    kept = picture.crop((left, top, width - right, height - bottom))
    scale = min(_SCALE, _SHORT_SIDE_PX / min(kept.size))
    size = max(1, round(kept.width * scale)), max(1, round(kept.height * scale))
    encoded = io.BytesIO()
    kept.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0).save(
        encoded, format="JPEG", quality=_JPEG_QUALITY
    )
    return encoded.getvalue()


def write_canary(
    queries: Sequence[CanaryQuery], drawn_from: str, settings: CanarySettings, folder: Path
) -> None:
    """Write the sealed set to ``folder``, replacing one; ``drawn_from`` is the seal of an index."""
    work = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    rows = [
        {
            "source": query.answer.source,
            "box": query.answer.box,
            "sha256": query.sha256,
            "stratum": query.stratum,
            "picture": query.picture,
        }
        for query in queries
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=QUERIES_SCHEMA), work / QUERIES, compression="zstd")
    card = {"drawn_from": drawn_from, "queries": len(rows), "seed": settings.seed}
    (work / CARD).write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
    seal(work)
    replace_folder(work, folder)


def read_canary(folder: Path) -> list[CanaryQuery]:
    """Return the set in ``folder``, empty where none was drawn.

    Raises:
        IntegrityError: it is not what was sealed.
    """
    if not folder.exists():
        return []
    try:
        verify(folder)
    except IntegrityError as error:
        raise IntegrityError(
            error.found,
            expected="the frozen set of canary queries, as it was drawn",
            remedy=f"restore the folder, or delete {folder}: a new set is drawn from the index in use",
        ) from error
    return [
        CanaryQuery(
            Region(row["source"], tuple(row["box"]) if row["box"] else None),
            row["sha256"],
            row["stratum"],
            row["picture"],
        )
        for row in pq.read_table(folder / QUERIES).to_pylist()
    ]
