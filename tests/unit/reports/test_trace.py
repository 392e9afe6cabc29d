"""Tracing back: by bytes and not by names, every seal verified, and what is missing named."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from zuroku.artifacts import Artifact, build, file_sha256
from zuroku.cli import app
from zuroku.errors import BundleError
from zuroku.publishing import publish
from zuroku.reports.trace import trace, trace_text


def sealed(folder: Path, paper: str, says: dict[str, Any]) -> Artifact:
    return build(folder, lambda work: (work / paper).write_text(json.dumps(says)) and None)


class Home:
    """An index with its corpus, models and dataset, each naming what it was made from."""

    def __init__(self, root: Path) -> None:
        self.var = root / "var"
        outputs = self.var / "sample" / "outputs"
        self.dataset = self.var / "sample" / "data" / "page_corpus"
        self.dataset.mkdir(parents=True)
        (self.dataset / "manifest.parquet").write_bytes(b"pages")
        self.pages = file_sha256(self.dataset / "manifest.parquet")
        self.splits = sealed(outputs / "splits" / "0", "splits.parquet", {})
        data = {"pages": self.pages, "splits": self.splits.sha256, "weights": "ab" * 32}
        self.embedder = sealed(outputs / "figure_embedder" / "1", "card.json", {"data": data})
        data = {"page_corpus": self.pages, "embedder general": self.embedder.sha256}
        self.corpus = sealed(outputs / "corpus_figures" / "2", "corpus.json", {"data": data})
        spaces = {"general": {"encoder": {"sha256": self.embedder.sha256}}}
        says = {"data": {"batch_0000": self.corpus.sha256}, "spaces": spaces}
        made = sealed(root / "made", "manifest.json", says)
        self.index = publish(made, self.var / "models" / "figure_index" / "champion", "sample")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_every_step_back_to_the_dataset_is_told_once(home: Home) -> None:
    lines = trace_text(trace(home.index.path, home.var)).splitlines()
    told = [(len(line) - len(line.lstrip()), *line.split(" (")[0].rsplit(" ", 1)) for line in lines[:-2]]
    assert [(indent, name.strip(), sha256) for indent, name, sha256 in told] == [
        (0, "figure_index", home.index.sha256),
        (2, "batch_0000", home.corpus.sha256),
        (4, "page_corpus", home.pages),
        (4, "embedder general", home.embedder.sha256),
        (6, "pages", home.pages),
        (6, "splits", home.splits.sha256),
        (6, "weights", "ab" * 32),
        (2, "encoder general", home.embedder.sha256),
    ]
    assert str(home.dataset) in lines[2]
    assert lines[7].endswith("(above)")
    assert lines[-2:] == ["", f"weights {'ab' * 8} is not at hand"]


def test_a_place_index_names_its_encoder(home: Home, tmp_path: Path) -> None:
    made = sealed(tmp_path / "places", "manifest.json", {"encoder_sha256": home.embedder.sha256})
    (encoder,) = trace(made.path, home.var).inputs
    assert (encoder.name, encoder.folder) == ("encoder", home.embedder.path)


def test_a_dataset_that_has_other_bytes_now_is_not_at_hand(home: Home) -> None:
    (home.dataset / "manifest.parquet").write_bytes(b"grown")
    assert f"page_corpus {home.pages[:16]} is not at hand" in trace_text(trace(home.index.path, home.var))


def test_a_broken_seal_on_the_way_is_named_and_ends_that_way(home: Home) -> None:
    (home.corpus.path / "corpus.json").write_text("no JSON")
    result = CliRunner().invoke(app, ["trace", str(home.index.path), "--var", str(home.var)])
    assert result.exit_code == 1
    assert f"batch_0000 {home.corpus.sha256[:16]} " in result.stdout
    assert "changed corpus.json" in result.stdout
    assert "page_corpus " not in result.stdout


def test_the_command_tells_where_everything_is(home: Home) -> None:
    result = CliRunner().invoke(app, ["trace", str(home.index.path), "--var", str(home.var)])
    assert result.exit_code == 0, result.output
    assert home.pages in result.stdout


def test_a_folder_without_a_seal_is_refused(home: Home, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="has no SHA256SUMS"):
        trace(home.dataset, home.var)
