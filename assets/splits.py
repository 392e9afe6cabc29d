"""Split assets of every lineage."""

import dagster as dg
import pandas as pd

from assets.checks import check_results, check_specs
from assets.outputs import ARTIFACT, OWNERS, RETRAIN, launch_config, materialized, resolve
from zuroku.artifacts import Artifact
from zuroku.datasets.findings import SPLIT_CHECKS, split_findings
from zuroku.datasets.manifest import Dataset
from zuroku.datasets.splits import SplitSettings, write_splits
from zuroku.profile import Profile

# What the asset makes changes with its version; raise it with the code behind the asset.
_CODE_VERSION = "1"


def splits_asset(
    profile: Profile, name: str, dataset: str, by: str, group: str, study: str | None = None
) -> dg.AssetsDefinition:
    """Return the asset of splits of ``dataset`` by the manifest column ``by``, in ``group``."""
    defaults = profile.load(name, SplitSettings)
    launch = launch_config(defaults)
    blocking = SPLIT_CHECKS[:2]

    @dg.asset(
        name=name,
        description=f"Train, val and test by {by}: permanent, only ever extended when data grow.",
        group_name=group,
        owners=OWNERS,
        dagster_type=ARTIFACT,
        kinds={"parquet"},
        code_version=_CODE_VERSION,
        ins={"dataset": dg.AssetIn(dataset)},
        tags={"study": study} if study else {},
        check_specs=check_specs(name, SPLIT_CHECKS, blocking),
        automation_condition=None if study else RETRAIN,
    )
    def splits(
        context: dg.AssetExecutionContext,
        config: launch,  # type: ignore[valid-type]
        dataset: Artifact,
    ) -> dg.MaterializeResult:
        settings = resolve(config, SplitSettings)
        data = Dataset(dataset.path)
        ledger = profile.home / "splits" / f"{name}.parquet"
        target = profile.output(name, _CODE_VERSION, settings, {"dataset": dataset})
        artifact = write_splits(data, settings, by, ledger, target)
        table = pd.read_parquet(artifact.path / "splits.parquet")
        return materialized(
            artifact,
            settings,
            metadata={f"{split}_groups": int((table["split"] == split).sum()) for split in settings.shares},
            checks=check_results(split_findings(data, table, by), blocking),
        )

    return splits
