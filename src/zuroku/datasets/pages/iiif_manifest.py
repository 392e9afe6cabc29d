"""What a IIIF manifest says about a book: its title, its licence, and the image of every canvas.

Bytes in, values out. Both versions of the Presentation API that libraries serve are read: 2.1
(https://iiif.io/api/presentation/2.1/) and 3.0 (https://iiif.io/api/presentation/3.0/). Nothing is
fetched here, and nothing knows how one library numbers its images.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from pydantic_core import from_json

from zuroku.datasets.http import UnusableError

MAX_CANVASES = 10_000
"""A manifest with more is refused: the thickest book we know of has a fifth of it."""

_MAX_TEXT = 1000
_SERVICE_KINDS = ("ImageService1", "ImageService2", "ImageService3")
_VERSION_3_PROFILES = ("level0", "level1", "level2")
_IMAGE_API = ("://iiif.io/api/image/", "/iiif/image-api/")


@dataclass(frozen=True)
class Canvas:
    """One page of the book: the base address of its image service, or why it has none.

    ``position`` counts from 1. ``version`` is that of the Image API the service speaks: before 3 the
    whole image is asked for as ``full``, since then as ``max``.
    """

    position: int
    service: str
    version: Literal[2, 3] = 2
    fault: str = ""


@dataclass(frozen=True)
class Manifest:
    """A book as its library presents it; ``licence`` is empty where the manifest names none."""

    title: str
    licence: str
    canvases: tuple[Canvas, ...]


def parse_manifest(body: bytes, origin: str) -> Manifest:
    """Read the manifest in ``body``; ``origin`` names it in errors.

    A canvas that cannot be used stays, with its ``fault``. Texts are cut at 1,000 characters, because
    every page of the book will carry them.

    Raises:
        UnusableError: no JSON, no manifest (a collection, say), without a canvas or with too many.
    """
    try:
        # Unlike ``json``, it refuses deep nesting and half surrogates instead of failing later.
        manifest = from_json(body)
    except ValueError as error:
        raise _no_manifest(origin, f"no JSON ({error}); it begins {body[:40]!r}") from error
    if not isinstance(manifest, dict):
        raise _no_manifest(origin, f"a JSON {type(manifest).__name__}")
    canvases = _canvases(manifest)
    if not canvases:
        kind = manifest.get("type", manifest.get("@type"))
        raise _no_manifest(origin, f"something of the type {str(kind)[:80]} without a canvas")
    if len(canvases) > MAX_CANVASES:
        raise _no_manifest(origin, f"{len(canvases)} canvases")
    return Manifest(
        title=_text(manifest.get("label")),
        licence=_text(manifest.get("license")) or _text(manifest.get("rights")),
        canvases=tuple(_canvas(position, canvas) for position, canvas in enumerate(canvases, start=1)),
    )


def _no_manifest(origin: str, found: str) -> UnusableError:
    return UnusableError(
        f"{origin} holds {found}",
        expected=f"a IIIF manifest (Presentation API 2 or 3) with 1 to {MAX_CANVASES} canvases",
        remedy="open the address in a browser (or delete the file, if it was kept); of a work in several "
        "volumes name the PID of each volume, and leave out what the library has withdrawn",
    )


def _canvases(manifest: dict[str, Any]) -> list[Any]:
    """Return the canvases in reading order: of the first sequence (version 2), or the items (version 3)."""
    if manifest.get("type") == "Collection" or manifest.get("@type") == "sc:Collection":
        return []
    if "items" in manifest:
        return _as_list(manifest["items"])
    sequences = [s for s in _as_list(manifest.get("sequences")) if isinstance(s, dict)]
    return _as_list(sequences[0].get("canvases")) if sequences else []


def _canvas(position: int, canvas: Any) -> Canvas:
    images = list(_images(canvas)) if isinstance(canvas, dict) else []
    if len(images) != 1:
        return Canvas(position, "", fault=f"{len(images)} images painted on it instead of one")
    services = [s for s in _as_list(images[0].get("service")) if isinstance(s, dict) and _is_image_service(s)]
    address = services[0].get("@id", services[0].get("id")) if services else None
    if not isinstance(address, str) or not address.strip("/"):
        return Canvas(position, "", fault="an image without a IIIF image service")
    return Canvas(position, address.rstrip("/"), 3 if _speaks_version_3(services[0]) else 2)


def _images(canvas: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the image of every painting annotation; where there is a choice, the default."""
    annotations = _as_list(canvas.get("images"))
    for page in _as_list(canvas.get("items")):
        annotations += _as_list(page.get("items")) if isinstance(page, dict) else []
    for annotation in annotations:
        if not isinstance(annotation, dict):
            continue
        for image in _as_list(annotation.get("resource", annotation.get("body"))):
            if isinstance(image, dict):
                # Version 2 calls the preferred one "default", version 3 puts it first.
                choices = [image.get("default"), *_as_list(image.get("items")), image]
                yield next(choice for choice in choices if isinstance(choice, dict))


def _is_image_service(service: dict[str, Any]) -> bool:
    return service.get("type", service.get("@type")) in _SERVICE_KINDS or any(
        said in _VERSION_3_PROFILES or any(part in said for part in _IMAGE_API) for said in _claims(service)
    )


def _speaks_version_3(service: dict[str, Any]) -> bool:
    kind = service.get("type", service.get("@type"))
    if kind in _SERVICE_KINDS:
        return bool(kind == "ImageService3")
    return any(said in _VERSION_3_PROFILES or "/api/image/3/" in said for said in _claims(service))


def _claims(service: dict[str, Any]) -> list[str]:
    """Return what a service says of itself: contexts and profiles."""
    said = [*_as_list(service.get("@context")), *_as_list(service.get("profile"))]
    return [text for text in said if isinstance(text, str)]


def _as_list(value: Any) -> list[Any]:
    """Return a value that JSON-LD lets stand alone or in a list as a new list."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _text(value: Any) -> str:
    """Return one text of a value that is plain, listed or by language: the Japanese, else the first."""
    if isinstance(value, dict) and not value.keys() & {"@value", "@id"}:
        value = value.get("ja") or value.get("none") or next(iter(value.values()), None)
    entries = [entry if isinstance(entry, dict) else {"@value": entry} for entry in _as_list(value)]
    for entry in sorted(entries, key=lambda entry: entry.get("@language") != "ja"):
        text = entry.get("@value", entry.get("@id"))
        if isinstance(text, str) and text.strip():
            return text.strip()[:_MAX_TEXT]
    return ""
