"""Configuration: what is read, and what a wrong file is told."""

from pathlib import Path

import pytest
from pydantic import Field, ValidationError

from zuroku.config import Settings, canonical_json, config_hash, load_settings, parse_settings
from zuroku.errors import ConfigError


class Inner(Settings):
    epochs: int
    rate: float = 0.1


class Outer(Settings):
    name: str
    loop: Inner
    classes: dict[str, list[str]] = Field(default={})


def write(folder: Path, text: str, name: str = "task.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def message(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_settings(path, Outer)
    return str(caught.value)


def test_a_file_becomes_frozen_settings(tmp_path: Path) -> None:
    settings = load_settings(write(tmp_path, "name: 図録\nloop: {epochs: 3}\n"), Outer)
    assert settings == Outer(name="図録", loop=Inner(epochs=3, rate=0.1))
    with pytest.raises(ValidationError, match="frozen"):
        settings.name = "other"  # type: ignore[misc]


def test_an_include_gives_keys_and_the_file_itself_wins(tmp_path: Path) -> None:
    write(tmp_path, "name: shared\nclasses: {map: [graphic]}\n", "shared.yaml")
    settings = load_settings(write(tmp_path, "include: shared.yaml\nname: own\nloop: {epochs: 1}\n"), Outer)
    assert settings.name == "own"
    assert settings.classes == {"map": ["graphic"]}


def test_a_missing_file_is_named_be_it_the_included_one(tmp_path: Path) -> None:
    assert f"no configuration file at {tmp_path / 'nowhere.yaml'}" in message(tmp_path / "nowhere.yaml")
    path = write(tmp_path, "include: shared.yaml\nname: x\nloop: {epochs: 1}\n")
    assert f"no configuration file at {tmp_path / 'shared.yaml'}" in message(path)


def test_every_fault_is_listed_at_once_with_the_way_to_it(tmp_path: Path) -> None:
    path = write(
        tmp_path, "nme: x\nloop: {epochs: many, momentum: 1, rate: [1]}\nclasses: {map: graphic}\ncolour: 1\n"
    )
    said = message(path)
    assert str(path) in said
    for fault in (
        "name: Field required",
        "nme: Extra inputs are not permitted",
        "colour: Extra inputs are not permitted",
        "loop.epochs: Input should be a valid integer",
        "loop.momentum: Extra inputs are not permitted",
        "loop.rate: Input should be a valid number",
        "classes.map: Input should be a valid list",
    ):
        assert fault in said
    assert "expected: the fields name, loop, classes" in said


def test_an_unknown_key_of_the_included_file_is_no_less_refused(tmp_path: Path) -> None:
    write(tmp_path, "colour: red\n", "shared.yaml")
    assert "colour: Extra inputs" in message(
        write(tmp_path, "include: shared.yaml\nname: x\nloop: {epochs: 1}\n")
    )


@pytest.mark.parametrize(
    ("include", "shared"), [("shared.yaml", ""), ("shared.yaml", "- a\n"), ("[shared.yaml]", "a: 1\n")]
)
def test_an_include_that_gives_no_mapping_is_said(tmp_path: Path, include: str, shared: str) -> None:
    write(tmp_path, shared, "shared.yaml")
    assert "shared.yaml" in message(write(tmp_path, f"include: {include}\nname: x\nloop: {{epochs: 1}}\n"))


def test_an_included_file_that_is_not_yaml_is_named(tmp_path: Path) -> None:
    shared = write(tmp_path, "classes: [\n", "shared.yaml")
    assert str(shared) in message(write(tmp_path, "include: shared.yaml\nname: x\nloop: {epochs: 1}\n"))


@pytest.mark.parametrize(
    ("text", "kind"), [("", "NoneType"), ("- name\n- loop\n", "list"), ("just words\n", "str")]
)
def test_yaml_that_is_no_mapping_is_said(tmp_path: Path, text: str, kind: str) -> None:
    said = message(write(tmp_path, text))
    assert f"holds {kind}" in said
    assert "expected: a mapping with the fields of Outer" in said


def test_what_is_not_yaml_is_said_with_the_place(tmp_path: Path) -> None:
    said = message(write(tmp_path, "name: [one, two\nloop: }\n"))
    assert "not readable YAML" in said
    assert "line 2" in said


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("name: a\nloop: {epochs: 1}\nname: b\n", "the key 'name' (lines 1, 3)"),
        ("name: a\nloop:\n  epochs: 1\n  rate: 1\n  'epochs': 1\n", "the key 'epochs' (lines 3, 5)"),
        ("classes: {map: [a],\n  map: [b]}\nname: a\n", "the key 'map' (lines 1, 2)"),
        ("a: 1\nb: 1\na: 1\nb: 1\na: 1\n", "the key 'a' (lines 1, 3, 5), 'b' (lines 2, 4)"),
    ],
)
def test_a_key_written_twice_is_named_with_its_lines(tmp_path: Path, text: str, told: str) -> None:
    said = message(write(tmp_path, text))
    assert str(tmp_path / "task.yaml") in said
    assert f"a mapping repeats {told}" in said
    assert "expected: UTF-8 YAML with every key once" in said


def test_a_key_written_twice_in_the_included_file_is_named_with_that_file(tmp_path: Path) -> None:
    shared = write(tmp_path, "classes:\n  map: [a]\n  seal: []\n  map: [b]\n", "shared.yaml")
    said = message(write(tmp_path, "include: shared.yaml\nname: x\nloop: {epochs: 1}\n"))
    assert f"{shared} is not readable YAML: a mapping repeats the key 'map' (lines 2, 4)" in said


def test_equal_keys_of_two_mappings_and_a_merged_key_are_no_repetition(tmp_path: Path) -> None:
    merged = "{<<: {epochs: 1, rate: 0.5}, epochs: 2}"
    text = f"name: x\nclasses: {{name: [], loop: []}}\nloop: {{<<: {merged}, epochs: 3}}\n"
    assert load_settings(write(tmp_path, text), Outer).loop == Inner(epochs=3, rate=0.5)


def test_bytes_that_are_no_text_are_said(tmp_path: Path) -> None:
    path = tmp_path / "task.yaml"
    path.write_bytes("name: 図録\n".encode("shift_jis"))
    said = message(path)
    assert "not readable YAML" in said
    assert "expected: UTF-8 YAML with every key once" in said


def test_values_from_elsewhere_name_their_origin() -> None:
    with pytest.raises(ConfigError, match=r"card\.json does not fit Inner: epochs: Field required"):
        parse_settings({}, Inner, origin="card.json")


def test_the_hash_follows_the_resolved_values_and_not_the_way_they_are_written(tmp_path: Path) -> None:
    one = load_settings(write(tmp_path, "name: x\nloop: {rate: 0.1, epochs: 3}\n"), Outer)
    other = load_settings(write(tmp_path, "loop:\n  epochs: 3 # three\nname: 'x'\nclasses: {}\n"), Outer)
    assert config_hash(one) == config_hash(other)
    assert config_hash(one) != config_hash(Outer(name="x", loop=Inner(epochs=4)))
    assert canonical_json({"b": 1, "a": "図"}) == '{"a":"図","b":1}'
