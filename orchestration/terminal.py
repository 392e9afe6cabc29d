"""What a headless run says on the terminal: one line per asset, and what the domain logs between."""

import logging
import sys
import time
from typing import Any

import dagster as dg
from dagster import DagsterEventType


class StepLines(logging.Handler):
    """Turns Dagster's events into lines for a person: started, finished, failed, checks."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self._started: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Print the line for ``record``, where it has one."""
        meta: dict[str, Any] = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        if event is None:
            if record.levelno >= logging.INFO and meta.get("orig_message"):
                _say(f"    {meta['orig_message']}")
            return
        step = event.step_key or ""
        if event.event_type == DagsterEventType.STEP_START:
            self._started[step] = time.monotonic()
            _say(f"▶ {step}")
        elif event.event_type in (DagsterEventType.STEP_SUCCESS, DagsterEventType.STEP_FAILURE):
            seconds = time.monotonic() - self._started.get(step, time.monotonic())
            mark = "✓" if event.event_type == DagsterEventType.STEP_SUCCESS else "✗"
            _say(f"{mark} {step}  {seconds:.1f} s")
            if mark == "✗":
                _say(f"    {cause_of(event)}")
        elif event.event_type == DagsterEventType.ASSET_CHECK_EVALUATION:
            check = event.event_specific_data
            if not check.passed:
                _say(f"  ! {check.asset_key.to_user_string()}: {check_of(check)}")


def cause_of(failure: dg.DagsterEvent) -> str:
    """Return what the step that failed raised, without the error that Dagster wraps it in."""
    error: Any = getattr(failure.event_specific_data, "error", None)
    if error is None:
        return str(failure.message)
    return str((error.cause or error).message).strip()


def check_of(check: dg.AssetCheckEvaluation) -> str:
    """Return which check failed and what it found; a finding says what to do about it."""
    kind = "blocking check" if check.blocking else "check"
    return f"{kind} {check.check_name} failed" + (f": {check.description}" if check.description else "")


@dg.logger
def terminal_logger(context: dg.InitLoggerContext) -> logging.Logger:
    """The logger that a headless run uses in place of Dagster's own console."""
    logger = logging.Logger("terminal", logging.DEBUG)
    logger.addHandler(StepLines())
    return logger


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
