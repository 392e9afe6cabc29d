"""Publishing: atomic, verified, with the last versions kept."""

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from zuroku.artifacts import Artifact, build, verify
from zuroku.errors import BundleError, BusyError, ConfigError, IntegrityError
from zuroku.publishing import publish, published, publisher, rollback, turn


def bundle(root: Path, text: str) -> Artifact:
    return build(root / text, lambda work: (work / "card.json").write_text(text) and None)


def test_what_is_published_is_read_back_verified(tmp_path: Path) -> None:
    champion = tmp_path / "models" / "tagger" / "champion"
    assert published(champion) is None
    first = bundle(tmp_path, "first")
    publish(first, champion, "full")
    assert published(champion) == Artifact(champion, first.sha256)
    assert (champion / "card.json").read_text() == "first"


def test_a_new_one_takes_its_place_and_the_old_one_is_kept(tmp_path: Path) -> None:
    champion = tmp_path / "champion"
    first, second = bundle(tmp_path, "first"), bundle(tmp_path, "second")
    publish(first, champion, "full")
    publish(second, champion, "full")
    publish(second, champion, "full")
    assert (champion / "card.json").read_text() == "second"
    kept = sorted(p.name for p in (tmp_path / "versions").iterdir() if not p.name.startswith("."))
    assert kept == sorted([first.sha256[:16], second.sha256[:16]])


def test_only_the_last_few_are_kept(tmp_path: Path) -> None:
    champion = tmp_path / "champion"
    for number in range(6):
        publish(bundle(tmp_path, str(number)), champion, "full")
    kept = [p for p in (tmp_path / "versions").iterdir() if not p.name.startswith(".")]
    assert len(kept) == 3
    assert champion.resolve() in {p.resolve() for p in kept}


def test_a_changed_bundle_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    champion = tmp_path / "champion"
    publish(bundle(tmp_path, "first"), champion, "full")
    second = bundle(tmp_path, "second")
    (second.path / "card.json").write_text("forged")
    with pytest.raises(IntegrityError, match="changed card"):
        publish(second, champion, "full")
    assert (champion / "card.json").read_text() == "first"


def test_a_damaged_publication_is_noticed(tmp_path: Path) -> None:
    champion = tmp_path / "champion"
    publish(bundle(tmp_path, "first"), champion, "full")
    (champion / "card.json").write_text("forged")
    with pytest.raises(IntegrityError, match="changed card"):
        published(champion)


def test_the_switch_is_one_rename_of_a_link_that_may_move_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = tmp_path / "models" / "champion"
    first, second = bundle(tmp_path, "first"), bundle(tmp_path, "second")
    publish(first, champion, "full")
    replace = os.replace
    seen = []

    def watched(source: Path, target: Path) -> None:
        if Path(target) == champion:
            # The new bundle is whole and the old one still in place when the link is switched.
            seen.append((verify(Path(source).resolve()).sha256, verify(champion).sha256))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    publish(second, champion, "full")
    assert seen == [(second.sha256, first.sha256)]
    assert {path.name for path in champion.parent.iterdir()} == {"champion", "versions", "publication.json"}

    (tmp_path / "models").rename(tmp_path / "moved")
    assert verify(tmp_path / "moved" / "champion").sha256 == second.sha256


def test_a_turn_is_one_for_a_model_and_says_when_it_waits(tmp_path: Path) -> None:
    champion, held = tmp_path / "tagger" / "champion", ExitStack()
    held.enter_context(turn(champion))
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        held.close()

    with turn(tmp_path / "embedder" / "champion", say=said.append):
        assert said == []
    with turn(champion, say=say), pytest.raises(BusyError), turn(champion, wait=False):
        pass
    assert [line.split()[-1] for line in said] == [str(tmp_path / "tagger" / ".tagger.lock")]


def test_killed_while_copying_the_old_one_stays_and_the_next_try_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = tmp_path / "models" / "champion"
    first, second = bundle(tmp_path, "first"), bundle(tmp_path, "second")
    publish(first, champion, "full")

    def killed(source: Path, target: Path) -> None:
        Path(target).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", killed)
        with pytest.raises(KeyboardInterrupt):
            publish(second, champion, "full")
    assert published(champion) == Artifact(champion, first.sha256)
    publish(second, champion, "full")
    assert published(champion) == Artifact(champion, second.sha256)


