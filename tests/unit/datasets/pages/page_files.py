"""Annotated pages made by code: encoded images and Pascal VOC as NDL-DocL writes it."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (60, 40)
"""Width and height of the pages in pixels."""

SHARED = Path(__file__).resolve().parents[5] / "shared/data"

Box = tuple[str, object, object, object, object]


def page_bytes(seed: int = 0, size: tuple[int, int] = SIZE, orientation: int | None = None) -> bytes:
    """Return a JPEG of noise; other seeds give other bytes."""
    noise = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def voc_xml(boxes: Sequence[Box] = (), size: tuple[object, object] | None = SIZE) -> str:
    """Return an annotation with tabs and a file name without suffix, as some of NDL's are."""
    objects = "".join(
        f"\t<object>\n\t\t<name>{label}</name>\n\t\t<bndbox>\n"
        f"\t\t\t<xmin>{x_min}</xmin>\n\t\t\t<ymin>{y_min}</ymin>\n"
        f"\t\t\t<xmax>{x_max}</xmax>\n\t\t\t<ymax>{y_max}</ymax>\n\t\t</bndbox>\n\t</object>\n"
        for label, x_min, y_min, x_max, y_max in boxes
    )
    told = (
        f"\t<size>\n\t\t<width>{size[0]}</width>\n\t\t<height>{size[1]}</height>\n\t</size>\n" if size else ""
    )
    return f"<annotation>\n\t<filename>elsewhere</filename>\n{told}{objects}</annotation>\n"


def put(root: Path, name: str, data: bytes | str) -> Path:
    """Write a file below ``root`` with its folders."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path
