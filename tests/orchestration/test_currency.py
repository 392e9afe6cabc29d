"""What has to run again: above all, an asset that a blocking check stopped."""

from pathlib import Path

import dagster as dg
import pytest

from orchestration.currency import stale_assets
from orchestration.resources.artifact_store import ArtifactStore
from zuroku.artifacts import Artifact

MADE = "5" * 64


class AnyStore(ArtifactStore):
    """Every output is there, and is the one that was ``MADE``."""

    def load(self, key: dg.AssetKey, partition: str | None = None) -> Artifact:
        return Artifact(Path(self.var), MADE)


@pytest.mark.parametrize(("passed", "blocking"), [(False, True), (False, False), (True, True)])
def test_an_asset_that_a_blocking_check_stopped_has_to_run_again(
    tmp_path: Path, passed: bool, blocking: bool
) -> None:
    @dg.asset(code_version="1", check_specs=[dg.AssetCheckSpec("holds", asset="judged", blocking=blocking)])
    def judged() -> dg.MaterializeResult:
        check = dg.AssetCheckResult(passed=passed, check_name="holds")
        return dg.MaterializeResult(check_results=[check], data_version=dg.DataVersion(MADE))

    store = AnyStore(var=str(tmp_path), profile="sample")
    with dg.DagsterInstance.ephemeral() as instance:
        specs = list(judged.specs)
        assert [one.reason for one in stale_assets(instance, specs, {}, store)] == ["never made"]
        dg.materialize([judged], instance=instance, raise_on_error=False)
        reasons = [one.reason for one in stale_assets(instance, specs, {}, store)]
    assert reasons == (["its check holds failed"] if blocking and not passed else [])


def test_an_asset_whose_publication_is_amiss_has_to_run_again(tmp_path: Path) -> None:
    @dg.asset(code_version="1")
    def released() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion(MADE))

    store = AnyStore(var=str(tmp_path), profile="sample")
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([released], instance=instance)
        specs = list(released.specs)
        assert stale_assets(instance, specs, {}, store) == []
        found = stale_assets(instance, specs, {}, store, lambda key: f"{key.to_user_string()} is gone")
    assert [one.reason for one in found] == ["released is gone"]


def test_an_output_that_another_made_last_is_not_current(tmp_path: Path) -> None:
    @dg.asset(code_version="1")
    def trained() -> dg.MaterializeResult:
        return dg.MaterializeResult(data_version=dg.DataVersion("of another profile"))

    store = AnyStore(var=str(tmp_path), profile="sample")
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([trained], instance=instance)
        found = stale_assets(instance, list(trained.specs), {}, store)
    assert [one.reason for one in found] == ["its output is not what was made last"]
