"""The corpus line: pages → boxes → figure crops → tags → embeddings, as Parquet and tar shards.

Pages are cut into units in the order of the source. Units are worked off by an executor, each whole or
not at all, and then joined; so a kill costs the units in work, memory does not grow with the pages, and
neither the kill nor the executor shows in the result.

    out/                        the result, sealed
      pages.parquet             one row per page, with its framing, or its error
      figures.parquet           one row per figure: box, tags, embedding, place of the crop
      shards/000000.tar …       the crops
      corpus.json               counts, models by SHA-256, and the fingerprint of the whole recipe
    out.timings.json            milliseconds by step: they change from run to run, so they lie outside
    .out.state/                 plan and finished units, until the result is there
"""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import Field

from zuroku.artifacts import Artifact, build, room, write_atomically
from zuroku.config import Settings, canonical_json
from zuroku.corpus.executors import UnitExecutor
from zuroku.corpus.pages import PageSource, no_page
from zuroku.corpus.stage import PageStage
from zuroku.corpus.tables import FIGURES, PAGES, PAGES_SCHEMA, concatenate, figures_schema
from zuroku.corpus.units import NEEDED, UnitSummary, UnitWork, finished, write_plan
from zuroku.datasets.ingest import Progress
from zuroku.datasets.manifest import SHARDS
from zuroku.errors import ConfigError, QuarantineError

CARD = "corpus.json"
FORMAT = 3
"""Raised whenever the same pages and models would give another result."""

_FINGERPRINT = "fingerprint"
_PAGES_PER_GROUP = 65_536
# With 512 floats per figure a row group has 16 MB.
_FIGURES_PER_GROUP = 8_192
_EXAMPLES = 5


class LineSettings(Settings):
    """How pages are cut into units of work, and how many bad ones are put up with."""

    pages_per_unit: int = Field(default=256, ge=1, description="what a kill costs, and the size of a shard")
    # How many are put up with changes nothing about the result, so it is no part of the settings' hash.
    max_bad_share: float = Field(
        default=0.01, ge=0, le=1, exclude=True, description="asked when a corpus is made, and not again"
    )


def run_line(
    pages: PageSource,
    open_stage: Callable[[], PageStage],
    settings: LineSettings,
    out: Path,
    executor: UnitExecutor,
    progress: Progress = lambda done, total: None,
) -> Artifact:
    """Return the sealed figure corpus of ``pages`` in ``out``, made unless it is already there.

    ``open_stage`` is called in every process that works, so it must survive pickling for a cluster; then
    ``pages`` and ``out`` must lie where all machines see them. A page whose bytes could not be read is
    tried again when an interrupted run goes on.

    Raises:
        QuarantineError: more than ``max_bad_share`` of the pages are bad. All units are kept.
        StorageError: no room is left. Finished units are kept, and a second run goes on.
        ConfigError: ``out`` holds the corpus of other pages, models or settings, or of an older format.
        SourceError: there is no page.
        BundleError: the stage has no embedder, or its models were replaced meanwhile.
    """
    stage = open_stage()
    fingerprint = _fingerprint(pages, stage, settings)
    out = out.resolve()
    state = out.with_name(f".{out.name}.state")
    schema = figures_schema(stage.dimension)
    line = _Line(pages, settings, executor, progress, schema, fingerprint, stage.versions)

    def make(folder: Path) -> None:
        work = UnitWork(open_stage, stage.versions, pages.root, state, folder / SHARDS)
        totals = line.make(folder, work)
        _write_times(out.with_name(f"{out.name}.timings.json"), totals)

    with room(out, NEEDED, "finished units are kept"):
        artifact = build(out, make)
    _require_fingerprint(artifact.path, fingerprint)
    shutil.rmtree(state, ignore_errors=True)
    return artifact


@dataclass
class _Totals:
    """The sums over all units."""

    pages: int = 0
    figures: int = 0
    bad: int = 0
    milliseconds: dict[str, float] = field(default_factory=dict)

    def add(self, summary: UnitSummary) -> None:
        self.pages += summary.pages
        self.figures += summary.figures
        self.bad += summary.bad
        for step, spent in summary.milliseconds.items():
            self.milliseconds[step] = self.milliseconds.get(step, 0.0) + spent


