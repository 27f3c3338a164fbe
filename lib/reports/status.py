"""What happened this night and how things stand now: read from the ledger, the locks and the tables themselves."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from lib import catalog, clock, crontab, job_files, lock
from lib.catalog import TableFile
from lib.quarantine import OPEN
from lib.reading import END
from lib.reports import night as report_night
from lib.settings import settings
from lib.warehouse import Row, Warehouse, quote
from lib.warehouse_errors import NoSuchTable

_PARTITION = re.compile(r"PARTITION\s+BY\s+date_trunc\s*\(\s*'\w+'\s*,\s*`?(\w+)`?\s*\)", re.IGNORECASE)


@dataclass(frozen=True)
class Planned:
    """One line of the crontab, and what came of it this night."""

    job: str
    due_at: datetime
    state: str
    started_at: datetime | None
    seconds: float | None
    rows_loaded: int
    rows_quarantined: int
    rows_standing: int
    error: str


@dataclass(frozen=True)
class Lag:
    """How far a table has been read and how old its newest row is."""

    table: str
    loaded_at: datetime | None
    newest: date | None
    lag_hours: float | None
    positions: dict[str, str]
    # Of parts with a known end: what lay between the watermark and that end when it was last looked at.
    behind: dict[str, int]
    quarantined: int


@dataclass(frozen=True)
class Status:
    """The whole answer; `has_ledger` is False before the first `./run migrate`."""

    cycle: date
    at: datetime
    has_ledger: bool
    jobs: list[Planned]
    locks: dict[str, str]
    running: list[Row]
    tables: list[Lag]
    backup: Row | None
    verified: dict[str, Any] | None

    def document(self) -> dict[str, Any]:
        """With plain values, for --json."""
        return asdict(self)


def read(warehouse: Warehouse, cycle: date) -> Status:
    """Reads everything. Writes nothing; a missing ledger is part of the answer."""
    at = clock.now().replace(microsecond=0)
    try:
        runs = report_night.runs(warehouse, cycle)
        return Status(
            cycle=cycle,
            at=at,
            has_ledger=True,
            jobs=planned(cycle, at, runs),
            locks=locks(),
            running=_running(warehouse),
            tables=lags(warehouse, at),
            backup=_newest_backup(warehouse),
            verified=_last_verification(warehouse),
        )
    except NoSuchTable:
        return Status(cycle, at, False, planned(cycle, at, []), locks(), [], [], None, None)


def planned(cycle: date, at: datetime, runs: Sequence[Row]) -> list[Planned]:
    """Each line of the night in its order; a job that did not run is `late` or `waiting`."""
    # A run that was skipped is only told of when there is no other.
    newest = {row["job"]: row for row in sorted(runs, key=lambda row: (row["state"] != "skipped", row["started_at"]))}
    begin = datetime.combine(cycle, datetime.min.time()) + clock.NIGHT_BEGINS
    found = []
    for entry in crontab.night(crontab.entries(settings().warehouse_dir / "crontab")):
        due = begin + timedelta(minutes=entry.minute_of_night or 0)
        row = newest.get(entry.job)
        found.append(
            Planned(
                job=entry.job,
                due_at=due,
                state=row["state"] if row else ("late" if at > due + timedelta(minutes=1) else "waiting"),
                started_at=row["started_at"] if row else None,
                seconds=row["seconds"] if row else None,
                rows_loaded=int(row["rows_loaded"]) if row else 0,
                rows_quarantined=int(row["rows_quarantined"]) if row else 0,
                rows_standing=int(row["rows_standing"]) if row else 0,
                error=row["error"] if row else "",
            )
        )
    return found


def locks() -> dict[str, str]:
    """The locks that are held on this host, with their holders."""
    names = sorted({file.lock for file in job_files.read_all()})
    return {name: lock.holder(name) for name in names if not lock.is_free(name)}


def lags(warehouse: Warehouse, at: datetime) -> list[Lag]:
    """Each loaded table: last load, newest row (by the column of its `fresh` check), watermarks."""
    loaded = {
        row["target"]: row["loaded_at"]
        for row in warehouse.read("SELECT target, max(loaded_at) AS loaded_at FROM ops_load GROUP BY target")
    }
    aside = {
        row["target"]: int(row["rows_aside"])
        for row in warehouse.read(
            "SELECT target, count(*) AS rows_aside FROM ops_quarantine WHERE state IN (%s, %s) GROUP BY target", OPEN
        )
    }
    positions: dict[str, dict[str, str]] = {}
    for row in warehouse.read("SELECT target, part, position FROM ops_watermark ORDER BY target, part"):
        positions.setdefault(row["target"], {})[row["part"]] = row["position"]
    found = []
    for table in catalog.tables().values():
        if table.source is None:
            continue
        newest = _newest(warehouse, table, at)
        marks = positions.get(table.name, {})
        found.append(
            Lag(
                table=table.name,
                loaded_at=loaded.get(table.name),
                newest=newest,
                lag_hours=_hours(at, newest),
                positions={part: at for part, at in marks.items() if not part.endswith(END)},
                behind=_behind(marks),
                quarantined=aside.get(table.name, 0),
            )
        )
    return found


def _behind(marks: dict[str, str]) -> dict[str, int]:
    ends = {name.removesuffix(END): int(end) for name, end in marks.items() if name.endswith(END)}
    return {part: max(0, end - int(marks.get(part, 0))) for part, end in ends.items()}


def gaps(warehouse: Warehouse) -> dict[str, list[date]]:
    """Days without a row between a fact table's first and last day, by the column of its partitions."""
    found = {}
    for table in catalog.tables().values():
        column = _PARTITION.search(table.ddl)
        if table.kind == "fact" and column:
            found[table.name] = _missing(_days(warehouse, table.name, column[1]))
    return found


