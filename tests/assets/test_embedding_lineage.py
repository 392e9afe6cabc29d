"""Which embedders belong to the main line: those that fill a space of the corpus, by configuration."""

import shutil
from pathlib import Path

import dagster as dg
import pytest
import yaml

from assets.embedding_lineage import space_embedders
from assets.embedding_study import CHAIN, IMET, OPEN_IMAGES, compared
from assets.embeddings import MODEL
from assets.lineages import build_assets, config_hashes
from orchestration.definitions import build_definitions
from orchestration.resources.tracker import MlflowTracker
from tests.workspace import REPOSITORY, edit
from zuroku.config import config_hash
from zuroku.errors import ConfigError
from zuroku.profile import Profile
from zuroku.training.embedder import EmbedderTrainingSettings

RELEASE = f"{CHAIN}_release"
FILLS_THE_MUSEUM = {"open_images", "open_images_splits", OPEN_IMAGES, CHAIN, f"{CHAIN}_evaluation", RELEASE}
"""What joins the main line when model ④ fills a space."""


def with_spaces(root: Path, **embedders: str) -> Profile:
    """Return the sample's profile with these embedders of the corpus."""
    shutil.copytree(REPOSITORY / "configs" / "sample", root / "configs" / "sample")
    edit(root, "corpus_figures", embedders=embedders)
    return Profile("sample", root)


def add_release(profile: Profile) -> None:
    released = yaml.safe_load((profile.configs / f"{MODEL}_release.yaml").read_text())
    path = profile.configs / f"{RELEASE}.yaml"
    path.write_text(yaml.safe_dump(released | {"model": CHAIN}))


def in_job(profile: Profile, job: str) -> set[str]:
    """Return the assets that ``job`` runs, after all definitions were loaded."""
    definitions = build_definitions(profile, MlflowTracker(tracking_uri="sqlite://", artifact_root="unused"))
    dg.Definitions.validate_loadable(definitions)
    keys = definitions.resolve_job_def(job).asset_layer.selected_asset_keys
    return {key.to_user_string() for key in keys}


def needed_by(profile: Profile, asset: str) -> set[str]:
    found = next(one for one in build_assets(profile) if one.key.to_user_string() == asset)
    return {key.to_user_string() for key in found.dependency_keys}


def test_the_demo_fills_one_space_and_leaves_the_others_to_the_study() -> None:
    profile = Profile("sample", REPOSITORY)
    assert space_embedders(profile) == []
    assert not FILLS_THE_MUSEUM & in_job(profile, "demo_job")
    assert in_job(profile, "study_embeddings") >= FILLS_THE_MUSEUM - {RELEASE}
    assert RELEASE not in {one.key.to_user_string() for one in build_assets(profile)}


def test_an_embedder_of_a_second_space_is_trained_judged_and_released_in_the_main_job(tmp_path: Path) -> None:
    profile = with_spaces(tmp_path, general=MODEL, museum=CHAIN)
    add_release(profile)
    assert in_job(profile, "demo_job") >= FILLS_THE_MUSEUM | {f"{MODEL}_release"}
    # Model ④ goes on from model ②, which itself is judged in the study only, like model ③.
    compared = {f"{OPEN_IMAGES}_evaluation", IMET, f"{IMET}_evaluation"}
    assert in_job(profile, "study_embeddings") >= compared
    assert not compared & in_job(profile, "demo_job")
    assert needed_by(profile, "corpus_figures") >= {RELEASE, f"{MODEL}_release"}
    assert needed_by(profile, "figure_index") >= {RELEASE, f"{MODEL}_release"}
    assert needed_by(profile, RELEASE) >= {CHAIN, f"{CHAIN}_evaluation"}
    assert dg.AssetKey(RELEASE) in config_hashes(profile)


def test_the_full_profile_fills_the_museum() -> None:
    profile = Profile("full", REPOSITORY)
    assert in_job(profile, "demo_job") >= FILLS_THE_MUSEUM
    assert needed_by(profile, "corpus_figures") >= {RELEASE, f"{MODEL}_release"}


def test_no_model_is_trained_twice_under_two_names() -> None:
    sample, full = Profile("sample", REPOSITORY), Profile("full", REPOSITORY)
    # The main line's embedder of the full profile is model ③; the sample's is another.
    assert IMET in compared(sample)
    assert needed_by(sample, "embedding_comparison") >= {MODEL, IMET, f"{IMET}_evaluation"}
    assert IMET not in {one.key.to_user_string() for one in build_assets(full)}
    assert dg.AssetKey(IMET) not in config_hashes(full)
    models = {MODEL, IMET, OPEN_IMAGES, CHAIN}
    assert needed_by(full, "embedding_comparison") & models == {MODEL, OPEN_IMAGES, CHAIN}
    for profile in (sample, full):
        # What is trained on the museum's objects, and from the same start.
        museum = [
            profile.load(name, EmbedderTrainingSettings)
            for name in (MODEL, IMET)
            if name in compared(profile)
        ]
        assert len({config_hash(one.model_copy(update={"name": ""})) for one in museum}) == len(museum)


def test_any_compared_embedder_may_fill_a_space_and_others_are_refused(tmp_path: Path) -> None:
    assert space_embedders(with_spaces(tmp_path / "a", general=MODEL, museum=IMET)) == [IMET]
    with pytest.raises(ConfigError, match="fills a space with figure_embedder_musuem"):
        build_assets(with_spaces(tmp_path / "b", general=MODEL, museum="figure_embedder_musuem"))
