"""Taking a released model back: alias and link together, whatever was killed and whoever else is at work."""

from collections.abc import Callable

import pytest

from assets import release as release_module
from orchestration.resources.tracker import MlflowTracker
from orchestration.rollback import roll_back_model
from tests.assets.release_workshop import (
    MODEL,
    Workshop,
    failure,
    judgement,
    kill_before_publishing,
)
from zuroku import publishing
from zuroku.errors import BundleError, BusyError, ConfigError
from zuroku.reports import figure_tagger

pytestmark = pytest.mark.slow


def test_alias_and_publication_move_together_and_back(workshop: Workshop) -> None:
    old, better = workshop.bundle("old", blind_to=("noise",)), workshop.bundle("better")
    workshop.release(old)
    assert workshop.alias() == workshop.publication() == old.sha256
    verdict = judgement(workshop.release(better))
    assert verdict["promoted"]
    assert verdict["difference"] > 0
    assert workshop.alias() == workshop.publication() == better.sha256

    assert roll_back_model(workshop.profile, workshop.tracker, MODEL).sha256 == old.sha256
    assert workshop.alias() == workshop.publication() == old.sha256
    said = failure(workshop.release(better))
    assert "was taken back, and is held" in said
    assert workshop.alias() == workshop.publication() == old.sha256
    # Trained again, it has another seal, and is judged as any other.
    assert judgement(workshop.release(workshop.bundle("better", note="again")))["promoted"]


def test_a_model_that_the_registry_has_lost_is_not_gone_back_to(workshop: Workshop) -> None:
    old, better = workshop.bundle("old", blind_to=("noise",)), workshop.bundle("better")
    workshop.release(old)
    workshop.release(better)
    version = workshop.tracker.version_of(MODEL, old.sha256)
    assert version is not None
    workshop.tracker.client.delete_model_version(MODEL, version.version)
    with pytest.raises(BundleError, match=f"no version of {MODEL} in the registry has the seal {old.sha256}"):
        roll_back_model(workshop.profile, workshop.tracker, MODEL)
    assert workshop.alias() == workshop.publication() == better.sha256
    assert judgement(workshop.release(better))["promoted"]


def test_what_has_no_champion_in_the_registry_is_no_model(workshop: Workshop) -> None:
    with pytest.raises(BundleError, match="no model figure_index in the registry"):
        roll_back_model(workshop.profile, workshop.tracker, "figure_index")
    assert not (workshop.profile.var / "models").exists()


@pytest.mark.parametrize("by", ["rollback", "release of the one taken back", "release of another"])
def test_a_kill_between_alias_and_link_of_a_rollback_is_mended(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    old, better = workshop.bundle("old", blind_to=("noise",)), workshop.bundle("better")
    workshop.release(old)
    workshop.release(better)

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(publishing, "_switch", killed)
        with pytest.raises(KeyboardInterrupt):
            roll_back_model(workshop.profile, workshop.tracker, MODEL)
    assert (workshop.alias(), workshop.publication()) == (old.sha256, better.sha256)
    if by == "rollback":
        roll_back_model(workshop.profile, workshop.tracker, MODEL)
    elif by == "release of another":
        worst = workshop.bundle("worst", blind_to=("bars", "noise"))
        assert not judgement(workshop.release(worst))["promoted"]
    for _ in range(2):
        assert "is held" in failure(workshop.release(better))
        assert workshop.alias() == workshop.publication() == old.sha256
    assert judgement(workshop.release(workshop.bundle("better", note="again")))["promoted"]


def test_a_rollback_whose_answer_is_lost_is_finished_by_another(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, old = (
        workshop.bundle("first", blind_to=("bars", "noise")),
        workshop.bundle("old", blind_to=("noise",)),
    )
    for bundle in (first, old, workshop.bundle("better")):
        workshop.release(bundle)
    moved = MlflowTracker.set_champion

    def answer_lost(tracker: MlflowTracker, name: str, version: str) -> None:
        moved(tracker, name, version)
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(MlflowTracker, "set_champion", answer_lost)
        for _ in range(2):
            with pytest.raises(ConnectionError):
                roll_back_model(workshop.profile, workshop.tracker, MODEL)
    assert roll_back_model(workshop.profile, workshop.tracker, MODEL).sha256 == old.sha256
    assert workshop.alias() == workshop.publication() == old.sha256


def test_alias_and_link_are_moved_by_one_at_a_time(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = workshop.of("full")
    tried = []

    def interrupted(act: Callable[..., object]) -> Callable[..., object]:
        """Let another profile try the same model in the middle of ``act``."""

        def acting(*arguments: object) -> object:
            with pytest.raises(BusyError, match=f"another process is working on {MODEL}"):
                roll_back_model(other.profile, other.tracker, MODEL)
            tried.append(act.__name__)
            return act(*arguments)

        return acting

    old, better = workshop.bundle("old", blind_to=("noise",)), workshop.bundle("better")
    workshop.release(old)
    with monkeypatch.context() as patch:
        for owner, name in (
            (release_module, "_champion"),
            (release_module, "publish"),
            (figure_tagger, "TaggerPredictor"),
            (MlflowTracker, "set_champion"),
        ):
            patch.setattr(owner, name, interrupted(getattr(owner, name)))
        judgement(workshop.release(better))
        assert set(tried) == {"_champion", "publish", "Answers", "set_champion"}
        tried.clear()
        roll_back_model(workshop.profile, workshop.tracker, MODEL)
        assert tried == ["set_champion"]
    assert workshop.alias() == workshop.publication() == old.sha256


def test_a_release_that_was_killed_before_it_published_is_taken_back(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, better = workshop.bundle("old", blind_to=("noise",)), workshop.bundle("better")
    workshop.release(old)
    kill_before_publishing(workshop, better, monkeypatch)
    assert (workshop.alias(), workshop.publication()) == (better.sha256, old.sha256)
    assert roll_back_model(workshop.profile, workshop.tracker, MODEL).sha256 == old.sha256
    assert workshop.alias() == workshop.publication() == old.sha256
    assert "is held" in failure(workshop.release(better))
    assert judgement(workshop.release(old))["check"], "the one gone back to is not held"


def test_a_model_of_another_profile_is_taken_back_by_that_profile_only(workshop: Workshop) -> None:
    full = workshop.of("full")
    full.release(full.bundle("real"))
    with pytest.raises(ConfigError, match=f"`ZUROKU_PROFILE=full make rollback MODEL={MODEL}`"):
        roll_back_model(workshop.profile, workshop.tracker, MODEL)
