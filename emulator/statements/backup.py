"""BACKUP and RESTORE, and the SHOW and CANCEL statements of both.

Grammar: backupStatement, restoreStatement in StarRocks.g4; columns and messages:
fe/fe-core/src/main/java/com/starrocks/backup/, sql/analyzer/BackupRestoreAnalyzer.java.

Differs: a snapshot is one instant of the whole database; its files are Parquet, which StarRocks cannot read; a job that
a stop has cut off begins anew after the start.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from emulator.backup import backup, jobs, restore, running
from emulator.backup.backup import Wanted
from emulator.backup.jobs import BACKUP, RESTORE
from emulator.backup.repositories import Repository, stamp
from emulator.backup.store import COMMON_ERROR, StoreError
from emulator.errors import analysis, failed, unsupported
from emulator.people.privileges import CATALOG, DEFAULT_CATALOG, TABLE
from emulator.results import Ok, Result, rows
from emulator.sql.reader import Reader
from emulator.statements.registry import statement
from emulator.statements.repositories import named

if TYPE_CHECKING:
    from emulator.session import Session

LEAST_TIMEOUT = 600
DEFAULT_TIMEOUT = 86400
BACKUP_COLUMNS = (
    "JobId", "SnapshotName", "DbName", "State", "BackupObjs", "CreateTime", "SnapshotFinishedTime",
    "UploadFinishedTime", "FinishedTime", "UnfinishedTasks", "Progress", "TaskErrMsg", "Status", "Timeout",
)  # fmt: skip
RESTORE_COLUMNS = (
    "JobId", "Label", "Timestamp", "DbName", "State", "AllowLoad", "ReplicationNum", "RestoreObjs", "CreateTime",
    "MetaPreparedTime", "SnapshotFinishedTime", "DownloadFinishedTime", "FinishedTime", "UnfinishedTasks", "Progress",
    "TaskErrMsg", "Status", "Timeout",
)  # fmt: skip


@statement("BACKUP")
def backup_statement(session: Session, reader: Reader) -> Result:
    """BACKUP [DATABASE db] SNAPSHOT [db.]snapshot TO repository [ON (...)] [PROPERTIES (...)]."""
    if reader.next_is("ALL") or reader.next_is("EXTERNAL"):
        raise unsupported("BACKUP EXTERNAL CATALOG")
    given = reader.identifier() if reader.accept("DATABASE") else ""
    reader.expect("SNAPSHOT")
    prefix, label = reader.qualified_name()
    if given and prefix:
        raise analysis("Can not specify database both in DATABASE and in the snapshot's name", COMMON_ERROR)
    reader.expect("TO")
    repository = named(session, reader.identifier())
    wanted = _objects(reader)
    timeout, properties = _timeout(reader.properties() if reader.accept("PROPERTIES") else {})
    reader.end()
    kind = properties.pop("type", "full")
    if kind.upper() not in ("FULL", "INCREMENTAL"):
        raise analysis(f"Invalid backup job type: {kind}", COMMON_ERROR)
    if properties:
        raise analysis(f"Unknown backup job properties: [{', '.join(properties)}]", COMMON_ERROR)
    db = session.db_of(given or prefix)
    if repository.read_only:
        raise failed(f"Repository {repository.name} is read only", COMMON_ERROR)
    if kind.upper() != "FULL":
        raise failed("Currently does not support incremental backup", COMMON_ERROR)
    if any(each.alias for each in wanted):
        raise analysis("Can not set alias for table in Backup Stmt")
    if label in repository.snapshots():
        raise failed(f"Snapshot with name '{label}' already exist in repository", COMMON_ERROR)
    chosen = backup.chosen(session.engine, db, wanted)
    for each in chosen:
        if each.kind == "table":
            session.access.need("EXPORT", db, each.name, TABLE)
    objects = [each.to_json() for each in chosen]
    body = {**_job(session, BACKUP, db, label, repository, timeout), "objects": objects}
    running.submit(session.engine, session.cursor, body)
    return Ok()


@statement("RESTORE")
def restore_statement(session: Session, reader: Reader) -> Result:
    """RESTORE SNAPSHOT [db.]snapshot FROM repository [DATABASE a [AS b]] [ON (...)] PROPERTIES (...)."""
    reader.expect("SNAPSHOT")
    prefix, label = reader.qualified_name()
    reader.expect("FROM")
    repository = named(session, reader.identifier())
    if reader.next_is("ALL") or reader.next_is("EXTERNAL"):
        raise unsupported("RESTORE EXTERNAL CATALOG")
    source = target = ""
    if reader.accept("DATABASE"):
        source = reader.identifier()
        target = reader.identifier() if reader.accept("AS") else ""
    wanted = _objects(reader)
    timeout, properties = _timeout(reader.properties() if reader.accept("PROPERTIES") else {})
    reader.end()
    timestamp = properties.pop("backup_timestamp", "")
    if not timestamp:
        raise analysis("Missing backup_timestamp property", COMMON_ERROR)
    replication = int(properties.pop("replication_num", session.engine.config("default_replication_num")))
    allow_load = properties.pop("allow_load", "false").lower()
    if allow_load not in ("true", "false"):
        raise analysis(f"Invalid allow load value: {allow_load}", COMMON_ERROR)
    properties.pop("meta_version", None)
    if properties:
        raise analysis(f"Unknown restore job properties: [{', '.join(properties)}]", COMMON_ERROR)
    info = _info(repository, label, timestamp)
    if source and source != info["database"]:
        raise failed(f"target database: {source} is not existed in snapshot", COMMON_ERROR)
    db = prefix or target or source or session.database or info["database"]
    chosen = restore.chosen(info, wanted)
    _need_restore(session, db, [each.alias or each.name for each in chosen] if wanted else [])
    objects = [each.to_json() for each in chosen]
    with session.engine.write(session.cursor) as unit:
        restore.target_database(session.engine, unit, db)
    job = _job(session, RESTORE, db, label, repository, timeout)
    body = {**job, "objects": objects, "timestamp": timestamp, "replication_num": replication, "allow_load": allow_load}
    running.submit(session.engine, session.cursor, body)
    return Ok()


def _need_restore(session: Session, db: str, names: list[str]) -> None:
    """CREATE DATABASE for a whole database; for single tables CREATE TABLE, and INSERT into those that are there."""
    access = session.access
    if not names and not access.allows(CATALOG, "CREATE DATABASE", (DEFAULT_CATALOG,)):
        raise access.denied("CREATE DATABASE", CATALOG, DEFAULT_CATALOG)
    if names:
        access.need_on_database("CREATE TABLE", db)
    for name in names:
        if session.engine.get("table", db, name) is not None:
            access.need("INSERT", db, name)


def _info(repository: Repository, label: str, timestamp: str) -> dict[str, Any]:
    try:
        info = repository.info(label, timestamp)
        if info is not None:
            return info
        reason = "no such timestamp" if repository.timestamps(label) else "snapshot does not exist"
    except StoreError as error:
        reason = error.message
    raise failed(
        f"Failed to get info of snapshot '{label}' because: {reason}. Maybe specified wrong backup timestamp",
        COMMON_ERROR,
    )


def _job(session: Session, kind: str, db: str, label: str, repository: Repository, timeout: int) -> dict[str, Any]:
    return {
        "id": session.engine.next_id(), "kind": kind, "db": db, "label": label, "repository": repository.name,
        "state": "PENDING", "created": time.time(), "timeout": timeout, "status": "[OK]",
    }  # fmt: skip


def _timeout(properties: dict[str, str]) -> tuple[int, dict[str, str]]:
    left = {key.lower(): value for key, value in properties.items()}
    text = left.pop("timeout", str(DEFAULT_TIMEOUT))
    if not text.isdigit():
        raise analysis(f"Invalid timeout format: {text}", COMMON_ERROR)
    if int(text) < LEAST_TIMEOUT:
        raise analysis("timeout must be at least 10 min", COMMON_ERROR)
    return int(text), left


def _objects(reader: Reader) -> list[Wanted]:
    """`ON (TABLE t PARTITION (p) AS u, ALL VIEWS, MATERIALIZED VIEW mv, t2)`."""
    found: list[Wanted] = []
    if not reader.accept("ON"):
        return found
    reader.expect("(")
    while not found or reader.accept(","):
        found.append(_object(reader))
    reader.expect(")")
    names = [each.name.lower() for each in found if each.name]
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise analysis(f"Duplicated table: {repeated}")
    for each in found:
        if each.alias and (each.alias.lower() in names or sum(other.alias == each.alias for other in found) > 1):
            raise analysis(f"Duplicated alias name: {each.alias}")
    return found


def _object(reader: Reader) -> Wanted:
    every = reader.accept("ALL")
    kind = "table"
    if reader.accept("MATERIALIZED"):
        kind = "materialized_view"
        if not reader.accept_any("VIEW", "VIEWS"):
            reader.fail()
    elif reader.accept_any("VIEW", "VIEWS"):
        kind = "view"
    elif reader.accept_any("FUNCTION", "FUNCTIONS"):
        raise unsupported("BACKUP and RESTORE of functions")
    elif not reader.accept_any("TABLE", "TABLES") and every:
        reader.fail()
    if every:
        return Wanted(kind)
    _, name = reader.qualified_name()
    partitions: tuple[str, ...] = ()
    if reader.accept_any("PARTITION", "PARTITIONS"):
        partitions = reader.identifiers()
    return Wanted(kind, name, partitions, reader.identifier() if reader.accept("AS") else "")


@statement("SHOW BACKUP")
def show_backup(session: Session, reader: Reader) -> Result:
    """The last job of the database, when it is a backup; nothing otherwise."""
    body = _last(session, reader, BACKUP)
    if body is None:
        return rows(BACKUP_COLUMNS, [])
    objects = ", ".join(f"[{body['db']}.{each['name']}]" for each in body["objects"])
    times = (_time(body, name) for name in ("created", "snapshot_finished", "upload_finished", "finished"))
    head = (str(body["id"]), body["label"], body["db"], body["state"], objects)
    return rows(BACKUP_COLUMNS, [(*head, *times, "", "", "", body["status"], str(body["timeout"]))])


@statement("SHOW RESTORE")
def show_restore(session: Session, reader: Reader) -> Result:
    """The last job of the database, when it is a restore; nothing otherwise."""
    body = _last(session, reader, RESTORE)
    if body is None:
        return rows(RESTORE_COLUMNS, [])
    names = ("created", "meta_prepared", "snapshot_finished", "download_finished", "finished")
    objects = json.dumps({each["name"]: each["alias"] or each["name"] for each in body["objects"]})
    head = (str(body["id"]), body["label"], body["timestamp"], body["db"], body["state"], body["allow_load"])
    values = (*head, str(body["replication_num"]), objects, *(_time(body, name) for name in names))
    return rows(RESTORE_COLUMNS, [(*values, "", "", "", body["status"], str(body["timeout"]))])


def _last(session: Session, reader: Reader, kind: str) -> dict[str, Any] | None:
    given = reader.identifier() if reader.accept_any("FROM", "IN") else ""
    if not reader.at_end():
        raise unsupported(f"SHOW {kind} with a condition")
    if not given and not session.database:
        return None
    return jobs.last_of(session.engine, kind, session.db_of(given))


def _time(body: dict[str, Any], name: str) -> str | None:
    return stamp(body[name]) if body.get(name) else None


@statement("CANCEL BACKUP")
def cancel_backup(session: Session, reader: Reader) -> Result:
    """CANCEL BACKUP [FROM db]."""
    return _cancel(session, reader, BACKUP)


@statement("CANCEL RESTORE")
def cancel_restore(session: Session, reader: Reader) -> Result:
    """CANCEL RESTORE [FROM db]."""
    return _cancel(session, reader, RESTORE)


def _cancel(session: Session, reader: Reader, kind: str) -> Result:
    given = reader.identifier() if reader.accept_any("FROM", "IN") else ""
    reader.end()
    running.cancel(session.engine, kind, session.db_of(given))
    return Ok()
