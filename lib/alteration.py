"""Executes one statement of a migration and waits until it has really been done.

ALTER TABLE answers OK when the change has been queued; the job's row in SHOW ALTER TABLE tells how it ended, and may
appear later than the OK (docs/en/sql-reference/sql-statements/table_bucket_part_index/SHOW_ALTER.md).
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from lib import columns, log, statements
from lib.errors import Misconfigured, Refused, Told
from lib.settings import settings
from lib.warehouse import Row, Warehouse, quote
from lib.warehouse_errors import SERVICE

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

FINISHED, CANCELLED = "FINISHED", "CANCELLED"
_SHORTEST_WAIT, _LONGEST_WAIT = 0.1, 5.0
# How long the row of a queued change may take to appear. A change that needs no job never has one.
_ROW_APPEARS_SECONDS = 10.0
_COLUMN_WORDS = (
    "ADD COLUMN",
    "DROP COLUMN",
    "MODIFY COLUMN",
    "RENAME COLUMN",
    "ORDER BY",
    "ADD INDEX",
    "DROP INDEX",
)


def execute(warehouse: Warehouse, path: Path, statement: str) -> None:
    """Executes a statement; of an ALTER TABLE with a job, waits until the job has finished.

    An ALTER whose effect is there already is left out. Raises `Refused` with StarRocks' reason when the job was
    cancelled, `Told` when it has not ended within STARROCKS_READ_TIMEOUT: it goes on, and a rerun waits for it.
    """
    altered = _target(statement)
    if altered is None or warehouse.dry_run:
        if altered is None or not _is_done(warehouse, path, statement, *altered):
            warehouse.write(statement)
        return
    table, kind = altered
    before = _newest(warehouse, kind, table)
    if before is not None and before["State"] not in (FINISHED, CANCELLED):
        before = _wait(warehouse, kind, table, after=int(before["JobId"]) - 1)
    if _is_done(warehouse, path, statement, table, kind):
        return
    warehouse.write(statement)
    job = _wait(warehouse, kind, table, after=int(before["JobId"]) if before else -1)
    if job is not None and job["State"] == CANCELLED:
        raise Refused(
            f"{path}: ALTER TABLE {table} was cancelled by StarRocks (job {job['JobId']}): {job['Msg']}",
            hint="remove the cause, then ./run migrate: it goes on with this statement",
        )


def _target(statement: str) -> tuple[str, str] | None:
    """Table and kind of the job (COLUMN, ROLLUP, OPTIMIZE) of an ALTER that has one; None for other statements."""
    words = [token.text for token in statements.tokens(statement)]
    if [word.upper() for word in words[:2]] != ["ALTER", "TABLE"] or len(words) < 4:
        return None
    at = 4 if words[3] == "." else 2
    table, action = words[at], " ".join(word.upper() for word in words[at + 1 : at + 3])
    if action.startswith(_COLUMN_WORDS):
        return table, "COLUMN"
    if action in ("ADD ROLLUP", "DROP ROLLUP"):
        return table, "ROLLUP"
    if action.startswith(("DISTRIBUTED BY", "PARTITION BY")):
        return table, "OPTIMIZE"
    return None


def _is_done(warehouse: Warehouse, path: Path, statement: str, table: str, kind: str) -> bool:
    """Whether every column that the statement adds is there, every one that it drops or renames gone."""
    from sqlglot import exp

    if kind != "COLUMN":
        return False
    try:
        actions = statements.parse(path, statement).args.get("actions") or []
    except Misconfigured:
        # StarRocks knows forms of ALTER that the parser does not; without a look ahead it is simply executed.
        return False
    there = columns.names(warehouse, table)

    def done(action: Expr) -> bool:
        if isinstance(action, exp.ColumnDef):
            return action.name.lower() in there
        if isinstance(action, exp.Drop):
            return not any(column.name.lower() in there for column in action.find_all(exp.Column))
        if isinstance(action, exp.RenameColumn):
            return action.this.name.lower() not in there and action.args["to"].name.lower() in there
        return False

    return bool(actions) and all(done(action) for action in actions)


def _newest(warehouse: Warehouse, kind: str, table: str) -> Row | None:
    # Not ORDER BY CreateTime LIMIT 1: that is exact to the second only, and two jobs fit into one.
    sql = f"SHOW ALTER TABLE {kind} FROM {quote(warehouse.database)} WHERE TableName = %s"
    rows = warehouse.read(sql, (table,))
    return max(rows, key=lambda row: int(row["JobId"]), default=None)


def _wait(warehouse: Warehouse, kind: str, table: str, *, after: int) -> Row | None:
    """The first job after a given one, once it has ended; None when no row of it appears."""
    began, wait = time.monotonic(), _SHORTEST_WAIT
    while True:
        job = _newest(warehouse, kind, table)
        passed = time.monotonic() - began
        if job is None or int(job["JobId"]) <= after:
            if passed > _ROW_APPEARS_SECONDS:
                return None
        elif job["State"] in (FINISHED, CANCELLED):
            return job
        elif passed > settings().starrocks_read_timeout:
            raise Told(
                f"{SERVICE}: ALTER TABLE {table}: job {job['JobId']} is {job['State']} after {passed:.0f} s",
                hint=f"SHOW ALTER TABLE {kind} FROM {warehouse.database}; then ./run migrate, which goes on waiting",
            )
        else:
            log.info(
                "alter_waits",
                table=table,
                alter_job=job["JobId"],
                state=job["State"],
                progress=job.get("Progress"),
            )
        time.sleep(wait)
        wait = min(wait * 1.5, _LONGEST_WAIT)
