"""CREATE/DROP REPOSITORY, SHOW REPOSITORIES and SHOW SNAPSHOT.

Grammar: createRepositoryStatement, showSnapshotStatement in StarRocks.g4; columns and messages:
fe/fe-core/src/main/java/com/starrocks/backup/Repository.java, RepositoryMgr.java, sql/analyzer/RepositoryAnalyzer.java.

Differs: repositories are folders (`file://`) and buckets (`s3://`, `s3a://`) only, and SHOW REPOSITORIES asks them at
once.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from emulator.backup import jobs
from emulator.backup.repositories import Repository, stamp
from emulator.backup.store import COMMON_ERROR, StoreError
from emulator.errors import StarRocksError, analysis, failed
from emulator.people.naming import check_common_name
from emulator.results import Ok, Result, rows
from emulator.sql.reader import Reader
from emulator.statements.registry import statement

if TYPE_CHECKING:
    from emulator.session import Session


@statement("CREATE [READ ONLY] REPOSITORY")
def createnamed(session: Session, reader: Reader) -> Result:
    """CREATE [READ ONLY] REPOSITORY r WITH BROKER ON LOCATION "s3://bucket/path" PROPERTIES (...)."""
    read_only = reader.tokens[1].text.upper() == "READ"
    name = reader.identifier()
    check_common_name("repository", name)
    reader.expect("WITH", "BROKER")
    broker = "" if reader.next_is("ON") else reader.word_or_string()
    reader.expect("ON", "LOCATION")
    location = reader.string().rstrip("/")
    properties = reader.properties() if reader.accept("PROPERTIES") else {}
    reader.end()
    if broker:
        raise failed(f"broker does not exist: {broker}", COMMON_ERROR)
    if session.engine.get("repository", "", name) is not None:
        raise failed(f"repository with same name already exist: {name}", COMMON_ERROR)
    repository = Repository(session.engine.next_id(), name, location, read_only, time.time(), broker, properties)
    repository.open()
    with session.engine.write(session.cursor) as unit:
        unit.put("repository", "", name, repository.to_json())
    return Ok()


@statement("DROP REPOSITORY")
def dropnamed(session: Session, reader: Reader) -> Result:
    """Forget a repository; its files stay."""
    name = reader.identifier()
    reader.end()
    named(session, name, "Repository does not exist")
    for body in session.engine.items(jobs.KIND).values():
        if body["repository"] == name and body["state"] not in jobs.DONE:
            raise failed("Backup or restore job is running on this repository. Can not drop it", COMMON_ERROR)
    with session.engine.write(session.cursor) as unit:
        unit.delete("repository", "", name)
    return Ok()


@statement("SHOW REPOSITORIES")
def show_repositories(session: Session, reader: Reader) -> Result:
    """Every repository, and what is wrong with its store; no properties."""
    reader.end()
    found = [Repository(**body) for body in session.engine.all("repository")]
    names = ("RepoId", "RepoName", "CreateTime", "IsReadOnly", "Location", "Broker", "ErrMsg")
    values = [
        (
            str(r.id),
            r.name,
            stamp(r.created),
            str(r.read_only).lower(),
            r.location,
            r.broker or "-",
            r.fault() or "NULL",
        )
        for r in found
    ]
    return rows(names, values)


def named(session: Session, name: str, message: str = "") -> Repository:
    """The repository of that name. Raises 5064 when there is none."""
    body = session.engine.get("repository", "", name)
    if body is None:
        if message:
            raise analysis(message, COMMON_ERROR)
        raise analysis(f"Repository [{name}] does not exist", COMMON_ERROR)
    return Repository(**body)


@statement("SHOW SNAPSHOT")
def show_snapshot(session: Session, reader: Reader) -> Result:
    """SHOW SNAPSHOT ON repository [WHERE SNAPSHOT = 's' [AND TIMESTAMP = 't']]."""
    reader.expect("ON")
    repository = named(session, reader.identifier())
    wanted: dict[str, str] = {}
    if reader.accept("WHERE"):
        while not wanted or reader.accept("AND"):
            column = reader.accept_any("SNAPSHOT", "TIMESTAMP")
            if column is None:
                reader.fail()
            reader.expect("=")
            wanted[str(column)] = reader.string()
    reader.end()
    if not wanted:
        return rows(("Snapshot", "Timestamp", "Status"), _snapshots(repository))
    if "SNAPSHOT" not in wanted:
        raise StarRocksError(
            1064, "Where clause should looks like: SNAPSHOT = 'your_snapshot_name' [AND TIMESTAMP = '...']"
        )
    return _snapshot_details(repository, wanted["SNAPSHOT"], wanted.get("TIMESTAMP", ""))


def _snapshots(repository: Repository) -> list[tuple[str, str, str]]:
    try:
        return [(name, "\n".join(repository.timestamps(name)), "OK") for name in repository.snapshots()]
    except StoreError as error:
        raise analysis(f"Failed to list snapshot in repo: {repository.name}, err: {error.message}") from error


def _snapshot_details(repository: Repository, name: str, timestamp: str) -> Result:
    titles = ("Snapshot", "Timestamp", "Database", "Details", "Status")
    values, reason = [], "snapshot or timestamp does not exist"
    try:
        for each in [timestamp] if timestamp else repository.timestamps(name):
            info = repository.info(name, each)
            if info is not None:
                objects = [{"name": e["name"], "partitions": e.get("partitions", [])} for e in info["objects"]]
                values.append((name, each, info["database"], json.dumps({"tables": objects}), "OK"))
    except StoreError as error:
        reason = error.message
    if not values:
        values.append((name, timestamp, "", "", f"ERROR: Failed to get info: {reason}"))
    return rows(titles, values)