@dataclass(frozen=True)
class _Line:
    """One run: what it reads, how, and what it is recognised by."""

    pages: PageSource
    settings: LineSettings
    executor: UnitExecutor
    progress: Progress
    figures: pa.Schema
    fingerprint: str
    models: Mapping[str, str]

    def make(self, folder: Path, work: UnitWork) -> _Totals:
        """Fill ``folder``, going on from what an earlier attempt left there and in the state."""
        _prepare(folder, work, self.fingerprint)
        n_units, n_pages = self._plan(work)
        _forget_unread(work, n_units)
        totals = _Totals()
        for summary in self.executor(work, n_units):
            totals.add(summary)
            self.progress(totals.pages, n_pages)
        page_rows = (work.unit(number) / PAGES for number in range(n_units))
        concatenate(page_rows, folder / PAGES, PAGES_SCHEMA, _PAGES_PER_GROUP)
        _refuse_bad_corpus(folder, totals, self.settings)
        figure_rows = (work.unit(number) / FIGURES for number in range(n_units))
        concatenate(figure_rows, folder / FIGURES, self.figures, _FIGURES_PER_GROUP)
        _write_card(folder, totals, self.models, self.fingerprint)
        return totals

    def _plan(self, work: UnitWork) -> tuple[int, int]:
        """Record the pages of each unit, so that all workers agree; return the numbers of units and pages."""
        mark = work.state / "plan.json"
        if not mark.is_file():
            source = iter(self.pages)
            n_units = n_pages = 0
            while unit := list(islice(source, self.settings.pages_per_unit)):
                write_plan(work.plan(n_units), unit)
                n_units, n_pages = n_units + 1, n_pages + len(unit)
            if n_pages == 0:
                raise no_page(self.pages)
            write_atomically(mark, json.dumps([n_units, n_pages]).encode())
        n_units, n_pages = json.loads(mark.read_bytes())
        return n_units, n_pages


def _fingerprint(pages: PageSource, stage: PageStage, settings: LineSettings) -> str:
    """Hash what the result follows from; how many bad pages are allowed is not part of it."""
    recipe = {
        "format": FORMAT,
        "pages": pages.fingerprint,
        "pages_per_unit": settings.pages_per_unit,
        "stage": stage.settings.model_dump(mode="json"),
        "versions": stage.versions,
    }
    return hashlib.sha256(canonical_json(recipe).encode()).hexdigest()


def _prepare(folder: Path, work: UnitWork, fingerprint: str) -> None:
    """Keep the finished units if they belong to this very run, and nothing else."""
    mark = work.state / _FINGERPRINT
    if not (mark.is_file() and mark.read_text() == fingerprint):
        shutil.rmtree(work.state, ignore_errors=True)
        shutil.rmtree(work.shards, ignore_errors=True)
        (work.state / "plan").mkdir(parents=True)
        (work.state / "units").mkdir()
        write_atomically(mark, fingerprint.encode())
    work.shards.mkdir(exist_ok=True)
    for path in folder.iterdir():
        if path != work.shards:
            path.unlink()
    for aside in (work.state / "units").glob(".*"):
        shutil.rmtree(aside)


def _forget_unread(work: UnitWork, n_units: int) -> None:
    """Give pages whose bytes could not be had another chance: the fault was perhaps the storage's."""
    for number in range(n_units):
        summary = finished(work, number)
        if summary is not None and summary.unread:
            shutil.rmtree(work.unit(number))


def _refuse_bad_corpus(folder: Path, totals: _Totals, settings: LineSettings) -> None:
    if totals.bad <= settings.max_bad_share * totals.pages:
        return
    table = pq.read_table(
        folder / PAGES, columns=["page_id", "error"], filters=pc.field("error") != ""
    ).slice(0, _EXAMPLES)
    examples = "; ".join(f"{row['page_id']}: {row['error']}" for row in table.to_pylist())
    raise QuarantineError(
        f"{totals.bad} of {totals.pages} pages are bad ({examples})",
        expected=f"at most {settings.max_bad_share:.1%}",
        remedy=f"mend them (all reasons: column error of {folder / PAGES}), or allow more in the "
        "configuration (max_bad_share)",
    )


def _write_card(folder: Path, totals: _Totals, models: Mapping[str, str], fingerprint: str) -> None:
    tags: Counter[str] = Counter()
    with pq.ParquetFile(folder / FIGURES) as figures:
        for batch in figures.iter_batches(_FIGURES_PER_GROUP, columns=["tags"]):
            tags.update(batch.column(0).flatten().to_pylist())
    card: dict[str, Any] = {
        "format": FORMAT,
        "pages": totals.pages,
        "bad_pages": totals.bad,
        "figures": totals.figures,
        "tags": dict(sorted(tags.items())),
        "data": dict(models),
        _FINGERPRINT: fingerprint,
    }
    write_atomically(folder / CARD, (json.dumps(card, ensure_ascii=False, indent=2) + "\n").encode())


def _write_times(path: Path, totals: _Totals) -> None:
    means = {step: round(spent / totals.pages, 3) for step, spent in totals.milliseconds.items()}
    times = {"pages": totals.pages, "milliseconds_per_page": means}
    write_atomically(path, (json.dumps(times, indent=2) + "\n").encode())


def _require_fingerprint(folder: Path, fingerprint: str) -> None:
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    found = card[_FINGERPRINT]
    if found != fingerprint:
        other = "other pages, models or settings" if card["format"] == FORMAT else f"format {card['format']}"
        raise ConfigError(
            f"{folder} holds the corpus of {other} ({found[:12]})",
            expected=f"nothing, or the corpus {fingerprint[:12]} of format {FORMAT}",
            remedy="name another folder, or remove this one",
        )
