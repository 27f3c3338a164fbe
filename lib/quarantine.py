"""Rows that did not fit, kept in `ops_quarantine` with the reason and the place in their source.

They are written before the rest of their load is published: a crash between the two leaves rows here whose load comes
again and writes the same rows again, because a row's identity is a hash of what it says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from lib.catalog import TableFile
from lib.reading import LINEAGE, Batch, Reject, row_text
from lib.stream_load.load import Body, Request, StreamLoad
from lib.warehouse import Warehouse, quote

COLUMNS = (
    "target", "row_id", "reason", "column_name", "value", "source", "coordinates", "row_text", "accepted",
    "load_id", "run_id", "quarantined_at", "part", "from_position", "state",
)  # fmt: skip
WAITING, REJECTED_AGAIN = "waiting", "rejected again"
REPLAYED, DISMISSED, SUPERSEDED = "replayed", "dismissed", "superseded"
# The states of rows that somebody still has to look at.
OPEN = (WAITING, REJECTED_AGAIN)
# A row whose text begins and ends like this is whole, with its lineage, and can be replayed.
REPLAYABLE = '{"_source":%}'
_VALUE_BYTES, _SOURCE_BYTES, _ROW_BYTES = 1000, 1000, 65000
# Rows that one statement names: far below the ten thousand that StarRocks takes (expr_children_limit).
_AT_ONCE = 1000


@dataclass(frozen=True)
class Origin:
    """Which load met the rejects, when, and whether the rest of it became visible."""

    accepted: bool
    load_id: str
    run_id: str
    at: datetime
    part: str
    from_position: str
    state: str = WAITING


@dataclass(frozen=True)
class Standing:
    """Which of some rejects are no news: dismissed, or waiting already with the same reason (`waiting`)."""

    dismissed: list[Reject] = field(default_factory=list)
    waiting: list[Reject] = field(default_factory=list)
    news: list[Reject] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many are no news."""
        return len(self.dismissed) + len(self.waiting)

    @property
    def open(self) -> list[Reject]:
        """Those that nobody has dismissed: what the table's tolerance is about."""
        return [*self.waiting, *self.news]


def standing(warehouse: Warehouse, table: TableFile, rejects: Sequence[Reject]) -> Standing:
    """Parts rejects into what is known and what is news.

    A row waits only when the rest of its load has become visible: what a run that died has written has been told to
    nobody. A row that says something else, or is wrong in another way, is news.
    """
    rows = [identity(table, reject) for reject in rejects]
    states = _states(warehouse, table, rows)
    found = Standing()
    for row, reject in zip(rows, rejects, strict=True):
        state, reason = states.get(row, ("", None))
        if state == DISMISSED:
            found.dismissed.append(reject)
        elif state in OPEN and reason == (reject.reason, reject.column):
            found.waiting.append(reject)
        else:
            found.news.append(reject)
    return found


def write(
    warehouse: Warehouse, loader: StreamLoad, table: TableFile, rejects: Sequence[Reject], origin: Origin
) -> None:
    """Writes rejects by one Stream Load; the same source row again is the same row."""
    if not rejects or warehouse.dry_run:
        return
    rows = dict(_row(table, reject, origin) for reject in rejects)
    body = b"".join(rows.values())
    label = f"ns_q_{table.name}__{origin.load_id.replace('-', '_')}"
    columns = ", ".join(quote(name) for name in COLUMNS)
    sent = Body(lambda: iter((body,)), len(body))
    loader.load(Request(warehouse.database, "ops_quarantine", label, columns, sent, len(rows)))