def test_the_version_in_use_before_is_kept_after_a_rollback_too(tmp_path: Path) -> None:
    champion = tmp_path / "models" / "champion"
    a, b, c, d = (bundle(tmp_path, name) for name in "abcd")
    for released in (a, b, c, a, d):
        publish(released, champion, "full")
    kept = {path.name for path in (champion.parent / "versions").iterdir()}
    assert a.sha256[:16] in kept


def released(root: Path, names: str) -> tuple[Path, dict[str, Artifact]]:
    """Publish bundles one after the other; return the champion and the bundles by name."""
    champion = root / "models" / "champion"
    bundles = {name: bundle(root, name) for name in names}
    for name in names:
        publish(bundles[name], champion, "full")
    return champion, bundles


def content(champion: Path) -> str:
    return (champion / "card.json").read_text()


def test_a_rollback_goes_to_the_version_before_and_a_second_further_back(tmp_path: Path) -> None:
    champion, bundles = released(tmp_path, "abc")
    assert rollback(champion) == Artifact(champion, bundles["b"].sha256)
    assert content(champion) == "b"
    assert published(champion) == Artifact(champion, bundles["b"].sha256)
    rollback(champion)
    assert content(champion) == "a"
    with pytest.raises(BundleError, match=f"no version before {bundles['a'].sha256[:16]} is kept") as caught:
        rollback(champion)
    assert content(champion) == "a"
    # What was taken back on the way here is no way further back, whoever deletes its file.
    assert "held" not in caught.value.remedy
    assert "taken back" not in caught.value.found


def test_what_comes_after_a_rollback_goes_back_to_what_was_in_use_then(tmp_path: Path) -> None:
    champion, _ = released(tmp_path, "abc")
    rollback(champion)
    publish(bundle(tmp_path, "d"), champion, "full")
    rollback(champion)
    assert content(champion) == "b"


def test_the_version_taken_back_is_held_until_its_file_is_deleted(tmp_path: Path) -> None:
    champion, bundles = released(tmp_path, "abc")
    rollback(champion)
    with pytest.raises(BundleError, match="was taken back, and is held") as caught:
        publish(bundles["c"], champion, "full")
    assert content(champion) == "b"
    held = champion.parent / "held" / bundles["c"].sha256[:16]
    assert str(held) in caught.value.remedy
    held.unlink()
    publish(bundles["c"], champion, "full")
    assert content(champion) == "c"
    rollback(champion)
    assert content(champion) == "b"


def test_a_version_that_came_twice_and_was_taken_back_does_not_come_again(tmp_path: Path) -> None:
    champion, bundles = released(tmp_path, "ab")
    publish(bundles["a"], champion, "full")
    rollback(champion)
    assert content(champion) == "b"
    held = champion.parent / "held" / bundles["a"].sha256[:16]
    with pytest.raises(BundleError, match="except such as were taken back themselves") as caught:
        rollback(champion)
    assert f"delete {held} to go back" in caught.value.remedy
    assert content(champion) == "b"
    held.unlink()
    rollback(champion)
    assert content(champion) == "a"


def test_a_rollback_killed_before_the_link_moves_is_finished_by_publishing(tmp_path: Path) -> None:
    champion, bundles = released(tmp_path, "xab")

    def killed(version: Artifact) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rollback(champion, killed)
    assert content(champion) == "b"
    # It is in use, though held.
    publish(bundles["b"], champion, "full")
    publish(bundles["a"], champion, "full")
    # And not back to b, which was taken back.
    rollback(champion)
    assert content(champion) == "x"


def held(champion: Path) -> set[str]:
    folder = champion.parent / "held"
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def test_what_refuses_the_version_before_stops_the_rollback(tmp_path: Path) -> None:
    champion, bundles = released(tmp_path, "ab")
    told = []

    def refuse(version: Artifact) -> None:
        told.append((version.sha256, content(champion)))
        raise BundleError("it is lost", expected="a version", remedy="none")

    with pytest.raises(BundleError, match="it is lost"):
        rollback(champion, refuse)
    assert told == [(bundles["a"].sha256, "b")]
    assert content(champion) == "b"
    assert held(champion) == set()


def raising(error: type[BaseException]) -> Callable[[Artifact], None]:
    """Return what moves no alias, or whose answer is lost."""

    def lost(version: Artifact) -> None:
        raise error("lost", expected="", remedy="") if error is BundleError else error

    return lost


