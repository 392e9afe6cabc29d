"""From a profile's settings to Dagster's launchpad and back."""

from typing import Literal

import dagster as dg
import pytest
from pydantic import Field

from assets.outputs import launch_config, resolve
from zuroku.config import Settings


class Inner(Settings):
    size: int = 1


class Outer(Settings):
    name: str = "a"
    inner: Inner = Inner()
    listed: list[Inner] = Field(default=[Inner(size=2), Inner(size=3)])
    mapped: dict[str, Inner] = Field(default={"one": Inner(size=4)})
    numbers: list[int] = Field(default=[5, 6])
    chosen: list[Literal["a", "b"]] = Field(default=["b"])
    by_choice: dict[Literal["a", "b"], int] = Field(default={"a": 1})


@pytest.mark.parametrize(
    "settings",
    [Outer(), Outer(name="b", inner=Inner(size=9), listed=[], mapped={}), Outer(mapped={"x": Inner(size=7)})],
)
def test_the_launchpad_starts_with_the_profiles_values_and_gives_them_back(settings: Outer) -> None:
    launch = launch_config(settings)
    assert resolve(launch(), Outer) == settings


def test_what_is_edited_in_the_launchpad_is_validated_again() -> None:
    launch = launch_config(Outer())
    edited = launch(inner={"size": 8}, listed=[{"size": 1}], mapped={"two": {"size": 2}})
    found = resolve(edited, Outer)
    assert (found.inner.size, [one.size for one in found.listed], found.mapped["two"].size) == (8, [1], 2)
    with pytest.raises(ValueError, match="size"):
        resolve(launch(listed=[{"size": "many"}]), Outer)
    with pytest.raises(ValueError, match="chosen"):
        resolve(launch(chosen=["c"]), Outer)


def test_dagster_accepts_it_as_the_configuration_of_an_asset() -> None:
    launch = launch_config(Outer())
    seen = []

    @dg.asset
    def one(config: launch) -> None:  # type: ignore[valid-type]
        seen.append(resolve(config, Outer))

    ops = {"one": {"config": {"mapped": {"two": {"size": 2}}, "name": "c"}}}
    assert dg.materialize([one], run_config={"ops": ops}).success
    assert seen == [Outer(name="c", mapped={"two": Inner(size=2)})]
