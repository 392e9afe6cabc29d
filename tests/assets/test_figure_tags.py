"""The tags of the corpus follow from the champion itself, not from the verdict that made it one."""

import json
from pathlib import Path

import dagster as dg
import pytest

from assets import figures
from assets.outputs import ARTIFACT
from zuroku.artifacts import Artifact, build
from zuroku.profile import Profile
from zuroku.publishing import publish


class Tracked:
    """A tracker that keeps what a run was told of its inputs."""

    def __init__(self) -> None:
        self.inputs: dict[str, Artifact] = {}
        self.url = ""

    def run(self, context: object, settings: object, inputs: dict[str, Artifact]) -> "Tracked":
        self.inputs = inputs
        return self

    def __enter__(self) -> "Tracked":
        return self

    def __exit__(self, *_: object) -> None: ...

    def log_metrics(self, metrics: object) -> None: ...

    def log_output(self, artifact: object) -> None: ...


def test_a_confirmed_champion_tags_nothing_anew_and_another_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = Profile("sample", tmp_path)
    profile.configs.mkdir(parents=True)
    (profile.configs / "figure_tags.yaml").write_text("{}")
    monkeypatch.setattr(figures, "TaggerPredictor", lambda folder: folder)
    monkeypatch.setattr(figures, "Dataset", lambda folder: folder)
    text = json.dumps({"tagged": 1, "without_tags": 0, "tags": {}})

    def tag_corpus(corpus: Path, predictor: Path, settings: object, target: Path) -> Artifact:
        return build(target, lambda work: (work / "summary.json").write_text(text) and None)

    monkeypatch.setattr(figures, "tag_corpus", tag_corpus)

    def tags(champion: str, verdict: str) -> str:
        """Return the name of the folder of the tags."""
        made = build(tmp_path / champion, lambda work: (work / "card.json").write_text(champion) and None)
        publish(made, profile.champion("figure_tagger"), "sample")

        @dg.asset(name="figure_tagger_release", dagster_type=ARTIFACT)
        def release() -> Artifact:
            return Artifact(tmp_path, verdict)

        @dg.asset(name=figures.CORPUS, dagster_type=ARTIFACT)
        def corpus() -> Artifact:
            return Artifact(tmp_path, "c" * 64)

        tracker = Tracked()
        asset = figures.tags_asset(profile, "figure_tagger")
        resources = {"io_manager": dg.mem_io_manager, "tracker": tracker}
        result = dg.materialize([release, corpus, asset], resources=resources)
        assert tracker.inputs["figure_tagger"].sha256 == made.sha256
        return result.output_for_node("figure_tags").path.name

    first = tags("first", "a" * 64)
    assert tags("first", "b" * 64) == first
    assert tags("second", "b" * 64) != first