@pytest.mark.parametrize("again", [ConnectionError, BundleError])
@pytest.mark.parametrize("first", [KeyboardInterrupt, ConnectionError])
def test_a_rollback_that_fails_when_it_is_tried_again_does_not_restore_the_bad_version(
    tmp_path: Path, first: type[BaseException], again: type[BaseException]
) -> None:
    champion, bundles = released(tmp_path, "xab")
    good, bad = bundles["a"].sha256, bundles["b"].sha256
    with pytest.raises(first):
        rollback(champion, raising(first), released=bad)
    # The registry had moved its alias by then.
    with pytest.raises(again):
        rollback(champion, raising(again), released=good)
    assert rollback(champion, released=good).sha256 == good
    assert content(champion) == "a"
    assert held(champion) == {bad[:16]}


def test_a_profile_does_not_replace_what_another_published_unless_that_was_the_sample(tmp_path: Path) -> None:
    champion = tmp_path / "models" / "tagger" / "champion"
    publish(bundle(tmp_path, "generated"), champion, "sample")
    publish(bundle(tmp_path, "real"), champion, "full")
    assert publisher(champion) == "full"
    for other in ("sample", "places"):
        with pytest.raises(ConfigError, match=r"tagger in .*models was published by the profile full"):
            publish(bundle(tmp_path, f"of {other}"), champion, other)
    assert content(champion) == "real"
    assert len([path for path in (champion.parent / "versions").iterdir() if path.name[0] != "."]) == 2


def test_publishing_the_same_again_does_not_make_it_its_own_predecessor(tmp_path: Path) -> None:
    champion, bundles = released(tmp_path, "ab")
    publish(bundles["b"], champion, "full")
    rollback(champion)
    assert content(champion) == "a"


def test_versions_that_were_forgotten_cannot_be_gone_back_to(tmp_path: Path) -> None:
    champion, _ = released(tmp_path, "abcd")
    rollback(champion)
    rollback(champion)
    assert content(champion) == "b"
    with pytest.raises(BundleError, match="no version before") as caught:
        rollback(champion)
    assert "held" not in caught.value.remedy


def test_nothing_published_is_said_and_nothing_is_made(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="nothing is published"):
        rollback(tmp_path / "models" / "champion")
    assert not (tmp_path / "models").exists()


def test_a_damaged_version_is_not_gone_back_to(tmp_path: Path) -> None:
    champion, bundles = released(tmp_path, "ab")
    (tmp_path / "models" / "versions" / bundles["a"].sha256[:16] / "card.json").write_text("forged")
    with pytest.raises(IntegrityError, match="changed card"):
        rollback(champion)
    assert published(champion) == Artifact(champion, bundles["b"].sha256)


def steps_of(act: Callable[[], object], monkeypatch: pytest.MonkeyPatch, killed_at: int) -> bool:
    """Run ``act`` with a kill before its change ``killed_at`` of the disk; return whether it came to that."""
    left = iter(range(killed_at))

    def watched(change: Callable[..., object]) -> Callable[..., object]:
        def changed(*arguments: object, **options: object) -> object:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return change(*arguments, **options)

        return changed

    with monkeypatch.context() as patch:
        for owner, name in ((os, "replace"), (os, "utime"), (Path, "symlink_to"), (shutil, "rmtree")):
            patch.setattr(owner, name, watched(getattr(owner, name)))
        try:
            act()
        except KeyboardInterrupt:
            return True
    return False


@pytest.mark.parametrize("killed_at", range(12))
@pytest.mark.parametrize("act", ["publish", "rollback"])
def test_killed_between_any_steps_a_whole_champion_stays_and_the_way_back_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str, killed_at: int
) -> None:
    champion, bundles = released(tmp_path, "abc")
    bundles["d"] = bundle(tmp_path, "d")
    acts = {
        "publish": lambda: publish(bundles["d"], champion, "full"),
        "rollback": lambda: rollback(champion),
    }
    killed = steps_of(acts[act], monkeypatch, killed_at)
    assert killed == (killed_at < {"publish": 7, "rollback": 5}[act])
    assert published(champion) is not None
    done = "d" if act == "publish" else "b"
    assert content(champion) in ("c", done)
    if content(champion) == "c":
        acts[act]()
        assert content(champion) == done
    before = {"d": "c", "b": "a"}[done]
    rollback(champion)
    assert content(champion) == before
