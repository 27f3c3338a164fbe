"""BACKUP: a database at one instant, as Parquet and JSON in a repository.

The rows and the catalogue are read in one DuckDB read transaction, so the snapshot is one point in time: more
than StarRocks promises across tables. Users, roles, grants, tasks, configuration and variables are not in it,
as in StarRocks. Sources: fe/fe-core/src/main/java/com/starrocks/backup/BackupJob.java, BackupHandler.java.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emulator.backup.jobs import JobRun
from emulator.backup.repositories import Repository, stamp
from emulator.backup.store import COMMON_ERROR, StoreError
from emulator.errors import analysis, failed
from emulator.storage import partitions
from emulator.storage.catalog import Table, quoted
from emulator.storage.engine import Engine
from emulator.storage.writing import visible, visible_names


@dataclass(frozen=True)
class Wanted:
    """One object of a backup or a restore: `kind` is a kind of the catalogue, `name` '' = all of the kind."""

    kind: str
    name: str = ""
    partitions: tuple[str, ...] = ()
    alias: str = ""

    def to_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "partitions": list(self.partitions), "alias": self.alias}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Wanted:
        return cls(body["kind"], body["name"], tuple(body["partitions"]), body["alias"])


def chosen(engine: Engine, db: str, wanted: list[Wanted]) -> list[Wanted]:
    """The objects by name. An empty list means the whole database.

    Raises 1064 for one that is not there.
    """
    found: list[Wanted] = []
    for each in wanted or [Wanted("table"), Wanted("view"), Wanted("materialized_view")]:
        if not each.name:
            found += [
                Wanted(each.kind, item.name) for item in engine.all(each.kind, db) if not _is_store(engine, each, item)
            ]
            continue
        kind = "materialized_view" if engine.materialized_view(db, each.name) else each.kind
        if kind == "table" and engine.view(db, each.name):
            kind = "view"
        if engine.get(kind, db, each.name) is None:
            raise analysis(f"Incorrect table name '{each.name}'")
        if kind == "table":
            _check_partitions(engine, engine.table(db, each.name), each)
        found.append(Wanted(kind, each.name, each.partitions))
    return found


def _is_store(engine: Engine, wanted: Wanted, item: Any) -> bool:
    """A materialized view's rows are a table of the same name; it is listed once, as what it is."""
    return wanted.kind == "table" and engine.materialized_view(item.db, item.name) is not None


def _check_partitions(engine: Engine, table: Table, wanted: Wanted) -> None:
    known = visible_names(engine, table)
    for name in wanted.partitions:
        if name not in known:
            raise analysis(f"partition[{name}] does not exist  in table{table.name}")


def run(run: JobRun) -> None:
    """The states of a backup job, from PENDING to FINISHED."""
    repository = Repository(**run.engine.get("repository", "", run.body["repository"]))
    run.enter("PENDING")
    folder = run.engine.spool / f"backup_{run.body['id']}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    label, files, timestamp = run.body["label"], [], ""
    try:
        run.enter("SNAPSHOTING")
        cut = time.time()
        timestamp = stamp(cut, "-")
        content = _export(run, folder)
        files = [entry["file"] for entry in content if "file" in entry]
        run.enter("UPLOAD_SNAPSHOT", snapshot_finished=cut)
        run.enter("UPLOADING")
        for name in files:
            repository.upload(label, folder / name)
        run.enter("SAVE_META", upload_finished=time.time())
        info = {"snapshot": label, "database": run.body["db"], "timestamp": timestamp, "objects": content}
        run.enter("UPLOAD_INFO")
        repository.publish(label, timestamp, info)
    except BaseException:
        with contextlib.suppress(StoreError):  # why the backup failed is what is told
            repository.discard(label, timestamp, files)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    run.end("FINISHED", status="[OK]")


def _export(run: JobRun, folder: Path) -> list[dict[str, Any]]:
    """Catalogue and rows at one instant; the files go to the spool, where DuckDB may write."""
    cursor, content = run.cursor, []
    objects = [Wanted.from_json(each) for each in run.body["objects"]]
    cursor.execute("begin transaction")
    try:
        rows = cursor.execute(
            "select kind, name, body from default_catalog.__sr.obj where db = ? or kind = 'visible'", [run.body["db"]]
        ).fetchall()
        bodies = {(kind, name): json.loads(body) for kind, name, body in rows}
        for number, wanted in enumerate(objects):
            body = bodies.get((wanted.kind, wanted.name))
            if body is None:
                raise failed(f"table {wanted.name} was dropped before the snapshot was taken", COMMON_ERROR)
            entry: dict[str, Any] = {"kind": wanted.kind, "name": wanted.name, "body": body}
            if wanted.kind != "view":
                entry |= _export_rows(run, wanted, bodies, folder / f"{run.body['id']}_{number}.parquet")
            content.append(entry)
    finally:
        cursor.execute("rollback")
    return content


def _export_rows(run: JobRun, wanted: Wanted, bodies: dict[tuple[str, str], Any], path: Path) -> dict[str, Any]:
    stored = bodies["table", wanted.name]
    table = Table.from_json(stored)
    versions = bodies.get(("visible", str(table.id))) or visible(run.engine, table)
    names = sorted(wanted.partitions or versions["partitions"])
    condition = f" where {partitions.predicate(table, names, names)}" if wanted.partitions else ""
    target = str(path).replace("'", "''")
    # Parquet has no integers of 128 bits: DuckDB would write floats.
    kinds = {quoted(column.name): column.sql_type.duckdb.replace("HUGEINT", "VARCHAR") for column in table.columns}
    listed = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in kinds.items())
    copied = f"copy (select {listed} from {table.physical}{condition}) to '{target}' (format parquet, compression zstd)"
    row = run.cursor.execute(copied).fetchone()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"table": stored, "partitions": names, "rows": row[0] if row else 0, "file": path.name, "sha256": digest}
