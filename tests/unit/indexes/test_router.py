"""The router: where figures belong, what an empty slot does, and what does not fit together."""

import pytest
from pydantic import ValidationError

from zuroku.errors import ConfigError
from zuroku.indexes.router import UNTAGGED, RouteSettings, primary_tag

ALL = ("general", "museum", "landmark", "indoor_scene")


@pytest.mark.parametrize(
    ("tag", "space"),
    [
        ("picture_object", "museum"),
        ("picture_landmark", "landmark"),
        ("picture_indoor", "indoor_scene"),
        ("picture_person", "general"),
        ("stamp", "general"),
        (UNTAGGED, "general"),
    ],
)
def test_the_routes_of_the_paper(tag, space):
    assert RouteSettings().route(tag, ALL).space == space


def test_an_empty_slot_falls_back_to_the_default_and_says_so():
    route = RouteSettings().route("picture_indoor", ("general", "museum"))
    assert route.space == "general"
    assert "indoor_scene, where picture_indoor belongs, is empty" in route.reason
    assert "empty" not in RouteSettings().route("stamp", ("general", "museum")).reason
    assert "empty" not in RouteSettings().route("picture_object", ("general", "museum")).reason


def test_without_the_default_space_there_is_no_answer():
    with pytest.raises(ConfigError, match=r"(?s)neither landmark nor the default general.*one of museum"):
        RouteSettings().route("picture_landmark", ("museum",))


@pytest.mark.parametrize("embedders", [("general",), ("general", "museum"), ALL])
def test_slots_may_be_empty_or_filled(embedders):
    RouteSettings().check(embedders)


def test_all_embedders_that_are_missing_or_never_used_are_named_at_once():
    settings = RouteSettings(empty_slots=("indoor_scene",))
    settings.check(("general", "museum", "landmark"))
    with pytest.raises(ConfigError) as caught:
        settings.check(("museum", "musem"))
    assert caught.value.found.endswith(
        "no embedder for general, no embedder for landmark, no tag goes to musem"
    )


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"empty_slots": ("museums",)}, "no tag is routed to the empty slots museums"),
        ({"routes": {}, "empty_slots": ("museum",)}, "no tag is routed to"),
        ({"routes": {"stamp": "general"}, "empty_slots": ("general",)}, "default space general cannot"),
        ({"default": "../general"}, "default"),
        ({"routes": {"stamp": "a/b"}, "empty_slots": ()}, "routes"),
        ({"router": {}}, "router"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values, fault):
    with pytest.raises(ValidationError, match=fault):
        RouteSettings(**values)


def test_the_primary_tag_is_the_most_special():
    assert primary_tag(["picture", "picture_landmark"]) == "picture_landmark"
    assert primary_tag([]) == UNTAGGED
