"""CREATE, ALTER, PAUSE, RESUME, STOP, SHOW ROUTINE LOAD: jobs that exist and change state, and load nothing.

Grammar: fe/fe-grammar/src/main/antlr/com/starrocks/grammar/StarRocks.g4, rules createRoutineLoadStatement to
showCreateRoutineLoadStatement; what is shown: .../load/routineload/{RoutineLoadJob,KafkaRoutineLoadJob}.java.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from emulator.errors import analysis, failed, unsupported
from emulator.information_schema.registry import moment, system_table
from emulator.results import Ok, Result
from emulator.sql.reader import Reader
from emulator.statements.registry import statement
from emulator.statements.routine_load_properties import DEFAULTS, check_job, check_kafka, partitions_of
from emulator.statements.show_filter import filtered
from emulator.storage import routine_loads
from emulator.storage.routine_loads import FINAL, MANUAL_PAUSE, MANUAL_STOP, NEED_SCHEDULE, PAUSED, STOPPED, Job

if TYPE_CHECKING:
    from emulator.server import Server
    from emulator.session import Session

COLUMNS = [
    "Id",
    "Name",
    "CreateTime:datetime",
    "PauseTime:datetime",
    "EndTime:datetime",
    "DbName",
    "TableName",
    "State",
    "DataSourceType",
    "CurrentTaskNum",
    "JobProperties",
    "DataSourceProperties",
    "CustomProperties",
    "Statistic",
    "Progress",
    "TimestampProgress",
    "ReasonOfStateChanged",
    "ErrorLogUrls",
    "TrackingSQL",
    "OtherMsg",
    "LatestSourcePosition",
    "OffsetLag",
]
TASK_COLUMNS = [
    "TaskId",
    "TxnId",
    "TxnStatus",
    "JobId",
    "CreateTime",
    "LastScheduledTime",
    "ExecuteStartTime",
    "Timeout",
    "BeId",
    "DataSourceProperties",
    "Message",
]
STATISTIC = {
    "totalRows": 0,
    "loadedRows": 0,
    "errorRows": 0,
    "unselectedRows": 0,
    "receivedBytes": 0,
    "taskExecuteTimeMs": 1,
    "receivedBytesRate": 0,
    "loadRowsRate": 0,
    "committedTaskNum": 0,
    "abortedTaskNum": 0,
    "partitionLagTime": {},
}


@statement("CREATE ROUTINE LOAD")
def create(session: Session, reader: Reader) -> Result:
    """CREATE ROUTINE LOAD [db.]job ON t [clauses] [PROPERTIES (..)] FROM KAFKA (..)."""
    named, name = reader.qualified_name()
    db = session.db_of(named)
    reader.expect("ON")
    table = session.engine.table(db, reader.qualified_name()[1])
    session.access.need("INSERT", db, table.name, "TABLE")
    load = _clauses(reader)
    properties = check_job(reader.properties() if reader.accept("PROPERTIES") else {})
    reader.expect("FROM")
    kind = reader.identifier().upper()
    if kind == "PULSAR":
        raise unsupported("CREATE ROUTINE LOAD FROM PULSAR")
    if kind != "KAFKA":
        raise analysis(f"routine load job does not support this type {kind}")
    source, custom, partitions = check_kafka(reader.properties() if reader.next_is("(") else {})
    reader.end()
    jobs = routine_loads.jobs(session.engine, db)
    if any(job.name == name and job.state not in FINAL for job in jobs):
        raise failed(f"Name {name} already used in db {db}")
    timezone = str(session.variables.get("time_zone"))
    now, number = time.time(), session.engine.next_id()
    kept = {**DEFAULTS, "timezone": timezone, **properties}
    job = Job(number, db, name, table.name, table.id, now, now, load=load, properties=kept, source=source)
    routine_loads.save(session.engine, replace(job, custom=custom, partitions=partitions))
    return Ok()


def _clauses(reader: Reader) -> dict[str, str]:
    """COLUMNS TERMINATED BY, ROWS TERMINATED BY, COLUMNS (..), WHERE .., PARTITIONS (..), in any order."""
    found: dict[str, str] = {}
    while not reader.at_end() and not reader.next_is("PROPERTIES") and not reader.next_is("FROM"):
        if reader.accept("COLUMNS", "TERMINATED", "BY"):
            found["separator"] = reader.string()
        elif reader.accept("ROWS", "TERMINATED", "BY"):
            found["delimiter"] = reader.string()
        elif reader.accept("COLUMNS"):
            found["columns"] = reader.bracketed()
        elif reader.accept("WHERE"):
            found["where"] = _condition(reader)
        elif reader.accept("TEMPORARY"):
            raise unsupported("ROUTINE LOAD into TEMPORARY PARTITION")
        elif reader.accept_any("PARTITIONS", "PARTITION"):
            found["partitions"] = ",".join(reader.identifiers())
        else:
            reader.fail()
        reader.accept(",")
    return found


def _condition(reader: Reader) -> str:
    """The source of an expression up to the next clause."""
    start, depth = reader.at, 0
    while (token := reader.peek()) is not None:
        if depth == 0 and any(reader.next_is(word) for word in (",", "PROPERTIES", "FROM")):
            break
        depth += (token.text == "(") - (token.text == ")")
        reader.take()
    return reader.source(start, reader.at)


def _into(session: Session, reader: Reader, state: str, why: str = "") -> Result:
    """Bring the job that the statement names into another state."""
    job = _named(session, reader)
    reader.end()
    routine_loads.change(session.engine, job, state, why)
    return Ok()


def _named(session: Session, reader: Reader) -> Job:
    reader.expect("FOR")
    named, name = reader.qualified_name()
    job = routine_loads.operable(session.engine, session.db_of(named), name)
    session.access.need("INSERT", job.db, job.table, "TABLE")
    return job


@statement("PAUSE ROUTINE LOAD")
def pause(session: Session, reader: Reader) -> Result:
    """PAUSE ROUTINE LOAD FOR [db.]job."""
    why = routine_loads.reason(MANUAL_PAUSE, f"User {session.user} pauses routine load job")
    return _into(session, reader, PAUSED, why)


@statement("RESUME ROUTINE LOAD")
def resume(session: Session, reader: Reader) -> Result:
    """RESUME ROUTINE LOAD FOR [db.]job."""
    return _into(session, reader, NEED_SCHEDULE)


@statement("STOP ROUTINE LOAD")
def stop(session: Session, reader: Reader) -> Result:
    """STOP ROUTINE LOAD FOR [db.]job: for good."""
    why = routine_loads.reason(MANUAL_STOP, f"User  {session.user} stop routine load job")
    return _into(session, reader, STOPPED, why)


@statement("ALTER ROUTINE LOAD")
def alter(session: Session, reader: Reader) -> Result:
    """ALTER ROUTINE LOAD FOR [db.]job [clauses] [PROPERTIES (..)] [FROM KAFKA (..)], of a paused job."""
    job = _named(session, reader)
    load = _clauses(reader)
    properties = check_job(reader.properties() if reader.accept("PROPERTIES") else {})
    given: dict[str, str] = {}
    if reader.accept("FROM"):
        kind = reader.identifier().upper()
        if kind != "KAFKA":
            raise failed(f"The specified job type is not: {kind}")
        given = reader.properties()
    reader.end()
    if job.state != PAUSED:
        raise failed("Only supports modification of PAUSED jobs")
    source = {**job.source, **{name: text for name, text in given.items() if not name.startswith("property.")}}
    custom = {**job.custom, **{n.removeprefix("property."): t for n, t in given.items() if n.startswith("property.")}}
    partitions = {**job.partitions, **partitions_of(source, custom)}
    changed = replace(job, load={**job.load, **load}, properties={**job.properties, **properties}, source=source)
    routine_loads.save(session.engine, replace(changed, custom=custom, partitions=partitions))
    return Ok()


@statement("SHOW [ALL] ROUTINE LOAD")
def show(session: Session, reader: Reader) -> Result:
    """SHOW [ALL] ROUTINE LOAD [FOR [db.]job] [FROM db] [WHERE ..]: without ALL those that have not ended."""
    history = reader.tokens[1].text.upper() == "ALL"
    named, name = reader.qualified_name() if reader.accept("FOR") else ("", "")
    db = session.db_of(reader.identifier() if reader.accept("FROM") else named)
    listed = [job for job in routine_loads.jobs(session.engine, db) if history or job.state not in FINAL]
    visible = [job for job in listed if not session.access.hides(db, job.table)]
    rows = [_row(job) for job in visible if not name or job.name == name]
    if name and not rows:
        raise analysis(
            f"There is no running job named {name} in db {db}. Include history? {str(history).lower()}, you can try"
            " `show all routine load job for job_name` if you want to list stopped and cancelled jobs"
        )
    return filtered(session, reader, COLUMNS, rows)


def _row(job: Job) -> list[Any]:
    """A row of SHOW ROUTINE LOAD: nothing was read, so there is no progress."""
    source = {"topic": job.source["kafka_topic"], "currentKafkaPartitions": ",".join(job.partitions)}
    custom = {name: "******" if "password" in name else text for name, text in job.custom.items()}
    return [
        str(job.id),
        job.name,
        moment(job.created),
        moment(job.paused),
        moment(job.ended),
        job.db,
        job.table,
        job.state,
        "KAFKA",
        "0",
        _json(_job_properties(job)),
        _json({**source, "brokerList": job.source["kafka_broker_list"]}),
        _json(custom),
        _json(STATISTIC),
        _json(job.partitions),
        "{}",
        job.reason if job.state in (PAUSED, routine_loads.CANCELLED) else "",
        "",
        "",
        "",
        "{}",
        "{}",
    ]


def _job_properties(job: Job) -> dict[str, str]:
    kept, load = job.properties, job.load
    shape = {"dataFormat": "json"} if kept["format"].lower() == "json" else {}
    if not shape:
        shape = {"columnSeparator": load.get("separator", "\t"), "rowDelimiter": load.get("delimiter", "\n")}
    return {
        "partitions": load.get("partitions", "*"),
        "columnToColumnExpr": load.get("columns", "*"),
        "whereExpr": load.get("where", "*"),
        **shape,
        "maxErrorNum": kept["max_error_number"],
        "maxFilterRatio": kept["max_filter_ratio"],
        "maxBatchIntervalS": kept["max_batch_interval"],
        "maxBatchRows": kept["max_batch_rows"],
        "currentTaskConcurrentNum": "0",
        "desireTaskConcurrentNum": kept["desired_concurrent_number"],
        "taskConsumeSecond": kept["task_consume_second"],
        "taskTimeoutSecond": kept["task_timeout_second"],
        **{name: kept[name] for name in ("format", "jsonpaths", "strip_outer_array", "json_root")},
        **{name: kept[name] for name in ("strict_mode", "timezone", "partial_update", "log_rejected_record_num")},
    }


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@statement("SHOW ROUTINE LOAD TASK")
def show_tasks(session: Session, reader: Reader) -> Result:
    """No job has a task here: none reads anything."""
    session.db_of(reader.identifier() if reader.accept("FROM") else "")
    return filtered(session, reader, TASK_COLUMNS, [])


@system_table(
    "routine_load_jobs",
    "ID:bigint NAME CREATE_TIME:datetime PAUSE_TIME:datetime END_TIME:datetime DB_NAME TABLE_NAME STATE"
    " DATA_SOURCE_TYPE CURRENT_TASK_NUM:bigint JOB_PROPERTIES DATA_SOURCE_PROPERTIES CUSTOM_PROPERTIES STATISTICS"
    " PROGRESS REASONS_OF_STATE_CHANGED ERROR_LOG_URLS TRACKING_SQL OTHER_MSG LATEST_SOURCE_POSITION:json"
    " OFFSET_LAG:json TIMESTAMP_PROGRESS:json",
)
def routine_load_jobs(session: Session) -> Iterable[Sequence[Any]]:
    """Every job of every database, ended ones too."""
    for job in routine_loads.jobs(session.engine):
        row = _row(job)
        yield (int(row[0]), *row[1:9], 0, *row[10:15], *row[16:20], "{}", "{}", "{}")


def put_into_pause(server: Server, wanted: Any) -> None:
    """The fault `pause_routine_load`: {"job": "db.name", "reason": "..", "code": 102}. Raises ValueError."""
    if not isinstance(wanted, dict) or "." not in str(wanted.get("job", "")):
        raise ValueError('pause_routine_load is {"job": "db.name", "reason": "..", "code": 102}')
    db, _, name = str(wanted["job"]).partition(".")
    code = int(wanted.get("code", routine_loads.TOO_MANY_FAILURES))
    message = str(wanted.get("reason", "current error rows is more than max error num"))
    job = routine_loads.operable(server.engine, db, name)
    routine_loads.change(server.engine, job, PAUSED, routine_loads.reason(code, message))
