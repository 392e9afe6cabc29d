"""One Pascal VOC annotation: from the bytes of its XML to the zones of a page.

Which file belongs to which image is a matter of ``voc``; whether a zone fits, of its image.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from xml.etree import ElementTree
from xml.parsers import expat

from zuroku.datasets.zones import Zone
from zuroku.errors import ImageError

MAX_XML_BYTES = 16 << 20
"""A page of a thousand lines takes half a megabyte."""

_CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Annotation:
    """The zones of a page, and the (width, height) in pixels of the image they were drawn on, if told."""

    zones: tuple[Zone, ...]
    size: tuple[int, int] | None


def read_voc(path: Path) -> Annotation:
    """Read the Pascal VOC file at ``path``.

    The corners are taken as they stand, as continuous coordinates from the upper left corner: the
    tools that wrote NDL-DocL do so, where the VOC devkit counts pixels from 1. ``folder``, ``filename``
    and ``path`` say where the annotator's copy lay and are not looked at: in NDL's own samples they lack the
    suffix or name ``2544473_1`` beside ``2544473_01.jpg``.

    Raises:
        ImageError: the file cannot be read, is no well-formed XML, declares a DOCTYPE, or is no VOC.
    """
    root = _parse(path)
    if root.tag != "annotation":
        _refuse(path, f"begins with <{root.tag}>")
    zones = tuple(_zone(element, number, path) for number, element in enumerate(root.iter("object"), start=1))
    return Annotation(zones, _size(root, path))


def _parse(path: Path) -> ElementTree.Element:
    """Parse with expat directly: of all parsers it alone stops at once when a handler raises."""
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    # Entities, of which bombs and thefts of files are made, can only be declared in a DOCTYPE.
    parser.StartDoctypeDeclHandler = lambda *_: _refuse(path, "declares a DOCTYPE")
    try:
        if (size := path.stat().st_size) > MAX_XML_BYTES:
            _refuse(path, f"has {size} bytes")
        parser.Parse(path.read_bytes(), True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        # The latter two: encodings that are unknown, or that expat cannot read (Shift-JIS).
        _refuse(path, f"is broken ({error})", error)
    except OSError as error:
        _refuse(path, f"cannot be read ({error.strerror})", error)
    return builder.close()


def _zone(element: ElementTree.Element, number: int, path: Path) -> Zone:
    label = (element.findtext("name") or "").strip()
    if not label:
        _refuse(path, f"has no class for object {number}")
    boxes = element.findall("bndbox")
    if len(boxes) != 1:
        _refuse(path, f"has {len(boxes)} boxes for object {number} ({label})")
    corners = []
    for name in _CORNERS:
        text = (boxes[0].findtext(name) or "").strip()
        try:
            corners.append(float(text))
        except ValueError:
            _refuse(path, f"has {name} {text!r} for object {number} ({label})")
    x_min, y_min, x_max, y_max = corners
    return Zone(label, x_min, y_min, x_max, y_max)


def _size(root: ElementTree.Element, path: Path) -> tuple[int, int] | None:
    texts = [(root.findtext(f"size/{name}") or "").strip() for name in ("width", "height")]
    if not any(texts):
        return None
    try:
        return int(texts[0]), int(texts[1])
    except ValueError:
        _refuse(path, f"has a size of {texts[0]!r} × {texts[1]!r}")


def _refuse(path: Path, fault: str, cause: Exception | None = None) -> NoReturn:
    raise ImageError(
        f"the annotation {path.name} {fault}",
        expected=f"Pascal VOC without a DOCTYPE, at most {MAX_XML_BYTES} bytes: objects with a name and "
        "one bndbox of four numbers",
        remedy="mend the file or take it from the publisher again",
    ) from cause
