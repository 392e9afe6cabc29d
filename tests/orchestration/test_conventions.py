"""Conventions of the project, held by tests."""

import re
import subprocess
from pathlib import Path

import dagster as dg
import pytest
import yaml

from assets.lineages import build_assets, config_hashes, configured
from assets.scorecard import SCORECARD
from orchestration.definitions import build_definitions
from orchestration.jobs import STUDY_TAG, build_jobs
from orchestration.resources.tracker import MlflowTracker
from tests.workspace import REPOSITORY
from zuroku.cli import app
from zuroku.profile import Profile
from zuroku.reports.scorecard import ScorecardSettings

PROFILE = Profile("sample", REPOSITORY)
ASSETS = build_assets(PROFILE)
SPECS = [spec for definition in ASSETS for spec in definition.specs]


def tracked_files() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [REPOSITORY / line for line in listed.stdout.splitlines()]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.key.to_user_string())
def test_every_asset_is_described_owned_grouped_and_versioned(spec: dg.AssetSpec) -> None:
    assert spec.description
    assert spec.owners
    assert spec.group_name not in (None, "default")
    assert spec.code_version
    assert spec.kinds


@pytest.mark.parametrize("definition", ASSETS, ids=lambda d: d.key.to_user_string())
def test_every_asset_is_checked(definition: dg.AssetsDefinition) -> None:
    assert list(definition.check_specs)


def test_data_stages_and_dataset_assets_have_the_same_names() -> None:
    stages = set(yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"])
    assert stages == {spec.key.to_user_string() for spec in SPECS if spec.group_name == "datasets"}


PROFILES = sorted(path.name for path in (REPOSITORY / "configs").iterdir() if path.is_dir())


@pytest.mark.parametrize("profile", PROFILES)
def test_every_configuration_file_fits_its_settings(profile: str) -> None:
    assert build_assets(Profile(profile, REPOSITORY))
    assert config_hashes(Profile(profile, REPOSITORY))


@pytest.mark.parametrize("profile", PROFILES)
def test_every_configuration_file_is_read_by_something(profile: str) -> None:
    """A file with a misspelt name would change nothing and say nothing."""
    folder = REPOSITORY / "configs" / profile
    included = {yaml.safe_load(path.read_text()).get("include") for path in folder.glob("*.yaml")}
    datasets = {spec.key.to_user_string() for spec in SPECS if spec.group_name == "datasets"}
    tasks = {one.task for one in configured(Profile(profile, REPOSITORY)).values()}
    read = {f"{name}.yaml" for name in {*tasks, *datasets}} | (included - {None})
    assert {path.name for path in folder.iterdir()} <= read
    Profile(profile, REPOSITORY).load(SCORECARD, ScorecardSettings)


@pytest.mark.parametrize(
    "name",
    [spec.key.to_user_string() for spec in SPECS if spec.group_name != "datasets"],
)
def test_a_changed_configuration_makes_its_asset_stale(name: str) -> None:
    """Datasets are left to DVC; of every other asset the hash of the configuration is compared."""
    assert dg.AssetKey(name) in config_hashes(PROFILE)


def test_the_definitions_load_and_every_job_can_be_resolved() -> None:
    definitions = build_definitions(PROFILE, MlflowTracker(tracking_uri="sqlite://", artifact_root="unused"))
    dg.Definitions.validate_loadable(definitions)
    keys = {spec.key for spec in SPECS}
    for name in build_jobs(ASSETS):
        assert set(definitions.resolve_job_def(name).asset_layer.selected_asset_keys) <= keys


def test_the_main_job_has_no_study_in_it() -> None:
    studies = {spec.key for spec in SPECS if STUDY_TAG in spec.tags}
    assert studies
    tracker = MlflowTracker(tracking_uri="sqlite://", artifact_root="unused")
    definitions = build_definitions(PROFILE, tracker)
    assert not studies & set(definitions.resolve_job_def("demo_job").asset_layer.selected_asset_keys)
    in_jobs = [
        definitions.resolve_job_def(f"study_{lineage}").asset_layer.selected_asset_keys
        for lineage in ("figures", "layout", "embeddings", "feature_tuning", "geolocation")
    ]
    assert studies <= set().union(*in_jobs)


def test_commands_that_the_documents_name_exist() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.M))
    commands = {command.callback.__name__ for command in app.registered_commands if command.callback}
    commands |= {str(group.name) for group in app.registered_groups}
    pages = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").glob("*.md")]
    text = "\n".join(page.read_text() for page in pages)
    named = set(re.findall(r"(?:^|`|=\S+ )make ([a-z]+)", text, flags=re.M))
    assert {"demo", "test"} <= named <= targets
    assert set(re.findall(r"`(?:\.venv/bin/)?zuroku ([a-z]+)", text)) <= commands


def test_links_in_the_documents_lead_somewhere() -> None:
    for page in [REPOSITORY / "README.md", *(REPOSITORY / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_layout_of_the_repository() -> None:
    files = tracked_files()
    assert not [path for path in files if path.parent.name == "mlflow" and path.suffix == ".py"]
    assert not [path for path in files if {"utils", "common", "helpers"} & set(path.parts)]
    listed = set(re.findall(r'^    "([a-z_.]+)",$', (REPOSITORY / "pyproject.toml").read_text(), flags=re.M))
    roots = {"zuroku": REPOSITORY / "src" / "zuroku", "assets": REPOSITORY / "assets"}
    roots["orchestration"] = REPOSITORY / "orchestration"
    for name, root in roots.items():
        for init in root.rglob("__init__.py"):
            parts = init.parent.relative_to(root).parts
            assert ".".join((name, *parts)) in listed


def test_no_registry_is_named_and_nothing_large_is_tracked() -> None:
    hosts = ("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org")
    for path in tracked_files():
        if path.exists():
            data = path.read_bytes()
            assert len(data) < 1_000_000, path
            assert not [host for host in hosts if host.encode() in data], path
