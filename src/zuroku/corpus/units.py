"""The unit of work: some pages in a row, whose rows and shard appear together or not at all.

A worker, wherever it runs, takes the number of a unit and needs nothing else but the folders in
``UnitWork``. Which units there are, and what becomes of them, is decided in ``line``.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from zuroku.artifacts import room, write_atomically
from zuroku.corpus.pages import Page
from zuroku.corpus.stage import Figure, PageResult, PageStage, Stopwatch
from zuroku.corpus.tables import (
    FIGURES,
    PAGES,
    PAGES_SCHEMA,
    figure_row,
    figures_schema,
    page_row,
    table_bytes,
)
from zuroku.datasets.shards import ShardWriter, member_key
from zuroku.errors import BundleError, ImageError, IntegrityError, ZurokuError

COMMIT = "commit.json"
NEEDED = "the crops and rows of all pages"
"""What a full disk has no room for."""


@dataclass(frozen=True)
class UnitWork:
    """What a worker must know: how to open the models, and the folders, which it must see as they are.

    ``versions`` are those of the models; ``root`` is the source's; ``state`` holds the plan and the
    finished units, ``shards`` their crops.
    """

    open_stage: Callable[[], PageStage]
    versions: Mapping[str, str]
    root: Path
    state: Path
    shards: Path

    def opened(self) -> PageStage:
        """Open the stage of one process, ready for its threads.

        Raises:
            BundleError: its models are not those of the run, because a release came between.
        """
        stage = self.open_stage()
        if stage.versions != self.versions:
            raise BundleError(
                f"models of the versions {stage.versions}",
                expected=f"{dict(self.versions)}, as when the run began",
                remedy="start again: the models were replaced meanwhile; name folders that stay",
            )
        stage.warm_up()
        return stage

    def plan(self, number: int) -> Path:
        """The list of the unit's pages."""
        return self.state / "plan" / f"{number:06d}.json"

    def unit(self, number: int) -> Path:
        """The folder of the unit's rows: there once the unit is finished."""
        return self.state / "units" / f"{number:06d}"

    def shard(self, number: int) -> Path:
        """The shard of the unit's crops: there unless it has none."""
        return self.shards / f"{number:06d}.tar"


@dataclass(frozen=True)
class UnitSummary:
    """What came of a unit. ``unread`` counts those of the ``bad`` pages whose bytes could not be had."""

    number: int
    pages: int = 0
    figures: int = 0
    bad: int = 0
    unread: int = 0
    milliseconds: dict[str, float] = field(default_factory=dict)


def process_unit(stage: PageStage, work: UnitWork, number: int) -> UnitSummary:
    """Take the unit's pages through ``stage`` unless it is finished, and say what came of them.

    Raises:
        StorageError: no room is left; nothing of the unit is kept.
    """
    done = finished(work, number)
    if done is not None:
        return done
    with room(work.state, NEEDED, "finished units are kept"):
        aside = Path(tempfile.mkdtemp(prefix=f".{number:06d}.", dir=work.state / "units"))
        try:
            summary = _write_unit(stage, work, number, aside)
            _move_into_place(work, summary, aside)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    return summary


def process_page(stage: PageStage, page: Page, root: Path) -> tuple[PageResult, bool]:
    """Return what came of ``page``, and whether its bytes could be had.

    A bad page is a result. What is raised is a fault of ours, and names the page.
    """
    clock = Stopwatch()
    try:
        with clock("read"):
            data = page.read(root)
    except (OSError, ImageError, IntegrityError) as error:
        return PageResult(error=_reason(error), milliseconds=clock.milliseconds), False
    try:
        result = stage.process(page.page_id, data)
    except Exception as error:
        error.add_note(f"on page {page.page_id} ({page.file})")
        raise
    return replace(result, milliseconds=clock.milliseconds | dict(result.milliseconds)), True


def finished(work: UnitWork, number: int) -> UnitSummary | None:
    """Return what came of the unit, or None where it is still to be done."""
    try:
        values: dict[str, Any] = json.loads((work.unit(number) / COMMIT).read_bytes())
    except FileNotFoundError:
        return None
    summary = UnitSummary(**values)
    return summary if summary.figures == 0 or work.shard(number).is_file() else None


def write_plan(path: Path, pages: list[Page]) -> None:
    """Record the pages of a unit."""
    write_atomically(path, json.dumps([asdict(page) for page in pages]).encode())


def _write_unit(stage: PageStage, work: UnitWork, number: int, aside: Path) -> UnitSummary:
    pages = [Page(**values) for values in json.loads(work.plan(number).read_bytes())]
    shard = work.shard(number).name
    writer = ShardWriter(aside / shard)
    page_rows: list[dict[str, Any]] = []
    figure_rows: list[dict[str, Any]] = []
    milliseconds: dict[str, float] = {}
    unread = 0
    for page in pages:
        result, read = process_page(stage, page, work.root)
        unread += not read
        page_rows.append(page_row(page, result))
        figure_rows += [_write_figure(writer, shard, page, figure) for figure in result.figures]
        for step, spent in result.milliseconds.items():
            milliseconds[step] = milliseconds.get(step, 0.0) + spent
    writer.close()
    write_atomically(aside / PAGES, table_bytes(page_rows, PAGES_SCHEMA))
    write_atomically(aside / FIGURES, table_bytes(figure_rows, figures_schema(stage.dimension)))
    bad = sum(bool(row["error"]) for row in page_rows)
    summary = UnitSummary(number, len(pages), len(figure_rows), bad, unread, milliseconds)
    write_atomically(aside / COMMIT, json.dumps(asdict(summary)).encode())
    return summary


def _write_figure(writer: ShardWriter, shard: str, page: Page, figure: Figure) -> dict[str, Any]:
    """Write the crop, and its row without the embedding as JSON beside it; return the row."""
    # Bytes may occur twice, ids do not.
    key = member_key(figure.figure_id, hashlib.sha256(figure.figure_id.encode()).hexdigest())
    offset = writer.add(f"{key}.jpg", figure.jpeg)
    row = figure_row(page, figure, hashlib.sha256(figure.jpeg).hexdigest(), shard, offset)
    described = {name: value for name, value in row.items() if name != "embedding"}
    writer.add(f"{key}.json", json.dumps(described, ensure_ascii=False, sort_keys=True).encode())
    return row


def _reason(error: OSError | ZurokuError) -> str:
    if isinstance(error, ZurokuError):
        return error.found
    return f"cannot be read: {error.strerror or error}"


def _move_into_place(work: UnitWork, summary: UnitSummary, aside: Path) -> None:
    """Publish the shard first: a unit counts as finished by its rows."""
    shard, unit = work.shard(summary.number), work.unit(summary.number)
    if summary.figures:
        os.replace(aside / shard.name, shard)
    else:
        (aside / shard.name).unlink()
        shard.unlink(missing_ok=True)
    # Rows that lie there already have lost their shard.
    shutil.rmtree(unit, ignore_errors=True)
    os.replace(aside, unit)
