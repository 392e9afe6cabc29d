"""A picture of the canary: the worst queries, each with what the index in use and the new one answer."""

import io
from collections.abc import Sequence

from PIL import Image

from zuroku.indexes.canary import Answer, CanaryQuery, Replay
from zuroku.reports.contact_sheet import contact_sheet
from zuroku.reports.place_figures import folded_panorama

_QUERIES = 4
_ANSWERS = 5


def canary_sheet(replays: Sequence[Replay]) -> bytes:
    """Return a JPEG of the first ``replays``: a row each of the query, then the best old and new answers.

    The known answer is marked.
    """
    pictures: list[tuple[Image.Image, list[str]]] = []
    for one in replays[:_QUERIES]:
        state = "known answer lost" if one.lost else f"{one.churn:.0%} changed"
        query: Image.Image = Image.open(io.BytesIO(one.query.picture))
        # The thumbnails of panoramas are folded, and of all whole pictures only panoramas are that wide.
        query = folded_panorama(query) if one.query.answer.box is None else query
        pictures.append((query, ["query", state, one.query.stratum]))
        for side, answers in (("in use", one.before), ("new", one.after)):
            shown = [_shown(side, rank, answers, one.query) for rank in range(_ANSWERS)]
            pictures += shown
    return contact_sheet(
        pictures,
        columns=1 + 2 * _ANSWERS,
        title="The queries whose answers change most, and the nearest in the index in use and in the new one",
    )


def _shown(
    side: str, rank: int, answers: Sequence[Answer], query: CanaryQuery
) -> tuple[Image.Image, list[str]]:
    blank = Image.new("RGB", (1, 1), "white")
    if rank >= len(answers):
        return blank, [f"{side}: none"]
    answer = answers[rank]
    picture = Image.open(io.BytesIO(answer.thumbnail)) if answer.thumbnail else blank
    lines = [f"{side} {rank + 1}.  {answer.score:.3f}", answer.region.source]
    return picture, [*lines, "the known answer"] if query.answer.shows(answer.region) else lines
