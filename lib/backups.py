"""Backs the warehouse up and believes it only when StarRocks and the repository both say that it is complete.

BACKUP answers at once; how it goes is read from SHOW BACKUP, which shows the newest one of a database alone, and
nothing at first (docs/en/sql-reference/sql-statements/backup_restore/). A backup outlives the job that asked for it:
its row in ops_backup is written before, so that the next run waits for it in place of asking for another.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from lib import clock, log, repositories
from lib.errors import NotNow, Refused, Stopped, Told
from lib.settings import settings
from lib.warehouse import Row, Warehouse, quote

if TYPE_CHECKING:
    from lib.run import Run

FINISHED, CANCELLED = "FINISHED", "CANCELLED"
# Our own state of a backup that has been asked for; the others are StarRocks'.
_ASKED = "ASKED"
_OVER = (FINISHED, CANCELLED)
_SHORTEST_WAIT, _LONGEST_WAIT = 0.2, 30.0
# How long a backup that has been accepted may take to be shown, and how long another one is waited for.
_APPEARS_SECONDS, _SLOT_SECONDS = 30.0, 600.0
# fe/fe-core/src/main/java/com/starrocks/sql/analyzer/BackupRestoreAnalyzer.java refuses less.
_LEAST_TIMEOUT = 600


@dataclass
class Backup:
    """One backup: its label, and the rows of each table just before it."""

    label: str
    cycle: date
    row_counts: dict[str, int] = field(default_factory=dict)
    objects: int = 0
    asked: bool = False


def of_night(warehouse: Warehouse, cycle: date) -> str:
    """The label of a complete backup of this night that the repository still holds; empty when there is none."""
    for row in _rows(warehouse, cycle, FINISHED):
        if repositories.snapshot(warehouse, row["label"]).is_whole:
            return str(row["label"])
    return ""


def begun_or_new(warehouse: Warehouse, cycle: date) -> Backup:
    """The backup of this night that an earlier run has asked for and not seen the end of, else a new one."""
    for row in _rows(warehouse, cycle, _ASKED):
        return _asked_for(row, cycle)
    word = re.sub(r"\W", "_", warehouse.database)
    return Backup(f"{word}_{cycle:%Y%m%d}_{clock.now():%H%M%S}", cycle)


def _asked_for(row: Row, cycle: date) -> Backup:
    """What the ledger has of a backup whose end was not seen."""
    return Backup(row["label"], cycle, json.loads(row["row_counts"]), int(row["objects"]), asked=True)


def settle(run: Run) -> None:
    """Writes down the end of backups that have been asked for and are over, so that another one can be made.

    One is there after each restore as well: a backup holds its own row as it was while it was made.
    """
    for row in _rows(run.warehouse, run.cycle, _ASKED):
        backup = _asked_for(row, run.cycle)
        shown, witness = _shown(run.warehouse, backup), repositories.snapshot(run.warehouse, backup.label)
        if witness.is_whole:
            _record(run, backup, FINISHED, shown=shown, timestamp=witness.timestamp)
        elif shown is not None and shown["State"] == CANCELLED:
            _record(run, backup, CANCELLED, shown=shown, error=str(shown["Status"] or shown["TaskErrMsg"]))


def back_up(run: Run, backup: Backup) -> None:
    """Makes the backup, or waits for it when it has been asked for already; then writes down that it is complete.

    Raises `NotNow` while another one occupies the database, `Refused` when it was cancelled or got lost, `Told` when it
    has not ended within BACKUP_TIMEOUT. Safe to call again after `OutcomeUnknown`.
    """
    warehouse = run.warehouse
    if not (backup.asked and _is_known(warehouse, backup)):
        _wait_for_slot(warehouse)
        _ask(run, backup)
    if run.dry_run:
        return
    shown = _wait(run, backup)
    if shown is not None and shown["State"] == CANCELLED:
        status = str(shown["Status"] or shown["TaskErrMsg"])
        _record(run, backup, CANCELLED, shown=shown, error=status)
        raise Refused(f"backup {backup.label} was cancelled by StarRocks: {status}", hint="./run backup")
    witness = repositories.snapshot(warehouse, backup.label)
    if not witness.is_whole:
        _record(run, backup, CANCELLED, shown=shown, error=f"the repository says: {witness.status}")
        raise Refused(
            f"backup {backup.label}: StarRocks calls it finished, its repository says: {witness.status}",
            hint="does the store answer? then ./run backup",
        )
    _record(run, backup, FINISHED, shown=shown, timestamp=witness.timestamp)
    run.note(f"{backup.label}: {backup.objects} tables and views, {sum(backup.row_counts.values()):,} rows")
    run.result["backup"] = {"label": backup.label, "timestamp": witness.timestamp, "rows": backup.row_counts}


def _rows(warehouse: Warehouse, cycle: date, state: str) -> list[Row]:
    return warehouse.read(
        "SELECT label, row_counts, objects FROM ops_backup"
        " WHERE cycle = %s AND repository = %s AND state = %s ORDER BY label DESC",
        (cycle, settings().backup_repository, state),
    )


def _ask(run: Run, backup: Backup) -> None:
    warehouse, given = run.warehouse, settings()
    tables, backup.objects = _tables(warehouse)
    backup.row_counts = {name: _count(warehouse, name) for name in tables}
    _record(run, backup, _ASKED)
    # From here on it may have happened, whatever is answered: a second attempt looks first.
    backup.asked = True
    warehouse.write(
        f"BACKUP SNAPSHOT {quote(warehouse.database, backup.label)} TO {quote(given.backup_repository)}"
        f' PROPERTIES ("type" = "full", "timeout" = "{max(_LEAST_TIMEOUT, int(given.backup_timeout))}")'
    )


def _tables(warehouse: Warehouse) -> tuple[list[str], int]:
    """The names of the tables, and the number of tables and views."""
    rows = warehouse.read(
        "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.tables WHERE TABLE_SCHEMA = %s ORDER BY TABLE_NAME",
        (warehouse.database,),
    )
    return [row["TABLE_NAME"] for row in rows if row["TABLE_TYPE"] == "BASE TABLE"], len(rows)


def _count(warehouse: Warehouse, table: str) -> int:
    return int(warehouse.value(f"SELECT count(*) AS n FROM {quote(warehouse.database, table)}") or 0)


def _is_known(warehouse: Warehouse, backup: Backup) -> bool:
    """Whether StarRocks has taken the backup on: it is the newest one, or its snapshot is in the repository."""
    return _shown(warehouse, backup) is not None or repositories.snapshot(warehouse, backup.label).is_whole


def _shown(warehouse: Warehouse, backup: Backup) -> Row | None:
    rows = warehouse.read(f"SHOW BACKUP FROM {quote(warehouse.database)}")
    return next((row for row in rows if repositories.same_label(row["SnapshotName"], backup.label)), None)


def _wait_for_slot(warehouse: Warehouse) -> None:
    """StarRocks takes one BACKUP or RESTORE of a database at a time."""
    began, wait = time.monotonic(), _SHORTEST_WAIT
    longest = min(_SLOT_SECONDS, settings().backup_timeout)
    while occupied := _occupied(warehouse):
        if warehouse.dry_run or time.monotonic() - began > longest:
            raise NotNow(
                f"{warehouse.database}: {occupied}; one backup or restore of a database at a time",
                hint=f"wait for it (SHOW BACKUP FROM {warehouse.database}), then ./run backup",
            )
        log.info("backup_waits", for_=occupied)
        time.sleep(wait)
        wait = min(wait * 1.5, _LONGEST_WAIT)


def _occupied(warehouse: Warehouse) -> str:
    for word, column in (("BACKUP", "SnapshotName"), ("RESTORE", "Label")):
        for row in warehouse.read(f"SHOW {word} FROM {quote(warehouse.database)}"):
            if row["State"] not in _OVER:
                return f"{word} {row[column]} is {row['State']}"
    return ""


def _wait(run: Run, backup: Backup) -> Row | None:
    """The row of SHOW BACKUP once it is over; None when another one took its place there meanwhile."""
    began, wait = time.monotonic(), _SHORTEST_WAIT
    try:
        while True:
            shown = _shown(run.warehouse, backup)
            passed = time.monotonic() - began
            if shown is not None and shown["State"] in _OVER:
                return shown
            if shown is None and repositories.snapshot(run.warehouse, backup.label).is_whole:
                return None
            _give_up(run, backup, shown, passed)
            if shown is not None:
                log.info("backup", label=backup.label, state=shown["State"], progress=shown["Progress"])
            time.sleep(wait)
            wait = min(wait * 1.5, _LONGEST_WAIT)
    except Stopped:
        run.note(f"backup {backup.label} goes on in StarRocks; the next ./run backup of this night waits for it")
        raise


def _give_up(run: Run, backup: Backup, shown: Row | None, passed: float) -> None:
    if shown is None and passed > _APPEARS_SECONDS:
        _record(run, backup, CANCELLED, error="accepted, then neither shown nor in the repository")
        raise Refused(
            f"backup {backup.label}: accepted by StarRocks, but neither SHOW BACKUP nor the repository knows it",
            hint="./run backup",
        )
    if shown is not None and passed > settings().backup_timeout:
        raise Told(
            f"backup {backup.label} is still {shown['State']} after {passed:.0f} s; it goes on in StarRocks",
            hint=f"./run backup waits for it; CANCEL BACKUP FROM {run.warehouse.database} ends it",
        )


def _record(
    run: Run, backup: Backup, state: str, *, shown: Row | None = None, timestamp: str = "", error: str = ""
) -> None:
    values = {
        "label": backup.label,
        "repository": settings().backup_repository,
        "cycle": backup.cycle,
        "state": state,
        "snapshot_at": _instant(shown, "SnapshotFinishedTime"),
        "finished_at": _instant(shown, "FinishedTime"),
        "timestamp": timestamp,
        "objects": backup.objects,
        "row_counts": json.dumps(backup.row_counts),
        "run_id": run.run_id,
        "error": error[:1000],
    }
    names, marks = ", ".join(quote(name) for name in values), ", ".join(["%s"] * len(values))
    run.warehouse.write(f"INSERT INTO ops_backup ({names}) VALUES ({marks})", list(values.values()))


def _instant(shown: Row | None, column: str) -> datetime | None:
    """A time of SHOW BACKUP, which is in the zone of the frontend: UTC, as ./run doctor makes sure."""
    try:
        return datetime.fromisoformat(str(shown[column])) if shown else None
    except ValueError:
        return None