def _days(warehouse: Warehouse, table: str, column: str) -> set[date]:
    try:
        rows = warehouse.read(
            f"SELECT DISTINCT CAST({quote(column)} AS DATE) AS day FROM {quote(warehouse.database, table)}"
        )
    except NoSuchTable:
        return set()
    return {row["day"] for row in rows if row["day"]}


def _missing(days: set[date]) -> list[date]:
    if not days:
        return []
    first, last = min(days), max(days)
    span = (first + timedelta(days=number) for number in range((last - first).days))
    return [day for day in span if day not in days]


def _newest(warehouse: Warehouse, table: TableFile, at: datetime) -> date | None:
    columns = [check.arguments[0] for check in table.checks if check.kind == "fresh"]
    if not columns:
        return None
    column = quote(columns[0])
    try:
        newest: date | None = warehouse.value(
            f"SELECT max({column}) AS newest FROM {quote(warehouse.database, table.name)} WHERE {column} <= %s", (at,)
        )
    except NoSuchTable:
        # A new file of schema/ that has not been migrated: the others are still worth showing.
        return None
    return newest


def _hours(at: datetime, newest: date | None) -> float | None:
    if newest is None:
        return None
    instant = newest if isinstance(newest, datetime) else datetime.combine(newest, datetime.min.time())
    return round((at - instant).total_seconds() / 3600, 1)


def _running(warehouse: Warehouse) -> list[Row]:
    """Runs that the ledger believes to be running, of any night."""
    return warehouse.read(
        "SELECT run_id, job, cycle, started_at, host, pid FROM ops_job_run WHERE state = 'running' ORDER BY started_at"
    )


def _newest_backup(warehouse: Warehouse) -> Row | None:
    rows = warehouse.read(
        "SELECT label, cycle, state, finished_at FROM ops_backup WHERE state = 'FINISHED'"
        " ORDER BY finished_at DESC LIMIT 1"
    )
    return rows[0] if rows else None


def _last_verification(warehouse: Warehouse) -> dict[str, Any] | None:
    newest = warehouse.read(
        "SELECT run_id, cycle, checked_at FROM ops_check_result ORDER BY checked_at DESC, run_id DESC LIMIT 1"
    )
    if not newest:
        return None
    rows = warehouse.read(
        "SELECT severity, state, count(*) AS checks FROM ops_check_result WHERE run_id = %s GROUP BY severity, state",
        (newest[0]["run_id"],),
    )
    faults = {row["severity"]: 0 for row in rows}
    for row in rows:
        faults[row["severity"]] += int(row["checks"]) if row["state"] != "passed" else 0
    verdict = "critical" if faults.get("CRITICAL") else "warning" if faults.get("WARNING") else "good"
    return {**newest[0], "verdict": verdict, "faults": faults, "checks": sum(int(row["checks"]) for row in rows)}
