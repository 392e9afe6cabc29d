"""Publishing: atomic, verified, with the last versions kept."""

import os
import shutil
from pathlib import Path

import pytest

from zuroku.artifacts import Artifact, build, verify
from zuroku.errors import IntegrityError
from zuroku.publishing import publish, published


def bundle(root: Path, text: str) -> Artifact:
    return build(root / text, lambda work: (work / "card.json").write_text(text) and None)


def test_what_is_published_is_read_back_verified(tmp_path: Path) -> None:
    champion = tmp_path / "models" / "tagger" / "champion"
    assert published(champion) is None
    first = bundle(tmp_path, "first")
    publish(first, champion)
    assert published(champion) == Artifact(champion, first.sha256)
    assert (champion / "card.json").read_text() == "first"


def test_a_new_one_takes_its_place_and_the_old_one_is_kept(tmp_path: Path) -> None:
    champion = tmp_path / "champion"
    first, second = bundle(tmp_path, "first"), bundle(tmp_path, "second")
    publish(first, champion)
    publish(second, champion)
    publish(second, champion)
    assert (champion / "card.json").read_text() == "second"
    kept = sorted(p.name for p in (tmp_path / "versions").iterdir() if not p.name.startswith("."))
    assert kept == sorted([first.sha256[:16], second.sha256[:16]])


def test_only_the_last_few_are_kept(tmp_path: Path) -> None:
    champion = tmp_path / "champion"
    for number in range(6):
        publish(bundle(tmp_path, str(number)), champion)
    kept = [p for p in (tmp_path / "versions").iterdir() if not p.name.startswith(".")]
    assert len(kept) == 3
    assert champion.resolve() in {p.resolve() for p in kept}


def test_a_changed_bundle_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    champion = tmp_path / "champion"
    publish(bundle(tmp_path, "first"), champion)
    second = bundle(tmp_path, "second")
    (second.path / "card.json").write_text("forged")
    with pytest.raises(IntegrityError, match="changed card"):
        publish(second, champion)
    assert (champion / "card.json").read_text() == "first"


def test_a_damaged_publication_is_noticed(tmp_path: Path) -> None:
    champion = tmp_path / "champion"
    publish(bundle(tmp_path, "first"), champion)
    (champion / "card.json").write_text("forged")
    with pytest.raises(IntegrityError, match="changed card"):
        published(champion)


def test_the_switch_is_one_rename_of_a_link_that_may_move_with_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = tmp_path / "models" / "champion"
    first, second = bundle(tmp_path, "first"), bundle(tmp_path, "second")
    publish(first, champion)
    replace = os.replace
    seen = []

    def watched(source: Path, target: Path) -> None:
        if Path(target) == champion:
            # The new bundle is whole and the old one still in place when the link is switched.
            seen.append((verify(Path(source).resolve()).sha256, verify(champion).sha256))
        replace(source, target)

    monkeypatch.setattr(os, "replace", watched)
    publish(second, champion)
    assert seen == [(second.sha256, first.sha256)]
    assert sorted(path.name for path in champion.parent.iterdir()) == ["champion", "versions"]

    (tmp_path / "models").rename(tmp_path / "moved")
    assert verify(tmp_path / "moved" / "champion").sha256 == second.sha256


def test_killed_while_copying_the_old_one_stays_and_the_next_try_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion = tmp_path / "models" / "champion"
    first, second = bundle(tmp_path, "first"), bundle(tmp_path, "second")
    publish(first, champion)

    def killed(source: Path, target: Path) -> None:
        Path(target).write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfile", killed)
        with pytest.raises(KeyboardInterrupt):
            publish(second, champion)
    assert published(champion) == Artifact(champion, first.sha256)
    publish(second, champion)
    assert published(champion) == Artifact(champion, second.sha256)


def test_the_version_in_use_before_is_kept_after_a_rollback_too(tmp_path: Path) -> None:
    champion = tmp_path / "models" / "champion"
    a, b, c, d = (bundle(tmp_path, name) for name in "abcd")
    for released in (a, b, c, a, d):
        publish(released, champion)
    kept = {path.name for path in (champion.parent / "versions").iterdir()}
    assert a.sha256[:16] in kept
