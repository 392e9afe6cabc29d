"""stub"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from zuroku.config import Settings


class SampleSettings(Settings):
    seed: int = 0
    books: int = 10
    first_pid: int = 9000001


@dataclass(frozen=True)
class FigurePlan:
    item_id: str
    label: str
    group: str
    title: str
    seed: int


CL = [
    "graphic_map",
    "graphic_graph",
    "graphic_illustcolor",
    "graphic_illust",
    "picture_landmark",
    "picture_outdoor",
    "picture_object",
    "picture_indoor",
    "stamp",
]


def plan_figures(s: SampleSettings) -> list[FigurePlan]:
    return [
        FigurePlan(
            f"{s.first_pid + b}_{i}_0", CL[b % 9], str(s.first_pid + b), "本", s.seed * 1000000 + b * 100 + i
        )
        for b in range(s.books)
        for i in range(5)
    ]


def render_figure(p: FigurePlan) -> bytes:
    rng = np.random.default_rng(p.seed)
    k = CL.index(p.label)
    a = rng.normal(128, 30, (200 + k * 10, 300, 3))
    a[:: (k + 2)] += 60
    b = io.BytesIO()
    Image.fromarray(a.clip(0, 255).astype(np.uint8)).save(b, "JPEG")
    return b.getvalue()
