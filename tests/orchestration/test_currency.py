"""What has to run again: above all, an asset that a blocking check stopped."""

from pathlib import Path

import dagster as dg
import pytest

from orchestration.currency import stale_assets
from orchestration.resources.artifact_store import ArtifactStore


class AnyStore(ArtifactStore):
    """Every output is there."""

    def load(self, key: dg.AssetKey, partition: str | None) -> None:
        return None


@pytest.mark.parametrize(("passed", "blocking"), [(False, True), (False, False), (True, True)])
def test_an_asset_that_a_blocking_check_stopped_has_to_run_again(
    tmp_path: Path, passed: bool, blocking: bool
) -> None:
    @dg.asset(code_version="1", check_specs=[dg.AssetCheckSpec("holds", asset="judged", blocking=blocking)])
    def judged() -> dg.MaterializeResult:
        return dg.MaterializeResult(check_results=[dg.AssetCheckResult(passed=passed, check_name="holds")])

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
        return dg.MaterializeResult()

    store = AnyStore(var=str(tmp_path), profile="sample")
    with dg.DagsterInstance.ephemeral() as instance:
        dg.materialize([released], instance=instance)
        specs = list(released.specs)
        assert stale_assets(instance, specs, {}, store) == []
        found = stale_assets(instance, specs, {}, store, lambda key: f"{key.to_user_string()} is gone")
    assert [one.reason for one in found] == ["released is gone"]
