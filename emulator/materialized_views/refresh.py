"""Refresh of materialized views: task runs, one after another for each view, seen by everybody while they last.

A run computes the definition into a stage and replaces the view's rows, its own record and the view's
bookkeeping in one unit of work. Without FORCE a run whose bases did not change ends as SKIPPED. Task runs are
objects of kind `task_run` under their query id. Sources: fe/fe-core/src/main/java/com/starrocks/scheduler/
(TaskManager, MVTaskRunProcessor, Constants).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import duckdb

from emulator import async_jobs
from emulator.async_jobs import Job
from emulator.errors import StarRocksError, analysis, failed
from emulator.materialized_views import definitions
from emulator.materialized_views.definitions import current, name_of
from emulator.materialized_views.query import selected
from emulator.storage import partitions
from emulator.storage.catalog import MaterializedView, Table, quoted
from emulator.storage.engine import Engine
from emulator.storage.partitions import is_range
from emulator.storage.visibility import visible_names
from emulator.storage.writing import Batch, apply, drop_stage, new_stage

RUN = "task_run"
PENDING, RUNNING, SUCCESS, FAILED, SKIPPED = "PENDING", "RUNNING", "SUCCESS", "FAILED", "SKIPPED"
MOST_FAILURES = 10
WATCH_SECONDS = 1.0
TTL_SECONDS = 7 * 86400


def request(
    engine: Engine, cursor: duckdb.DuckDBPyConnection, mv: MaterializedView, user: str, *,
    force: bool = False, whole: bool = False, scope: Mapping[str, Any] = MappingProxyType({}),
) -> dict[str, Any]:  # fmt: skip
    """Record a run that waits for its turn. `scope`: `start` and `end` of a range, or `values` of partitions.

    `whole`: all partitions in one run, as WITH SYNC MODE does; else `partition_refresh_number` of them a run, and runs
    of the same job follow (fe/.../scheduler/mv/pct/MVPCTRefreshRangePartitioner.java, filterPartitionByRefreshNumber).

    Raises 1064 for a scope that the view's partitions cannot have.
    """
    limits = {"start": None, "end": None, "values": [], **scope}
    if any(limits.values()):
        _check_scope(engine.table(mv.db, mv.name), limits["values"])
    now = time.time()
    body = {
        "query_id": str(uuid.uuid1()), "job_id": str(uuid.uuid1()), "mv": mv.id, "task": name_of(mv), "db": mv.db,
        "definition": f"insert overwrite `{mv.name}` {mv.definition}", "user": user, "state": PENDING, "created": now,
        "started": None, "finished": None, "force": force, "error_code": 0, "error": "", "extra": {},
        "expires": now + TTL_SECONDS, "whole": whole, "only": None, "seen": None, **limits,
    }  # fmt: skip
    _save(engine, cursor, body)
    return body


def _check_scope(table: Table, values: list[list[str | None]]) -> None:
    if not table.partition_by:
        raise analysis("Not support refresh by partition for single partition mv")
    if values and is_range(table):
        raise analysis("Not support refresh by partition for non list partitioned mv")
    width = len(table.partition_columns)
    for each in values:
        if len(each) != width:
            raise analysis(f"Partition column size {width} is not match with input partition value's size {len(each)}")


def run_now(engine: Engine, cursor: duckdb.DuckDBPyConnection, body: dict[str, Any]) -> None:
    """Run in the calling thread. Raises 1064 `execute task mv-... failed: ...`."""
    done = _run(engine, cursor, body, None)
    if done["state"] == FAILED:
        raise failed(f"execute task {done['task']} failed: {done['error']}")


def run_later(engine: Engine, body: dict[str, Any]) -> None:
    """Run in a thread of its own."""

    def work(job: Job) -> None:
        cursor = engine.cursor()
        try:
            job.pause()
            _run_all(engine, cursor, body, job)
        finally:
            cursor.close()

    async_jobs.of(engine).start(f"refresh {body['task']}", work)


def _save(engine: Engine, cursor: duckdb.DuckDBPyConnection, body: dict[str, Any]) -> None:
    with engine.write(cursor) as unit:
        unit.put(RUN, body["db"], body["query_id"], body)


def _run_all(engine: Engine, cursor: duckdb.DuckDBPyConnection, body: dict[str, Any], job: Job | None) -> None:
    """A run and those that follow it for the partitions that are left."""
    following: dict[str, Any] | None = body
    while following is not None:
        following = _run(engine, cursor, following, job).get("following")


def _run(engine: Engine, cursor: duckdb.DuckDBPyConnection, body: dict[str, Any], job: Job | None) -> dict[str, Any]:
    """One run in its turn; gives its final record."""
    with async_jobs.of(engine).turn(body["task"]):
        body = {**body, "state": RUNNING, "started": time.time()}
        _save(engine, cursor, body)
        if job is not None:
            job.pause()
        try:
            return _refresh(engine, cursor, body)
        except StarRocksError as error:
            return _failed(engine, cursor, body, error.message)
        except duckdb.Error as error:
            return _failed(engine, cursor, body, str(error).splitlines()[0])


def _refresh(engine: Engine, cursor: duckdb.DuckDBPyConnection, body: dict[str, Any]) -> dict[str, Any]:
    mv = current(engine, body["mv"])
    if mv is None:
        raise failed(f"materialized view {body['task']} does not exist")
    if not mv.active:
        raise failed(f"Materialized view: {mv.name}/{mv.id} is not active due to {mv.inactive_reason}.")
    seen = body["seen"] or definitions.versions(engine, mv)
    ranged = bool(body["start"] or body["end"] or body.get("values"))
    if not body["force"] and not ranged and not body["only"] and mv.more.get("base_versions") == seen:
        return _finished(engine, cursor, body, mv, SKIPPED)
    table = engine.table(mv.db, mv.name)
    condition = _range(table, body)
    select = selected(engine, mv.db, mv.definition, table)
    wanted = _names(engine, cursor, table, f"({select}){f' where {condition}' if condition else ''}", body)
    number = len(wanted) if body["whole"] else _refresh_number(mv) or len(wanted)
    rest = wanted[number:]
    if rest or body["only"]:
        condition = partitions.predicate(table, wanted[:number], wanted)
        body = {**body, "refreshed": wanted[:number]}
    stage, count = new_stage(cursor, f"select * from ({select}){f' where {condition}' if condition else ''}")
    try:
        names = tuple(column.name for column in table.columns)
        batch = Batch(table, stage, names, count, kind="overwrite", scope=condition)
        following = {**_again(body), "only": rest, "seen": seen} if rest else None
        return _finished(engine, cursor, body, mv, SUCCESS, batch, None if ranged or rest else seen, following)
    finally:
        drop_stage(cursor, stage)


def _names(
    engine: Engine,
    cursor: duckdb.DuckDBPyConnection,
    table: Table,
    rows: str,
    body: dict[str, Any],
) -> list[str]:
    """The partitions that are to be refreshed, in their order: with rows by now, or with rows so far; [] for none."""
    if not table.partition_by or body["only"]:
        return list(body["only"] or ())
    found = cursor.execute(f"select distinct {partitions.name_sql(table)} from {rows}").fetchall()
    ranged = bool(body["start"] or body["end"] or body.get("values"))
    return sorted({row[0] for row in found} | set(() if ranged else visible_names(engine, table)))


def _refresh_number(mv: MaterializedView) -> int:
    """Partitions a run; 0 for all of them. Without the property it is `default_mv_partition_refresh_number`, 1."""
    return max(0, int(mv.properties.get("partition_refresh_number", "1")))


def _again(body: dict[str, Any]) -> dict[str, Any]:
    """The next run of the same job."""
    return {**body, "query_id": str(uuid.uuid1()), "state": PENDING, "created": time.time(), "started": None}


def _range(table: Table, body: dict[str, Any]) -> str:
    """Condition for the rows of PARTITION START (inclusive) END (exclusive), or of the listed ones; '' = all."""
    if not table.partition_columns:
        return ""
    if body.get("values"):
        return " or ".join(f"({_equals(table, each)})" for each in body["values"])
    column = quoted(table.partition_columns[0])
    parts = []
    for limit, sign in ((body["start"], ">="), (body["end"], "<")):
        if limit:
            text = str(limit).replace("'", "''")
            parts.append(f"{column} {sign} cast('{text}' as timestamp)")
    return " and ".join(parts)


def _equals(table: Table, values: list[str | None]) -> str:
    tests = []
    for name, value in zip(table.partition_columns, values, strict=True):
        column = table.column(name)
        kind = column.sql_type.duckdb if column is not None else "varchar"
        literal = "null" if value is None else "'" + value.replace("'", "''") + "'"
        tests.append(f"{quoted(name)} is not distinct from cast({literal} as {kind})")
    return " and ".join(tests)


def _finished(
    engine: Engine, cursor: duckdb.DuckDBPyConnection, body: dict[str, Any], mv: MaterializedView, state: str,
    batch: Batch | None = None, seen: dict[str, list[int]] | None = None, following: dict[str, Any] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write rows, view and record together, and the record of the run that follows."""
    with engine.write(cursor) as unit:
        if batch is not None:
            apply(engine, unit, batch)
        touched = (
            sorted(unit.changes.get(("visible", "", str(batch.table.id)), {}).get("partitions", ())) if batch else []
        )
        extra = {
            "forceRefresh": body["force"],
            "mvPartitionsToRefresh": body.get("refreshed", touched),
            "refBasePartitionsToRefreshMap": {},
            "basePartitionsToRefreshMap": {},
            "processStartTime": int(body["started"] * 1000),
            **_next(batch.table if batch else None, following),
        }
        done = {**body, "state": state, "finished": time.time(), "extra": extra}
        unit.put(RUN, body["db"], body["query_id"], done)
        if following is not None:
            unit.put(RUN, body["db"], following["query_id"], following)
        now = current(engine, mv.id)
        if now is None:
            raise failed(f"materialized view {mv.name} was dropped during its refresh")
        more = {**now.more, "last": done, "failures": 0}
        if seen is not None:
            more["base_versions"] = seen
        unit.save(replace(now, more=more))
    return {**done, "following": following}


