"""What the demo prints: one aligned line a job, below it what people should read."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

STATES = {"done": "32", "partial": "33", "skipped": "33"}
FAILED = "31"
WIDEST = 150
WIDEST_VALUE = 40


def _coloured(text: str, code: str) -> str:
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\x1b[{code}m{text}\x1b[0m"


def heading(text: str) -> None:
    """A line above what follows."""
    print(f"\n{_coloured(text, '1')}", flush=True)


def columns() -> None:
    """The names of the columns that `job` prints."""
    counts = f"{'read':>8} {'loaded':>8} {'known':>7} {'quarantine':>10}"
    print(_coloured(f"{'time':<6} {'job':<18} {'state':<9} {counts} {'seconds':>8}", "2"), flush=True)


def job(time: str, name: str, document: dict[str, Any], seconds: float) -> None:
    """One line for one job: its state, its rows, how long the process took."""
    rows = document.get("rows", {})
    state = str(document["state"])
    counts = [rows.get(kind, 0) for kind in ("read", "loaded", "repeated", "quarantined")]
    read, loaded, known, bad = (f"{count:,}" if count else "-" for count in counts)
    shown = _coloured(f"{state:<9}", STATES.get(state, FAILED))
    print(f"{time:<6} {name:<18} {shown} {read:>8} {loaded:>8} {known:>7} {bad:>10} {seconds:>8.1f}", flush=True)


def error(document: dict[str, Any], log: object) -> None:
    """Why a job failed, and what to do next."""
    _below(document.get("error") or "no reason given")
    if document.get("hint"):
        _below(f"hint: {document['hint']}")
    _below(f"log:  {log}")


def remarks(document: dict[str, Any]) -> None:
    """Which items of a job failed, and what it wants people to read: for `verify`, what it found."""
    for step in document.get("steps", []):
        if step.get("state") == "failed":
            _below(f"{step['step']}: {step['error']}")
    for note in document.get("notes", []):
        if not note.startswith("report: "):
            _below(note)


def quarantined(rows: Iterable[dict[str, Any]]) -> None:
    """Rows that did not fit: where they stand and why."""
    for row in rows:
        value = repr(_cut(row["value"], WIDEST_VALUE))
        what = f"{row['column_name']} = {value}" if row["column_name"] else "the whole row"
        _below(f"{row['coordinates']}: {row['reason']}: {what}")


def _below(text: str) -> None:
    line = " ".join(text.split())
    print(f"       {_cut(line, WIDEST)}", flush=True)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"
