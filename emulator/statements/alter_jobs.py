"""ALTER TABLE of columns as jobs: PENDING, WAITING_TXN, RUNNING, FINISHED or CANCELLED; SHOW and CANCEL of them.

What fast schema evolution can do is done at once, and its job is FINISHED when the statement ends. Anything else is a
job that stays `async_delay_ms` in each state; only then the rows are rewritten, in one unit of work, and the change is
visible. Until then the table takes no other ALTER. A job that the end of the server has cut off starts again.
With a delay of 0 a job ends before its statement does.
Source: `fe/fe-core/src/main/java/com/starrocks/alter/SchemaChangeJobV2.java`, `SchemaChangeHandler.java`;
`fe/fe-core/src/main/java/com/starrocks/common/InvalidOlapTableStateException.java`.
"""

from __future__ import annotations

import dataclasses
import time
from typing import TYPE_CHECKING, Any

import duckdb

from emulator import async_jobs
from emulator.async_jobs import Cancelled, Job, Stopped
from emulator.errors import StarRocksError, failed, unsupported
from emulator.hooks import table_changed
from emulator.information_schema.registry import moment
from emulator.results import Ok, Result
from emulator.sql.reader import Reader
from emulator.statements.alter_modify import Change
from emulator.statements.alter_rows import rewritten
from emulator.statements.registry import statement
from emulator.statements.show_filter import filtered
from emulator.storage.catalog import Table
from emulator.storage.engine import Engine, Unit

if TYPE_CHECKING:
    from emulator.server import Server
    from emulator.session import Session

KIND = "alter_job"
PENDING, WAITING, RUNNING, FINISHED, CANCELLED = "PENDING", "WAITING_TXN", "RUNNING", "FINISHED", "CANCELLED"
_SEE = "https://docs.starrocks.io/docs/sql-reference/sql-statements/table_bucket_part_index/SHOW_ALTER"


def refuse_while_running(engine: Engine, table: Table) -> None:
    """Raise StarRocks' refusal while a job changes the table."""
    if running(engine, table) is not None:
        raise failed(
            f"A schema change operation is in progress on the table {table.name}."
            " Please wait until the current operation completes."
            f" To check the status of the operation, see {_SEE}"
        )


def running(engine: Engine, table: Table) -> dict[str, Any] | None:
    """The record of the job that changes a table now."""
    found = (job for job in engine.all(KIND, table.db) if job["table_id"] == table.id and _is_open(job))
    return next(found, None)


def _is_open(job: dict[str, Any]) -> bool:
    return job.get("state", FINISHED) not in (FINISHED, CANCELLED)


def submit(session: Session, change: Change) -> None:
    """Make the change: now when StarRocks does, else as a job."""
    server = session.server
    number = session.engine.next_id()
    record = {
        "id": number,
        "table": change.old.name,
        "table_id": change.old.id,
        "created": time.time(),
        "state": PENDING,
        "index_id": session.engine.next_id(),
        "target": change.table.to_json(),
        "renamed": change.renamed,
    }
    if change.fast:
        with session.engine.write(session.cursor) as unit:
            _apply(server, unit, change.old, record)
            _put(unit, change.old.db, {**record, "state": FINISHED})
        return
    with session.engine.write(session.cursor) as unit:
        _put(unit, change.old.db, record)
    if server.async_delay_ms == 0:
        _finish(server, change.old.db, record, session.cursor)
    else:
        _start(server, change.old.db, record)


def recover(server: Server) -> None:
    """Start the jobs again that the end of the server has cut off."""
    for (db, _), record in list(server.engine.items(KIND).items()):
        if _is_open(record):
            _start(server, db, record)


def _start(server: Server, db: str, record: dict[str, Any]) -> None:
    async_jobs.of(server.engine).start(f"alter {record['table_id']}", lambda job: _run(server, db, record, job))


def _run(server: Server, db: str, record: dict[str, Any], job: Job) -> None:
    cursor = server.engine.cursor()
    try:
        for state in (WAITING, RUNNING):
            job.pause()
            with server.engine.write(cursor) as unit:
                _put(unit, db, {**record, "state": state})
        job.pause()
        _finish(server, db, record, cursor)
    except Stopped:
        raise
    except Cancelled as reason:
        _cancel(server, db, record, str(reason), cursor)
    finally:
        cursor.close()


def _finish(server: Server, db: str, record: dict[str, Any], cursor: duckdb.DuckDBPyConnection) -> None:
    """Rewrite the rows and end the job; what stands against it cancels the job."""
    try:
        table = _table(server.engine, db, record["table_id"])
        with server.engine.write(cursor) as unit:
            _apply(server, unit, table, record)
            _put(unit, db, {**record, "state": FINISHED})
    except (StarRocksError, duckdb.Error) as error:
        _cancel(server, db, record, str(getattr(error, "message", error)), cursor)


