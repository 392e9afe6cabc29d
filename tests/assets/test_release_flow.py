"""The release as Dagster runs it: gate, alias and publication, with answers in place of a network."""

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from assets import geolocation
from assets.release import release_asset
from tests.assets.release_workshop import (
    FLOOR,
    GATE,
    MODEL,
    Workshop,
    failure,
    judgement,
    kill_before_publishing,
)
from zuroku.artifacts import Artifact, build
from zuroku.datasets.manifest import Dataset
from zuroku.evaluation.gate import GateSettings
from zuroku.evaluation.place_leakage import LEAKAGE_CHECKS, leakage_findings, place_leakage
from zuroku.publishing import publish, published, turn
from zuroku.reports.geolocation import GeolocationEvaluationSettings
from zuroku.reports.geolocation_release import GeolocatorReleaseSettings

pytestmark = pytest.mark.slow


def test_the_first_model_has_to_reach_the_floor(workshop: Workshop) -> None:
    weak, good = workshop.bundle("weak", blind_to=("bars", "noise")), workshop.bundle("good")
    verdict = judgement(workshop.release(weak))
    assert not verdict["promoted"]
    assert verdict["check"], "no alias and no publication are equal too"
    assert (workshop.alias(), workshop.publication()) == (None, None)

    verdict = judgement(workshop.release(good))
    assert verdict["promoted"]
    assert verdict["check"]
    assert workshop.alias() == workshop.publication() == good.sha256


def test_a_worse_challenger_changes_nothing(workshop: Workshop) -> None:
    good, worse = workshop.bundle("good"), workshop.bundle("worse", blind_to=("noise",))
    workshop.release(good)
    result = workshop.release(worse)
    verdict = judgement(result)
    assert not verdict["promoted"]
    assert verdict["challenger"] < verdict["champion"] == 1.0
    assert verdict["bundles"] == {"challenger": worse.sha256, "champion": good.sha256}
    assert workshop.alias() == workshop.publication() == good.sha256
    pictures = result.output_for_node(f"{MODEL}_release").path / "pictures"
    assert {path.name for path in pictures.iterdir()} == {"lost.jpg", "won.jpg"}


def test_a_release_says_that_it_waits_for_the_turn_of_another(
    workshop: Workshop, capfd: pytest.CaptureFixture[str]
) -> None:
    good, folder = workshop.bundle("good"), workshop.profile.champion(MODEL)
    evaluation = workshop.evaluation(good)
    with ThreadPoolExecutor(1) as thread:
        with turn(folder):
            released = thread.submit(workshop.release, good, evaluation)
            said, deadline = "", time.monotonic() + 60
            while "waiting for another" not in said and not released.done() and time.monotonic() < deadline:
                time.sleep(0.05)
                said += capfd.readouterr().err
            waiting = not released.done()
        assert judgement(released.result())["promoted"]
    assert waiting
    assert f"it holds {folder.parent / f'.{MODEL}.lock'}" in said


def test_a_model_is_released_only_with_an_evaluation_of_it_that_it_passed(workshop: Workshop) -> None:
    good, other = workshop.bundle("good"), workshop.bundle("other", blind_to=("noise",))
    said = failure(workshop.release(good, workshop.evaluation(other)))
    assert f"its bundle is {other.sha256}, not {good.sha256}" in said
    said = failure(workshop.release(good, workshop.evaluation(good, splits="0" * 64)))
    assert f"its splits is {'0' * 64}" in said
    said = failure(workshop.release(good, workshop.evaluation(good, macro_f1=FLOOR - 0.01)))
    assert "metric_floor failed: macro F1 0.490, floor 0.500" in said
    assert (workshop.alias(), workshop.publication()) == (None, None)
    assert workshop.tracker.version_of(MODEL, good.sha256) is None


def geolocation_metrics(leak: str | None, settings: GeolocationEvaluationSettings) -> dict[str, Any]:
    """Return what the evaluation of a good geolocator says, on a test set that leaks as ``leak`` says."""
    places = pd.DataFrame({"item_id": ["near", "far"], "group": ["a", "b"], "longitude": 139.0})
    places["latitude"] = [35.0, 35.0 if leak == "distance_kept" else 36.0]
    split = [("a", "train"), ("b", "test")] + ([("b", "train")] if leak == "no_shared_groups" else [])
    embeddings = np.eye(2, dtype=np.float32)
    if leak == "no_near_duplicates":
        embeddings[1] = embeddings[0]
    splits = pd.DataFrame(split, columns=["group", "split"])
    leakage = place_leakage(places, splits, embeddings, settings.leakage.duplicate_cosine)
    return {
        "served": {"median_km": 1.0},
        "differences": {
            name: {"median_km": -8.0, "intervals": {"median_km": [-9.0, -7.0]}}
            for name in ("constant_guess", "raw_features")
        },
        "floors": {name: {"median_km": 9.0} for name in ("constant_guess", "raw_features")},
        "radius": {"covered": 1.0, "median_radius_km": 2.0},
        "clusters_are": "places",
        "test_clusters": 8,
        "leakage": [asdict(finding) for finding in leakage_findings(leakage, settings.leakage)],
    }


def promote(
    dataset: Dataset,
    splits: Artifact,
    challenger: Artifact,
    champion: Artifact | None,
    gate: GateSettings,
    target: Path,
) -> Artifact:
    """Find every challenger better."""

    def write(out: Path) -> None:
        verdict = {"promoted": True, "reason": "better", "challenger": 1.0}
        (out / "verdict.json").write_text(json.dumps(verdict))
        (out / "report.md").write_text("better")
        (out / "pictures").mkdir()

    return build(target, write)


