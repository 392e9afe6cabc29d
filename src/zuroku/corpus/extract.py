"""Figures cut out of a few books for people: JPEG files per book, and tables of what they are.

Whole or absent, but not resumable, and rows are kept in memory: for more than some books there is ``line``.
"""

import csv
import hashlib
import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zuroku.artifacts import locked, replace_folder, room
from zuroku.corpus.pages import Page, PageSource, no_page
from zuroku.corpus.stage import Figure, PageResult, PageStage
from zuroku.corpus.units import NEEDED, process_page
from zuroku.datasets.ingest import Progress
from zuroku.errors import ConfigError
from zuroku.streams import ordered_map

JSON = "figures.json"
CSV = "figures.csv"

_NAME_BYTES = 120


@dataclass
class ExtractionReport:
    """How many pages gave how many figures, and which pages were passed over and why."""

    pages: int = 0
    figures: int = 0
    passed_over: dict[str, str] = field(default_factory=dict)


def extract_figures(
    pages: PageSource,
    stage: PageStage,
    out: Path,
    workers: int,
    progress: Progress = lambda done, total: None,
) -> ExtractionReport:
    """Write ``out/<book>/<figure>.jpg``, and ``figures.json`` and ``figures.csv`` with a row per figure.

    A row has ``file``, ``book``, ``page``, ``class``, ``x_min`` … ``y_max`` (pixels of the upright page),
    ``score`` and ``tags``; JSON has each tag with its confidence, CSV the tags alone, separated by blanks.

    Raises:
        ConfigError: ``out`` is there and not empty.
        SourceError: there is no page.
        StorageError: no room is left. Nothing stays.
        BusyError: another process is extracting to ``out``.
    """
    total = sum(1 for _ in pages)
    if total == 0:
        raise no_page(pages)
    out = out.resolve()
    work = out.with_name(f".{out.name}.partial")
    report = ExtractionReport()
    with locked(out.with_name(f".{out.name}.lock"), wait=False), room(out, NEEDED):
        _refuse_used(out)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        try:
            rows: list[dict[str, Any]] = []
            for page, result in _results(pages, stage, workers):
                report.pages += 1
                if result.error:
                    report.passed_over[page.page_id] = result.error
                rows += [_write(work, page, figure) for figure in result.figures]
                progress(report.pages, total)
            report.figures = len(rows)
            _write_tables(work, rows)
            replace_folder(work, out)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return report


def _results(pages: PageSource, stage: PageStage, workers: int) -> Iterator[tuple[Page, PageResult]]:
    stage.warm_up()

    def process(page: Page) -> tuple[Page, PageResult]:
        return page, process_page(stage, page, pages.root)[0]

    with ThreadPoolExecutor(workers) as executor:
        yield from ordered_map(executor, process, pages, window=2 * workers)


def _refuse_used(out: Path) -> None:
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(
            f"{out} is not empty",
            expected="a new or empty folder, so that no file of yours is lost",
            remedy="name another folder, or remove this one",
        )


def _write(work: Path, page: Page, figure: Figure) -> dict[str, Any]:
    folder = work / _file_name(page.group)
    folder.mkdir(exist_ok=True)
    file = folder / f"{_file_name(figure.figure_id.removeprefix(f'{page.group}/'))}.jpg"
    file.write_bytes(figure.jpeg)
    x_min, y_min, x_max, y_max = figure.box
    return {
        "file": file.relative_to(work).as_posix(),
        "book": page.group,
        "page": page.page_id,
        "class": figure.label,
        "x_min": x_min,
        "y_min": y_min,
        "x_max": x_max,
        "y_max": y_max,
        "score": round(figure.score, 3),
        "tags": figure.tags,
    }


def _write_tables(work: Path, rows: list[dict[str, Any]]) -> None:
    (work / JSON).write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    columns = ["file", "book", "page", "class", "x_min", "y_min", "x_max", "y_max", "score", "tags"]
    # Spreadsheets take a file without the mark for another encoding than UTF-8.
    with (work / CSV).open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(row | {"tags": " ".join(tag["tag"] for tag in row["tags"])} for row in rows)


def _file_name(name: str) -> str:
    """Return ``name`` where it is safe to name a file with, else its SHA-256."""
    plain = name.isprintable() and "/" not in name and "\\" not in name and not name.startswith(".")
    short = len(name.encode()) <= _NAME_BYTES
    return name if name and plain and short else hashlib.sha256(name.encode()).hexdigest()