def _table(engine: Engine, db: str, number: int) -> Table:
    found = next((table for table in engine.all("table", db) if table.id == number), None)
    if found is None:
        raise failed(f"Table {number} does not exist")
    return found  # type: ignore[no-any-return]


def _cancel(server: Server, db: str, record: dict[str, Any], reason: str, cursor: duckdb.DuckDBPyConnection) -> None:
    with server.engine.write(cursor) as unit:
        _put(unit, db, {**record, "state": CANCELLED, "msg": reason})


def _put(unit: Unit, db: str, record: dict[str, Any]) -> None:
    body = dict(record)
    if not _is_open(record):
        body["finished"] = time.time()
        del body["target"], body["renamed"]
    unit.put(KIND, db, str(record["id"]), body)


def _apply(server: Server, unit: Unit, old: Table, record: dict[str, Any]) -> None:
    """The new definition and its rows."""
    target = Table.from_json(record["target"])
    new = dataclasses.replace(
        old,
        columns=target.columns,
        keys=target.keys,
        distribution=target.distribution,
        order_by=target.order_by,
        partition_by=target.partition_by,
        partition_columns=target.partition_columns,
        store=record["index_id"],
    )
    rewritten(unit, old, new, record["renamed"])
    unit.save(new)
    kept = {column.name: column.type for column in new.columns}
    gone = [column.name for column in old.columns if kept.get(column.name) != column.type]
    if gone:
        reason = f"base table schema changed for columns: {','.join(gone)}"
        table_changed(server, unit, new.db, new.name, reason)


@statement("CANCEL ALTER TABLE")
def cancel_alter(session: Session, reader: Reader) -> Result:
    """CANCEL ALTER TABLE [COLUMN] FROM t."""
    kind = reader.accept_any("COLUMN", "ROLLUP", "OPTIMIZE") or "COLUMN"
    if kind != "COLUMN":
        raise unsupported(f"CANCEL ALTER TABLE {kind}")
    reader.expect("FROM")
    db, name = reader.qualified_name()
    reader.end()
    table = session.engine.table(session.db_of(db), name)
    job = async_jobs.of(session.engine).find(f"alter {table.id}")
    if running(session.engine, table) is None or job is None:
        raise failed(f"Table[{name}] is not under SCHEMA_CHANGE/WAITING_STABLE.")
    job.cancel("user cancelled")
    job.join(10)
    return Ok()


@statement("SHOW ALTER TABLE COLUMN")
def show_alter_column(session: Session, reader: Reader) -> Result:
    """SHOW ALTER TABLE COLUMN [FROM db] [WHERE ..] [ORDER BY ..] [LIMIT ..]."""
    db = session.db_of(reader.qualified_name()[1] if reader.accept("FROM") or reader.accept("IN") else "")
    names = [
        "JobId:bigint",
        "TableName",
        "CreateTime:datetime",
        "FinishTime:datetime",
        "IndexName",
        "IndexId:bigint",
        "OriginIndexId:bigint",
        "SchemaVersion",
        "TransactionId:bigint",
        "State",
        "Msg",
        "Progress",
        "Timeout:bigint",
    ]
    seen = [job for job in session.engine.all(KIND, db) if not session.access.hides(db, job["table"])]
    listed = [_shown(job) for job in seen]
    return filtered(session, reader, names, sorted(listed, key=lambda row: int(row[0])), like_column=1)


def _shown(job: dict[str, Any]) -> list[Any]:
    state = job.get("state", FINISHED)
    return [
        job["id"],
        job["table"],
        moment(job["created"]),
        moment(job.get("finished", job["created"] if state == FINISHED else None)),
        job["table"],
        job["index_id"],
        job["table_id"],
        "1:0",
        job["id"],
        state,
        job.get("msg", ""),
        "0%" if state == RUNNING else None,
        86400,
    ]


@statement("SHOW ALTER TABLE ROLLUP", "SHOW ALTER TABLE OPTIMIZE", "SHOW ALTER MATERIALIZED VIEW")
def show_alter_other(session: Session, reader: Reader) -> Result:
    """SHOW ALTER TABLE ROLLUP | OPTIMIZE, SHOW ALTER MATERIALIZED VIEW.

    Differs: always empty, such jobs never run here.
    """
    session.db_of(reader.qualified_name()[1] if reader.accept("FROM") or reader.accept("IN") else "")
    return filtered(session, reader, ["JobId", "TableName", "CreateTime", "FinishTime", "State", "Msg", "Progress"], [])
