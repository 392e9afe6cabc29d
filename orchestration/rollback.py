"""``make rollback MODEL=name``: take a released model back, in the registry and where it is published.

Indexes have no alias: ``zuroku rollback`` takes them back.
"""

import argparse
import sys

from assets.tracking import Champion
from orchestration.definitions import build_tracker
from orchestration.environment import environment
from orchestration.resources.tracker import MlflowTracker
from zuroku.artifacts import Artifact
from zuroku.errors import BundleError, ConfigError, ZurokuError
from zuroku.profile import Profile
from zuroku.publishing import require_publisher, rollback, turn


def roll_back_model(profile: Profile, tracker: MlflowTracker, model: str) -> Artifact:
    """Move alias and link of ``model`` to the version in use before; the one left is held (``publishing``).

    Alias first, as in a release. A kill in between leaves what a second call, or the next release, mends. Of
    a release that was killed there, the version that the alias has already is the one left.

    Raises:
        BundleError: there is no such model, or the version before is not kept here or in the registry.
        BusyError: a release of it is going on, or another rollback.
        ConfigError: another profile released the champion.
        IntegrityError: the version before is not what was sealed. Nothing moves.
    """
    # Before the turn, which makes a folder of that name.
    _require_champion(tracker, model)
    folder = profile.champion(model)
    with turn(folder, wait=False):
        champion = _require_champion(tracker, model)
        try:
            require_publisher(folder, champion.profile, profile.name)
        except ConfigError as error:
            raise ConfigError(
                f"the champion of {model} was released by the profile {champion.profile}, not {profile.name}",
                expected="the profile that released it",
                remedy=f"run `ZUROKU_PROFILE={champion.profile} make rollback MODEL={model}`",
            ) from error

        def move_alias(version: Artifact) -> None:
            registered = tracker.version_of(model, version.sha256)
            if registered is None:
                raise BundleError(
                    f"no version of {model} in the registry has the seal {version.sha256}",
                    expected="the version that was in use before, registered",
                    remedy="restore the registry, or train the model that you want and release it",
                )
            tracker.set_champion(model, registered.version)

        return rollback(folder, move_alias, released=champion.sha256)


def _require_champion(tracker: MlflowTracker, model: str) -> Champion:
    champion = tracker.champion(model)
    if champion is None:
        raise BundleError(
            f"no model {model} in the registry has a champion",
            expected="the name of a released model",
            remedy="look up the name in MLflow; an index is taken back by `zuroku rollback`",
        )
    return champion


def main() -> None:
    """Take the named model back to the version that was the champion before."""
    parser = argparse.ArgumentParser(prog="orchestration.rollback", description=main.__doc__)
    parser.add_argument("model", help="its registered name, such as figure_tagger")
    model = parser.parse_args().model
    settings = environment()
    try:
        version = roll_back_model(settings.profile, build_tracker(settings), model)
    except ZurokuError as error:
        sys.exit(str(error))
    print(
        f"{model}: version {version.sha256[:16]} is champion and published again. The one left is held, and "
        "what it made is still there: materialize what comes after the release."
    )


if __name__ == "__main__":
    main()
