"""Collections of photographs in their published layouts, made by code: small images and short tables."""

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = {"/m/01tortoise": "Tortoise", "/m/02vase": "Vase", "/m/03glass": "Wine glass"}
IMAGE_COLUMNS = (
    "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,"
    "OriginalMD5,Thumbnail300KURL,Rotation"
)
BY = "https://creativecommons.org/licenses/by/2.0/"


def photo(seed: int = 0, size: tuple[int, int] = (40, 20), kind: str = "JPEG") -> bytes:
    """Return an encoded image of noise, another for each seed."""
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, kind)
    return buffer.getvalue()


def put(root: Path, name: str, content: bytes | str) -> Path:
    """Write a file below ``root``."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def tarball(members: dict[str, bytes], compressed: bool = True) -> bytes:
    """Return a tar archive of plain files; equal members give equal bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return gzip.compress(buffer.getvalue(), mtime=0) if compressed else buffer.getvalue()


def image_id(number: int) -> str:
    """Return an id as Open Images has them."""
    return f"{number:016x}"


def image_row(number: int, author: str = "Karen", title: str = "Three boys on a hill") -> str:
    """Return a row of Open Images' table of images."""
    profile = f"https://www.flickr.com/people/{author}/" if author else ""
    return (
        f"{image_id(number)},train,https://example.org/{number}_o.jpg,https://example.org/{number},{BY},"
        f'{profile},{author},"{title}",1,md5==,https://example.org/{number}_z.jpg,0.0'
    )


def open_images_tables(images: list[str], labels: list[str], boxes: list[str]) -> dict[str, str]:
    """Return the tables of a subset by their published file names."""
    return {
        "class-descriptions-boxable.csv": "".join(f"{mid},{name}\n" for mid, name in CLASSES.items()),
        "train-images-boxable-with-rotation.csv": "\n".join([IMAGE_COLUMNS, *images]) + "\n",
        "train-annotations-human-imagelabels-boxable.csv": "\n".join(
            ["ImageID,Source,LabelName,Confidence", *labels]
        )
        + "\n",
        "oidv6-train-annotations-bbox.csv": "\n".join(
            ["ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded", *boxes]
        )
        + "\n",
    }


def label_row(number: int, mid: str, confidence: str = "1") -> str:
    """Return a verified label: confidence 1 is present, 0 absent."""
    return f"{image_id(number)},verification,{mid},{confidence}"


def box_row(number: int, mid: str, box: tuple[float, float, float, float]) -> str:
    """Return a box, given as x_min, y_min, x_max, y_max."""
    x_min, y_min, x_max, y_max = box
    return f"{image_id(number)},xclick,{mid},1,{x_min},{x_max},{y_min},{y_max},0"


def published_open_images() -> dict[str, str]:
    """Return tables of three photographs: one with a box, one with a label, one with neither wanted label."""
    return open_images_tables(
        [image_row(1), image_row(2, "Ann", 'A ""quoted"" title, and a comma'), image_row(3, "")],
        [
            label_row(1, "/m/02vase"),
            label_row(1, "/m/01tortoise", "0"),
            label_row(2, "/m/03glass", "1.0"),
            label_row(2, "/m/02vase"),
            label_row(3, "/m/0unknown"),
            label_row(99, "/m/02vase"),
        ],
        [
            box_row(1, "/m/03glass", (0.25, 0.5, 0.75, 1.0)),
            box_row(99, "/m/02vase", (0, 0, 1, 1)),
            box_row(1, "/m/02vase", (0.0, 0.0, 0.5, 0.5)),
        ],
    )
