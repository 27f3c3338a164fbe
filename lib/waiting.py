"""What waits in quarantine: counted by table and reason, shown row by row, dismissed by people."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lib import clock, quarantine
from lib.warehouse import Row, Warehouse

_CELL = 60


@dataclass(frozen=True)
class Selection:
    """Which open rows are meant: of these tables, reasons and row ids (their beginnings); none of a kind means all."""

    tables: Sequence[str] = ()
    reasons: Sequence[str] = ()
    rows: Sequence[str] = ()

    def where(self) -> tuple[str, list[str]]:
        """SQL over `ops_quarantine` (alias q) and its values."""
        parts, values = ["q.state IN (%s, %s)"], list(quarantine.OPEN)
        for column, names in (("target", self.tables), ("reason", self.reasons)):
            if names:
                parts.append(f"q.{column} IN ({', '.join(['%s'] * len(names))})")
                values += names
        if self.rows:
            parts.append(f"({' OR '.join(['q.row_id LIKE %s'] * len(self.rows))})")
            values += [f"{_escaped(row)}%" for row in self.rows]
        return " AND ".join(parts), values


def groups(warehouse: Warehouse, selection: Selection) -> list[Row]:
    """The open rows by table, reason and column: how many, how many to replay, first and last night, an example."""
    where, values = selection.where()
    rows = warehouse.read(
        "SELECT q.target AS target, q.reason AS reason, q.column_name AS column_name, count(*) AS rows_aside,"
        " sum(CASE WHEN q.accepted AND q.row_text LIKE %s THEN 1 ELSE 0 END) AS rows_replayable,"
        " sum(CASE WHEN q.accepted THEN 0 ELSE 1 END) AS rows_refused, min(q.quarantined_at) AS first_at,"
        " max(q.quarantined_at) AS last_at, min(q.coordinates) AS example"
        f" FROM ops_quarantine q WHERE {where} GROUP BY q.target, q.reason, q.column_name"
        " ORDER BY target, reason, column_name",
        (quarantine.REPLAYABLE, *values),
    )
    return [_group(row) for row in rows]


def shown(warehouse: Warehouse, selection: Selection, limit: int) -> list[Row]:
    """The newest open rows with all that is known of them."""
    where, values = selection.where()
    return warehouse.read(
        "SELECT q.target AS target, q.row_id AS row_id, q.reason AS reason, q.column_name AS column_name,"
        " q.value AS value, q.coordinates AS coordinates, q.state AS state, q.accepted AS accepted,"
        " q.run_id AS run_id, q.quarantined_at AS quarantined_at, q.row_text AS row_text"
        f" FROM ops_quarantine q WHERE {where} ORDER BY q.quarantined_at DESC, q.coordinates, q.row_id LIMIT %s",
        (*values, limit),
    )


def dismiss(warehouse: Warehouse, selection: Selection, why: str, *, run_id: str) -> dict[str, int]:
    """Marks the selected rows as dropped on purpose, with who and why; returns how many of each table."""
    where, values = selection.where()
    rows: dict[str, list[str]] = {}
    for row in warehouse.read(
        f"SELECT q.target AS target, q.row_id AS row_id FROM ops_quarantine q WHERE {where}", values
    ):
        rows.setdefault(row["target"], []).append(row["row_id"])
    note = f"{_person()}: {why}"[:1000]
    at = clock.now().replace(microsecond=0)
    for target, found in rows.items():
        quarantine.settle(warehouse, target, found, quarantine.DISMISSED, run_id=run_id, at=at, note=note)
    return {target: len(found) for target, found in rows.items()}


def lines(found: Sequence[Row], rows: Sequence[Row]) -> list[str]:
    """Both as lines for a terminal."""
    if not found:
        return ["no rows wait in quarantine"]
    told = [_line(group) for group in found]
    for row in rows:
        told += ["", f"{row['target']} {row['row_id'][:12]} {row['state']}: {_printable(row['coordinates'])}"]
        told += [f"  {row['column_name'] or 'row'} = {_printable(row['value'])} ({row['reason']})"]
        told += [f"  {_printable(row['row_text'])}"]
    return told


def _group(row: Row) -> Row:
    nights = {name: clock.cycle(_instant(row.pop(f"{name}_at"))) for name in ("first", "last")}
    counts = {name: int(row[name]) for name in ("rows_aside", "rows_replayable", "rows_refused")}
    return {**row, **counts, "first_night": nights["first"], "last_night": nights["last"]}


def _line(group: Mapping[str, object]) -> str:
    column = f" in {group['column_name']}" if group["column_name"] else ""
    first, last = group["first_night"], group["last_night"]
    when = f"night of {first}" if first == last else f"nights of {first} to {last}"
    refused = f", {group['rows_refused']:,} of loads that were refused" if group["rows_refused"] else ""
    return (
        f"{group['target']}: {group['rows_aside']:,} {group['reason']}{column}, {group['rows_replayable']:,} can be"
        f" replayed{refused}; {when}; such as {_printable(str(group['example']))[:_CELL]}"
    )


def _instant(value: object) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


def _person() -> str:
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        # A container's process may have a number and no name.
        return f"uid {os.getuid()}"


def _printable(text: str) -> str:
    """Text of a row must not be able to move the cursor or to forge a line."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