@pytest.mark.parametrize("leak", [None, *LEAKAGE_CHECKS])
def test_a_geolocator_whose_evaluation_leaks_is_not_released(workshop: Workshop, leak: str | None) -> None:
    profile, model = workshop.profile, geolocation.MODEL
    settings = {"release": {"model": model, "gate": GATE}, "evaluation": {}}
    for task, values in settings.items():
        (profile.configs / f"{model}_{task}.yaml").write_text(yaml.safe_dump(values))
    challenger = workshop.bundle(model)
    metrics = geolocation_metrics(leak, profile.load(f"{model}_evaluation", GeolocationEvaluationSettings))
    asset = release_asset(
        profile,
        model,
        "ndl_imagelabel",
        "figure_splits",
        "places",
        "share of answers near the truth",
        promote,
        geolocation.blocking_findings(profile),
        GeolocatorReleaseSettings,
    )
    before = {model: challenger, f"{model}_evaluation": workshop.report(challenger, metrics)}
    result = workshop.materialize(asset, before)
    champion, found = workshop.tracker.champion(model), published(profile.champion(model))
    if leak is None:
        assert champion is not None
        assert found is not None
        assert champion.sha256 == found.sha256 == challenger.sha256
    else:
        assert f"{leak} failed" in failure(result)
        assert champion is None
        assert found is None
        assert workshop.tracker.version_of(model, challenger.sha256) is None


def test_the_sample_does_not_replace_what_another_profile_released(workshop: Workshop) -> None:
    full = workshop.of("full")
    generated, real = workshop.bundle("generated", blind_to=("noise",)), full.bundle("real")
    workshop.release(generated)
    assert judgement(full.release(real))["promoted"]
    for lost in (False, True):
        if lost:
            # The registry still knows whose the champion is.
            shutil.rmtree(workshop.profile.var / "models")
        said = failure(workshop.release(generated))
        assert "was published by the profile full" in said
        assert workshop.alias() == real.sha256
    assert workshop.publication() is None
    assert judgement(full.release(real))["promoted"]
    assert workshop.publication() == real.sha256


def test_releasing_the_champion_again_makes_no_second_version_and_says_so(workshop: Workshop) -> None:
    good = workshop.bundle("good")
    assert "no model in use yet" in judgement(workshop.release(good))["reason"]
    for _ in range(2):
        verdict = judgement(workshop.release(good))
        assert verdict["promoted"]
        assert verdict["check"]
        assert "it is the model already in use" in verdict["reason"]
    versions = workshop.tracker.client.search_model_versions(f"name = '{MODEL}'")
    assert [version.version for version in versions] == [1]
    assert workshop.alias() == workshop.publication() == good.sha256


def test_a_kill_between_alias_and_publication_is_mended_by_the_next_release(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, better = workshop.bundle("old", blind_to=("noise",)), workshop.bundle("better")
    workshop.release(old)
    kill_before_publishing(workshop, better, monkeypatch)
    assert (workshop.alias(), workshop.publication()) == (better.sha256, old.sha256)

    # Even one that promotes nothing mends what the kill left.
    verdict = judgement(workshop.release(workshop.bundle("worst", blind_to=("bars", "noise"))))
    assert not verdict["promoted"]
    assert verdict["bundles"]["champion"] == better.sha256
    assert verdict["check"]
    assert workshop.alias() == workshop.publication() == better.sha256


def test_a_lost_publication_comes_back_from_the_registry(workshop: Workshop) -> None:
    good = workshop.bundle("good")
    workshop.release(good)
    shutil.rmtree(workshop.profile.var / "models")
    assert workshop.publication() is None
    judgement(workshop.release(workshop.bundle("worse", blind_to=("noise",))))
    assert workshop.publication() == good.sha256


def test_a_model_that_trained_on_a_test_book_is_refused_as_champion_and_as_challenger(
    workshop: Workshop,
) -> None:
    books = tuple(workshop.test_groups())
    leaky = workshop.bundle("leaky", seen=books[:1])
    said = failure(workshop.release(leaky))
    assert "IntegrityError" in said
    assert "the challenger" in said
    assert "trained on 1 groups of the test set" in said
    assert (workshop.alias(), workshop.publication()) == (None, None)

    # As if the splits had been drawn anew after it was released.
    client = workshop.tracker.client
    run = client.create_run(client.get_experiment_by_name("zuroku").experiment_id)
    version = workshop.tracker.registry.register(MODEL, leaky, run.info.run_id)
    workshop.tracker.set_champion(MODEL, version.version)
    publish(leaky, workshop.profile.champion(MODEL), "sample")
    said = failure(workshop.release(workshop.bundle("good")))
    assert "IntegrityError" in said
    assert "the champion" in said
    assert workshop.alias() == workshop.publication() == leaky.sha256


def test_a_registry_whose_bytes_changed_is_not_published(workshop: Workshop) -> None:
    good = workshop.bundle("good")
    workshop.release(good)
    shutil.rmtree(workshop.profile.var / "models")
    (stored,) = (workshop.profile.root / "artifacts").rglob("model.onnx")
    stored.write_bytes(b"forged")
    said = failure(workshop.release(workshop.bundle("worse", blind_to=("noise",))))
    assert "IntegrityError" in said
    assert workshop.publication() is None