def _next(table: Table | None, following: dict[str, Any] | None) -> dict[str, str]:
    """From where to where the next run goes: the bounds of a range, or the names of a list's partitions."""
    if table is None or following is None:
        start = end = ""
    elif is_range(table):
        first, last = (partitions.bounds(table, following["only"][at]) or ("", "") for at in (0, -1))
        start, end = first[0], last[1]
    else:
        start = end = ",".join(following["only"])
    return {"nextPartitionStart": start, "nextPartitionEnd": end}


def _failed(engine: Engine, cursor: duckdb.DuckDBPyConnection, body: dict[str, Any], message: str) -> dict[str, Any]:
    done = {**body, "state": FAILED, "finished": time.time(), "error_code": -1, "error": message}
    with engine.write(cursor) as unit:
        unit.put(RUN, body["db"], body["query_id"], done)
        mv = current(engine, body["mv"])
        if mv is not None:
            failures = int(mv.more.get("failures", 0)) + 1
            mv = definitions.renamed(mv, last=done, failures=failures)
            unit.save(mv)
            if mv.active and failures >= MOST_FAILURES:
                definitions.deactivate(engine, unit, mv, f"mv consecutive failures: {failures}")
    return done


def cancel(engine: Engine, cursor: duckdb.DuckDBPyConnection, mv: MaterializedView) -> None:
    """CANCEL REFRESH: runs that still wait end as FAILED; one at work is finished, as without FORCE in StarRocks."""
    for body in list(engine.items(RUN).values()):
        if body["mv"] == mv.id and body["state"] == PENDING:
            _save(engine, cursor, {**body, "state": FAILED, "finished": time.time(), "error": "User Cancelled"})