def settle(
    warehouse: Warehouse, target: str, rows: Sequence[str], state: str, *, run_id: str, at: datetime, note: str = ""
) -> None:
    """Marks rows as replayed, dismissed or superseded; doing it twice is doing it once."""
    for first in range(0, len(rows), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        marks = ", ".join(["%s"] * len(some))
        warehouse.write(
            "UPDATE ops_quarantine SET state = %s, settled_at = %s, settled_run_id = %s, settled_note = %s"
            f" WHERE target = %s AND row_id IN ({marks})",
            (state, at, run_id, note, target, *some),
        )


def supersede(warehouse: Warehouse, table: TableFile, *, run_id: str, at: datetime) -> None:
    """Settles the rows of loads that were refused, once the same part has been loaded from the same place.

    Whatever was wrong with such a row, the later load has loaded it, left it out as known, or put it aside anew.
    """
    rows = warehouse.read(
        "SELECT DISTINCT q.row_id AS row_id FROM ops_quarantine q JOIN ops_load l"
        " ON l.target = q.target AND l.part = q.part AND l.from_position = q.from_position"
        " WHERE q.target = %s AND q.state = %s AND NOT q.accepted"
        " AND l.loaded_at >= q.quarantined_at AND l.load_id <> q.load_id",
        (_target(table), WAITING),
    )
    settle(warehouse, _target(table), [row["row_id"] for row in rows], SUPERSEDED, run_id=run_id, at=at)


def whole(batch: Batch, rejects: Sequence[Reject]) -> list[Reject]:
    """Rejects with the lineage of their rows in their text, so that they can be replayed exactly.

    What could not even be split into columns stays as it was read.
    """
    names = [name for name in batch.frame.columns if name in LINEAGE]
    if not rejects or "_source" not in names:
        return list(rejects)
    import polars as pl

    wanted = pl.Series([reject.coordinates for reject in rejects], dtype=pl.String)
    found = batch.frame.select(names).filter(pl.col("_source").is_in(wanted.implode()))
    lineage = {str(row["_source"]): row for row in found.iter_rows(named=True)}
    return [_with_lineage(reject, lineage.get(reject.coordinates)) for reject in rejects]


def text(row: Mapping[str, Any]) -> str:
    """A source row with its lineage as the text that is kept, and can be replayed."""
    return row_text({"_source": row["_source"], **row})


def identity(table: TableFile, reject: Reject) -> str:
    """The row's id: of its place and what it says, whatever is wrong with it; NULLs that come or go change nothing."""
    try:
        columns = json.loads(reject.row_text)
    except (ValueError, RecursionError):
        columns = None
    says = reject.row_text
    if isinstance(columns, dict):
        says = row_text({name: str(columns[name]) for name in sorted(columns) if columns[name] is not None})
    parts = (_target(table), reject.coordinates, says)
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:40]


def _target(table: TableFile) -> str:
    """The table for which the rows are meant: that of the file, also while a fresh copy of it is loaded."""
    return table.path.stem


def _with_lineage(reject: Reject, lineage: Mapping[str, Any] | None) -> Reject:
    if lineage is None:
        return reject
    return replace(reject, row_text=text({**lineage, **json.loads(reject.row_text)}))


def _states(warehouse: Warehouse, table: TableFile, rows: Sequence[str]) -> dict[str, tuple[str, tuple[str, str]]]:
    """State and reason (with its column) of those of the rows that are dismissed or wait behind a visible load."""
    found = {}
    for first in range(0, len(rows), _AT_ONCE):
        some = rows[first : first + _AT_ONCE]
        marks = ", ".join(["%s"] * len(some))
        for row in warehouse.read(
            "SELECT q.row_id AS row_id, q.state AS state, q.reason AS reason, q.column_name AS column_name"
            " FROM ops_quarantine q LEFT JOIN ops_load l ON l.load_id = q.load_id"
            f" WHERE q.target = %s AND q.row_id IN ({marks})"
            " AND (q.state = %s OR (q.accepted AND l.load_id IS NOT NULL))",
            (_target(table), *some, DISMISSED),
        ):
            found[row["row_id"]] = (row["state"], (row["reason"], row["column_name"]))
    return found


def _row(table: TableFile, reject: Reject, origin: Origin) -> tuple[str, bytes]:
    row_id = identity(table, reject)
    values = (
        _target(table),
        row_id,
        reject.reason,
        reject.column,
        _clip(reject.value, _VALUE_BYTES),
        _clip(f"{table.source.kind} {table.source.what}" if table.source else "", _SOURCE_BYTES),
        _clip(reject.coordinates, _SOURCE_BYTES),
        _clip(reject.row_text, _ROW_BYTES),
        "1" if origin.accepted else "0",
        origin.load_id,
        origin.run_id,
        origin.at.isoformat(sep=" "),
        _clip(origin.part, _SOURCE_BYTES),
        _clip(origin.from_position, _SOURCE_BYTES),
        origin.state,
    )
    return row_id, "\x01".join(_sendable(value) for value in values).encode("utf-8") + b"\x02"


def _sendable(value: str) -> str:
    """Text without the separators of the load and without what is no UTF-8, each shown as its escape."""
    shown = value.encode("utf-8", "backslashreplace").decode("utf-8")
    for character in ("\x00", "\x01", "\x02"):
        shown = shown.replace(character, f"\\x{ord(character):02x}")
    return "\\\\N" if shown == "\\N" else shown


def _clip(value: str, size: int) -> str:
    encoded = value.encode("utf-8", "backslashreplace")
    return value if len(encoded) <= size else encoded[: size - 3].decode("utf-8", "ignore") + "..."
