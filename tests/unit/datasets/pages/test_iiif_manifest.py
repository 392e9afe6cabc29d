"""Manifests in every form that libraries serve, and in forms that none should."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.unit.datasets.pages.iiif_server import (
    LICENCE,
    PREFIX,
    canvas_v2,
    canvas_v3,
    manifest_v2,
    manifest_v3,
    service_v2,
    service_v3,
)
from zuroku.datasets.http import UnusableError
from zuroku.datasets.pages.iiif_manifest import parse_manifest

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, 7, "x", [], {}, [[]], [None]),
    *({"@id": []}, {"items": 3}, [{"default": 1}], {"ja": {"ja": 1}}),
)


def one_page_v2() -> dict[str, Any]:
    return manifest_v2([canvas_v2(service_v2("http://h", "x"))])


def one_page_v3() -> dict[str, Any]:
    return manifest_v3([canvas_v3([service_v3("http://h", "x")])])


def nodes(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every value in ``tree`` but the whole."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in pairs:
        yield (*path, key)
        yield from nodes(value, (*path, key))


def replaced(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Put ``value`` where ``path`` leads, in place."""
    inner = tree
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return tree


@pytest.mark.parametrize(
    ("label", "title"),
    [
        ("古今集", "古今集"),
        ([" ", "古今集"], "古今集"),
        ({"@value": "古今集", "@language": "ja"}, "古今集"),
        ([{"@value": "Kokin", "@language": "en"}, {"@value": "古今集", "@language": "ja"}], "古今集"),
        ([{"@value": "Kokin", "@language": "en"}, "古今集"], "Kokin"),
        ({"en": ["Kokin"], "ja": ["古今集"]}, "古今集"),
        ({"en": ["Kokin"], "none": ["古今集"]}, "古今集"),
        ({"fr": ["Kokin"]}, "Kokin"),
        ({"fr": "Kokin"}, "Kokin"),
        ("長" * 5000, "長" * 1000),
        (7, ""),
        ({}, ""),
        ({"ja": {"ja": {"ja": "x"}}}, ""),
        (None, ""),
    ],
)
def test_labels(label: Any, title: str) -> None:
    manifest = manifest_v2([canvas_v2(service_v2("http://h", "x"))], label=label)
    assert parse_manifest(json.dumps(manifest).encode(), "it").title == title


@pytest.mark.parametrize(
    ("licence", "expected"),
    [(LICENCE, LICENCE), ([LICENCE, "y"], LICENCE), ({"@id": LICENCE}, LICENCE), (None, ""), (3, "")],
)
def test_licences(licence: Any, expected: str) -> None:
    manifest = manifest_v2([canvas_v2(service_v2("http://h", "x"))], license=licence)
    assert parse_manifest(json.dumps(manifest).encode(), "it").licence == expected


@pytest.mark.parametrize(
    ("service", "version"),
    [
        ({"@context": "http://iiif.io/api/image/2/context.json"}, 2),
        ({"profile": ["http://iiif.io/api/image/2/level2.json", {"formats": ["jpg"]}]}, 2),
        ({"profile": "http://library.stanford.edu/iiif/image-api/1.1/compliance.html#level1"}, 2),
        ({"type": "ImageService2", "profile": "level2"}, 2),
        ({"@type": "ImageService2", "profile": "http://iiif.io/api/image/2/level2.json"}, 2),
        ({"@context": "http://iiif.io/api/image/3/context.json"}, 3),
        ({"profile": "level1"}, 3),
        ({"type": "ImageService3", "profile": "level2"}, 3),
    ],
)
@pytest.mark.parametrize("key", ["@id", "id"])
def test_versions_of_the_image_api(service: dict[str, Any], version: int, key: str) -> None:
    others = [{"@type": "AuthCookieService1", "@id": "http://h/auth"}, service | {key: "http://h/x/"}]
    for manifest in (manifest_v2([canvas_v2(others)]), manifest_v3([canvas_v3(others)])):
        (canvas,) = parse_manifest(json.dumps(manifest).encode(), "it").canvases
        assert (canvas.service, canvas.version, canvas.fault) == ("http://h/x", version, "")


def test_the_default_of_a_choice() -> None:
    first = canvas_v2(service_v2("http://h", "a"))
    second = canvas_v3([service_v3("http://h", "a")])
    image = first["images"][0]
    image["resource"] = {"@type": "oa:Choice", "default": image["resource"], "item": [{"service": {}}]}
    annotation = second["items"][0]["items"][0]
    annotation["body"] = {"type": "Choice", "items": [annotation["body"], {"service": []}]}
    for manifest in (manifest_v2([first]), manifest_v3([second])):
        (canvas,) = parse_manifest(json.dumps(manifest).encode(), "it").canvases
        assert canvas.service == f"http://h{PREFIX}/a"


@pytest.mark.parametrize("make", [one_page_v2, one_page_v3])
def test_whatever_stands_in_any_place_is_read_or_refused(make: Callable[[], Any]) -> None:
    places = list(nodes(make()))
    assert len(places) > 10
    for path in places:
        for odd in ODD_VALUES:
            body = json.dumps(replaced(make(), path, odd)).encode()
            try:
                manifest = parse_manifest(body, "it")
            except UnusableError:
                continue
            assert isinstance(manifest.title + manifest.licence, str)
            for canvas in manifest.canvases:
                assert bool(canvas.service) != bool(canvas.fault)
                assert isinstance(canvas.service, str)


def test_deeply_nested_languages_give_no_title() -> None:
    label = '{"ja":' * 150 + "1" + "}" * 150
    manifest = manifest_v2([canvas_v2(service_v2("http://h", "x"))], label="here")
    body = json.dumps(manifest).replace('"here"', label).encode()
    assert parse_manifest(body, "it").title == ""
