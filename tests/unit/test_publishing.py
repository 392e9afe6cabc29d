"""Publishing: atomic, verified, with the last versions kept."""

from pathlib import Path

import pytest

from zuroku.artifacts import Artifact, build
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
