"""What the automation condition of the assets asks for, tick by tick."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pytest

from assets.outputs import RETRAIN

BATCHES = dg.StaticPartitionsDefinition(["one", "two"])


@dataclass
class Graph:
    """A dataset, a model made of it, batches made with the model, and an index of the batches."""

    instance: dg.DagsterInstance
    data_version: str = "d1"
    passes: bool = True
    code_version: str = "1"
    cursor: Any = None

    def definitions(self) -> dg.Definitions:
        """Return the graph as the code is now."""

        @dg.asset(check_specs=[dg.AssetCheckSpec("holds", asset="dataset", blocking=True)])
        def dataset() -> dg.MaterializeResult:
            return dg.MaterializeResult(
                data_version=dg.DataVersion(self.data_version),
                check_results=[dg.AssetCheckResult(passed=self.passes, check_name="holds")],
            )

        def made(version: str) -> dg.MaterializeResult:
            return dg.MaterializeResult(data_version=dg.DataVersion(version))

        @dg.asset(deps=[dataset], code_version=self.code_version, automation_condition=RETRAIN)
        def model() -> dg.MaterializeResult:
            return made(f"{self.data_version} by {self.code_version}")

        @dg.asset(deps=[model], code_version="1", automation_condition=RETRAIN, partitions_def=BATCHES)
        def batches() -> dg.MaterializeResult:
            return made(f"batches of {self.data_version} by {self.code_version}")

        @dg.asset(deps=[batches], code_version="1", automation_condition=RETRAIN)
        def index() -> dg.MaterializeResult:
            return made("index")

        return dg.Definitions(assets=[dataset, model, batches, index])

    def make(self, *names: str) -> None:
        """Materialize the assets ``names`` in one run for each partition."""
        definitions = self.definitions()
        for name in names:
            for partition in BATCHES.get_partition_keys() if name == "batches" else [None]:
                job = definitions.resolve_implicit_global_asset_job_def()
                job.execute_in_process(
                    instance=self.instance,
                    asset_selection=[dg.AssetKey(name)],
                    partition_key=partition,
                    raise_on_error=False,
                )

    def tick(self) -> set[str]:
        """Return the names of the assets that one tick asks for."""
        result = dg.evaluate_automation_conditions(self.definitions(), self.instance, cursor=self.cursor)
        self.cursor = result.cursor
        names = ("dataset", "model", "batches", "index")
        return {name for name in names if result.get_num_requested(dg.AssetKey(name))}

    def settle(self) -> list[set[str]]:
        """Make what ticks ask for until one asks for nothing; return what each asked for."""
        asked = []
        while requested := self.tick():
            asked.append(requested)
            self.make(*sorted(requested))
        return asked


@pytest.fixture
def graph() -> Iterator[Graph]:
    with dg.DagsterInstance.ephemeral() as instance:
        graph = Graph(instance)
        graph.make("dataset", "model", "batches", "index")
        assert graph.tick() == set()
        yield graph


def test_an_input_made_again_with_the_same_content_asks_for_nothing(graph: Graph) -> None:
    graph.make("dataset")
    assert graph.settle() == []


def test_an_input_with_another_content_asks_for_what_depends_on_it_in_turn(graph: Graph) -> None:
    graph.data_version = "d2"
    graph.make("dataset")
    assert graph.settle() == [{"model"}, {"batches"}, {"index"}]


def test_a_release_of_code_asks_for_its_asset_and_what_comes_out_different(graph: Graph) -> None:
    graph.code_version = "2"
    assert graph.settle() == [{"model"}, {"batches"}, {"index"}]


def test_an_input_that_fails_a_blocking_check_waits_until_it_passes(graph: Graph) -> None:
    graph.data_version, graph.passes = "d2", False
    graph.make("dataset")
    assert graph.settle() == []
    graph.passes = True
    graph.make("dataset")
    assert graph.settle()[0] == {"model"}


def test_what_the_same_run_has_made_already_is_not_asked_for(graph: Graph) -> None:
    graph.data_version = "d2"
    graph.make("dataset", "model", "batches", "index")
    assert graph.settle() == []
