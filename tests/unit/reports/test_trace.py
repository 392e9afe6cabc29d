"""Tracing back: by bytes and not by names, every seal verified, and what is missing named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from zuroku.artifacts import SEAL, Artifact, build, file_sha256
from zuroku.cli import app
from zuroku.errors import BundleError
from zuroku.models.bundle import WEIGHTS
from zuroku.publishing import publish
from zuroku.reports.trace import trace, trace_text


def sealed(folder: Path, paper: str, says: dict[str, Any]) -> Artifact:
    return build(folder, lambda work: (work / paper).write_text(json.dumps(says)) and None)


PAGES = [("1000_1", "aa"), ("1000_2", "bb"), ("2000_1", "cc")]


def write_pages(path: Path, name: str, pages: list[tuple[str, str]]) -> None:
    ids, hashes = zip(*pages, strict=True)
    pq.write_table(pa.table({name: ids, "sha256": hashes}), path)


class Home:
    """An index with its corpus, models and dataset, each naming what it was made from."""

    def __init__(self, root: Path) -> None:
        self.var = root / "var"
        outputs = self.var / "sample" / "outputs"
        self.dataset = self.var / "sample" / "data" / "page_corpus"
        self.dataset.mkdir(parents=True)
        write_pages(self.dataset / "manifest.parquet", "item_id", PAGES)
        self.pages = file_sha256(self.dataset / "manifest.parquet")
        self.splits = sealed(outputs / "splits" / "0", "splits.parquet", {})
        data = {"pages": self.pages, "splits": self.splits.sha256, "weights": "ab" * 32}
        self.embedder = sealed(outputs / "figure_embedder" / "1", "card.json", {"data": data})

        def corpus(work: Path) -> None:
            says = {"data": {"embedder general": self.embedder.sha256}}
            (work / "corpus.json").write_text(json.dumps(says))
            write_pages(work / "pages.parquet", "page_id", PAGES[:2])

        self.corpus = build(outputs / "corpus_figures" / "2", corpus)
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
        (4, "embedder general", home.embedder.sha256),
        (6, "pages", home.pages),
        (6, "splits", home.splits.sha256),
        (6, "weights", "ab" * 32),
        (4, "page_corpus", home.pages),
        (2, "encoder general", home.embedder.sha256),
    ]
    assert str(home.dataset) in lines[3]
    assert lines[6].endswith("(above)")
    assert lines[7].endswith("(above)")
    assert lines[-2:] == ["", f"weights {'ab' * 8}: not at hand"]


def test_a_place_index_names_its_encoder(home: Home, tmp_path: Path) -> None:
    made = sealed(tmp_path / "places", "manifest.json", {"encoder_sha256": home.embedder.sha256})
    (encoder,) = trace(made.path, home.var).inputs
    assert (encoder.name, encoder.folder) == ("encoder", home.embedder.path)


def test_a_corpus_leads_to_a_dataset_that_has_grown_since(home: Home) -> None:
    write_pages(home.dataset / "manifest.parquet", "item_id", [*PAGES, ("3000_1", "dd")])
    grown = file_sha256(home.dataset / "manifest.parquet")
    text = trace_text(trace(home.index.path, home.var))
    assert f"    page_corpus {grown} ({home.dataset})" in text
    # The embedder was trained on what it was before.
    assert f"pages {home.pages[:16]}: not at hand" in text


def test_a_dataset_whose_pages_have_other_bytes_now_is_not_the_one(home: Home) -> None:
    write_pages(home.dataset / "manifest.parquet", "item_id", [*PAGES[:1], ("1000_2", "scanned again")])
    listed = file_sha256(home.corpus.path / "pages.parquet")
    said = trace_text(trace(home.index.path, home.var))
    assert f"pages {listed} (no dataset below var holds these pages)" in said
    assert f"pages {listed[:16]}: no dataset below var holds these pages" in said
    assert f"pages {listed[:16]}: not at hand" not in said


def corpus_of(folder: Path, pages: list[tuple[str, str]]) -> Artifact:
    return build(folder, lambda work: write_pages(work / "pages.parquet", "page_id", pages))


def test_a_corpus_without_a_readable_page_is_of_no_dataset(home: Home, tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path / "corpus", [("1000_1", ""), ("1000_2", "")])
    (origin,) = trace(corpus.path, home.var).inputs
    assert (origin.name, origin.folder) == ("pages", None)
    assert origin.sought == "none of these pages could be read"


def test_the_manifest_of_another_dataset_is_read_for_the_first_batch_only(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = home.var / "sample" / "data" / "another"
    other.mkdir()
    write_pages(other / "manifest.parquet", "item_id", [("9000_1", "ee"), *PAGES[:1]])
    batches = {}
    for number, page in enumerate(PAGES):
        corpus = corpus_of(home.var / "sample" / "outputs" / "corpus_figures" / f"b{number}", [page])
        batches[f"batch_{number}"] = corpus.sha256
    index = sealed(tmp_path / "index", "manifest.json", {"data": batches | {"batch_9": home.corpus.sha256}})
    read: list[str] = []

    def opened(function: Callable[..., Any]) -> Callable[..., Any]:
        def opening(path: Path, **options: Any) -> Any:
            read.append(path.parent.name)
            return function(path, **options)

        return opening

    for name in ("ParquetFile", "read_table"):
        monkeypatch.setattr(pq, name, opened(getattr(pq, name)))
    found = trace(index.path, home.var).inputs
    # The first page is in both, and one dataset may be as good as the other.
    assert [one.inputs[-1].name for one in found[1:]] == ["page_corpus"] * 3
    assert read.count("another") <= 2


def test_a_step_that_many_lead_to_is_verified_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[Path] = []
    monkeypatch.setattr("zuroku.reports.trace.verify", lambda folder, sha256: verified.append(folder))
    trace(home.index.path, home.var)
    assert verified.count(home.embedder.path) == 1


def test_a_broken_seal_on_the_way_is_named_and_ends_that_way(home: Home) -> None:
    (home.corpus.path / "corpus.json").write_text("no JSON")
    result = CliRunner().invoke(app, ["trace", str(home.index.path), "--var", str(home.var)])
    assert result.exit_code == 1
    assert f"batch_0000 {home.corpus.sha256[:16]}: " in result.stdout
    assert "changed corpus.json" in result.stdout
    assert "page_corpus " not in result.stdout


def test_the_command_tells_where_everything_is(home: Home) -> None:
    result = CliRunner().invoke(app, ["trace", str(home.index.path), "--var", str(home.var)])
    assert result.exit_code == 0, result.output
    assert home.pages in result.stdout


SHA = "cd" * 32


@pytest.mark.parametrize(
    ("card", "says"),
    [
        ({"weights": "packaged"}, "packaged with the environment"),
        ({"weights": "timm"}, "timm's, from its hub"),
        ({"weights": f"file:{SHA}"}, "a file that was given"),
        ({"initial_weights": "packaged"}, "packaged with the environment"),
        ({"initial_weights": f"file:{SHA}"}, "a file that was given"),
        ({"settings": {"weights": "timm"}}, "timm's, from its hub"),
        ({"settings": {"weights": f"file:{SHA}"}}, "a file that was given"),
    ],
)
def test_weights_that_no_task_made_are_told_as_what_they_are(
    tmp_path: Path, card: dict[str, Any], says: str
) -> None:
    model = sealed(tmp_path / "model", "card.json", card | {"data": {"weights": SHA}})
    assert trace_text(trace(model.path, tmp_path / "var")).splitlines()[1:] == [
        f"  weights {SHA} ({says})",
        "",
        "all that was made is at hand, and no seal is broken",
    ]


def detector(folder: Path, weights: str, card: dict[str, Any]) -> Artifact:
    """Seal a model with the bytes ``weights`` in its file of weights."""

    def make(work: Path) -> None:
        (work / "card.json").write_text(json.dumps(card))
        (work / WEIGHTS).write_text(weights)

    return build(folder, make)


def started_from(first: Artifact) -> dict[str, Any]:
    sha256 = file_sha256(first.path / WEIGHTS)
    return {"settings": {"weights": f"file:{sha256}"}, "data": {"weights": sha256}}


def test_weights_of_a_champion_lead_to_what_it_was_made_of(home: Home, tmp_path: Path) -> None:
    data = {"pages": home.pages, "splits": home.splits.sha256}
    made = detector(tmp_path / "first", "first", {"data": data})
    champion = publish(made, home.var / "models" / "layout_detector" / "champion", "sample")
    second = detector(tmp_path / "second", "second", started_from(champion))
    (weights,) = trace(second.path, home.var).inputs
    assert (weights.name, weights.sha256) == ("weights", file_sha256(made.path / WEIGHTS))
    assert (weights.folder, weights.given) == (champion.path.resolve(), "")
    assert [(one.name, one.sha256) for one in weights.inputs] == list(data.items())

    (champion.path / "card.json").write_text("{}")
    (weights,) = trace(second.path, home.var).inputs
    assert "changed card.json" in weights.fault


def test_a_seal_that_says_nothing_hides_no_other(home: Home, tmp_path: Path) -> None:
    outputs = home.var / "sample" / "outputs" / "layout_detector"
    broken, first = detector(outputs / "0", "other", {}), detector(outputs / "1", "first", {})
    (broken.path / SEAL).write_bytes(b"0123")
    second = detector(tmp_path / "second", "second", started_from(first))
    (weights,) = trace(second.path, home.var).inputs
    assert weights.folder == first.path


def test_a_model_whose_weights_never_moved_is_not_their_origin(tmp_path: Path) -> None:
    first = detector(tmp_path / "given", "same", {})
    model = detector(tmp_path / "model", "same", started_from(first))
    (weights,) = trace(model.path, tmp_path / "var").inputs
    assert (weights.folder, weights.given) == (None, "a file that was given")


def test_the_start_of_a_location_encoder_is_a_file(tmp_path: Path) -> None:
    data = {"weights": "ab" * 32, "location_weights": SHA}
    network = {"weights": "timm", "location": {"weights": f"file:{SHA}"}}
    says = {"weights": "timm", "network": network, "data": data}
    model = sealed(tmp_path / "model", "card.json", says)
    told = {one.name: one.given for one in trace(model.path, tmp_path / "var").inputs}
    assert told == {"weights": "timm's, from its hub", "location_weights": "a file that was given"}


def test_weights_of_an_embedder_and_other_inputs_are_missing_where_they_are_not_at_hand(
    tmp_path: Path,
) -> None:
    says = {"weights": f"embedder:{SHA}", "data": {"weights": SHA}}
    model = sealed(tmp_path / "model", "card.json", says)
    assert trace_text(trace(model.path, tmp_path / "var")).endswith(f"\nweights {SHA[:16]}: not at hand")
    says = {"weights": "packaged", "data": {"splits": SHA}}
    model = sealed(tmp_path / "other", "card.json", says)
    assert trace_text(trace(model.path, tmp_path / "var")).endswith(f"\nsplits {SHA[:16]}: not at hand")


def test_a_folder_without_a_seal_is_refused(home: Home, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="has no SHA256SUMS"):
        trace(home.dataset, home.var)