def watch(engine: Engine, mv: MaterializedView) -> None:
    """Keep an ASYNC view fresh: after each change of a base, or every so often (`every_seconds` in `more`)."""
    jobs, name = async_jobs.of(engine), f"watch {name_of(mv)}"
    if jobs.find(name) is not None:
        return

    def work(job: Job) -> None:
        cursor = engine.cursor()
        due = float(mv.more.get("start") or time.time())
        try:
            while (now := current(engine, mv.id)) is not None and now.refresh.upper().find("ASYNC") >= 0:
                every = now.more.get("every_seconds")
                changed = now.more.get("base_versions") != definitions.versions(engine, now)
                if now.active and (time.time() >= due if every else changed):
                    due = time.time() + (every or 0)
                    _run_all(engine, cursor, request(engine, cursor, now, "root"), job)
                job.pause(WATCH_SECONDS)
        finally:
            cursor.close()

    jobs.start(name, work)


def recover(engine: Engine) -> None:
    """After a start: runs that a crash cut off have failed; ASYNC views are watched again."""
    cursor = engine.cursor()
    try:
        for body in list(engine.items(RUN).values()):
            if body["state"] in (PENDING, RUNNING):
                _failed(engine, cursor, body, "fe abort the task due to restart")
        for mv in list(engine.items("materialized_view").values()):
            if "ASYNC" in mv.refresh.upper():
                watch(engine, mv)
    finally:
        cursor.close()
