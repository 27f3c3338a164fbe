"""RESTORE: objects of a snapshot back into a database, all in one unit of work.

A table that exists with the same schema is overwritten, one with another schema cancels the job; views and materialized
views come back, the latter inactive. Source: fe/fe-core/src/main/java/com/starrocks/backup/RestoreJob.java.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from emulator.backup.backup import Wanted
from emulator.backup.jobs import JobRun
from emulator.backup.repositories import Repository
from emulator.backup.store import COMMON_ERROR
from emulator.errors import failed
from emulator.storage import partitions
from emulator.storage.catalog import Database, MaterializedView, Table, View, quoted, stored_columns
from emulator.storage.engine import RESTORING, Engine, Unit
from emulator.storage.writing import visible

BACKENDS = 1
INACTIVE = (
    "Set the materialized view {} inactive because it's in backup and will be activated after restore if possible"
)


def chosen(info: dict[str, Any], wanted: list[Wanted]) -> list[Wanted]:
    """The snapshot's objects that are wanted, with their names in the target. An empty list means all.

    Raises 5064 for what the snapshot does not hold.
    """
    held = {entry["name"]: entry for entry in info["objects"]}
    found: list[Wanted] = []
    for each in wanted or [Wanted("table"), Wanted("view"), Wanted("materialized_view")]:
        if not each.name:
            found += [Wanted(e["kind"], e["name"]) for e in info["objects"] if e["kind"] == each.kind]
            continue
        entry = held.get(each.name)
        if entry is None:
            raise failed(f"Table {each.name} does not exist in snapshot {info['snapshot']}", COMMON_ERROR)
        for name in each.partitions:
            if name not in entry.get("partitions", ()):
                message = f"Partition {name} of table {each.name} does not exist in snapshot {info['snapshot']}"
                raise failed(message, COMMON_ERROR)
        found.append(Wanted(entry["kind"], each.name, each.partitions, each.alias))
    return found


def run(run: JobRun) -> None:
    """The states of a restore job, from PENDING to FINISHED."""
    body = run.body
    repository = Repository(**run.engine.get("repository", "", body["repository"]))
    run.enter("PENDING")
    info = repository.info(body["label"], body["timestamp"])
    if info is None:
        raise failed(f"Failed to read backup meta from file of snapshot {body['label']}", COMMON_ERROR)
    entries = {entry["name"]: entry for entry in info["objects"]}
    wanted = [Wanted.from_json(each) for each in body["objects"]]
    _check(run, wanted, entries)
    folder = run.engine.spool / f"restore_{body['id']}"
    try:
        _close(run, wanted)
        run.enter("SNAPSHOTING", meta_prepared=time.time())
        run.enter("DOWNLOAD", snapshot_finished=time.time())
        run.enter("DOWNLOADING")
        _download(repository, body["label"], [entries[each.name] for each in wanted], folder)
        run.enter("COMMIT", download_finished=time.time())
        run.enter("COMMITTING")
        with run.engine.write(run.cursor) as unit:
            for each in wanted:
                _restore(run.engine, unit, body["db"], each, entries[each.name], folder)
            _open(run, unit, wanted)
            run.end("FINISHED", unit, status="[OK]")
    except BaseException:
        with run.engine.write(run.cursor) as unit:
            _open(run, unit, wanted)
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _close(run: JobRun, wanted: list[Wanted]) -> None:
    """Tables that are there can be neither read nor written until the end (`OlapTableState.RESTORE`)."""
    with run.engine.write(run.cursor) as unit:
        for each in wanted:
            name = each.alias or each.name
            if run.engine.get("table", run.body["db"], name) is not None:
                unit.put(RESTORING, run.body["db"], name, {"job": run.body["id"]})


def _open(run: JobRun, unit: Unit, wanted: list[Wanted]) -> None:
    for each in wanted:
        unit.delete(RESTORING, run.body["db"], each.alias or each.name)


def _check(run: JobRun, wanted: list[Wanted], entries: dict[str, Any]) -> None:
    for each in wanted:
        name = each.alias or each.name
        if run.body["replication_num"] > BACKENDS and each.kind != "view":
            number = run.body["replication_num"]
            raise failed(f"failed to find {number} different hosts to create table: {each.name}", COMMON_ERROR)
        there = run.engine.get("table", run.body["db"], name)
        if there is not None and each.kind != "view":
            _check_same(there, Table.from_json(entries[each.name]["table"]), name)
        is_view = run.engine.view(run.body["db"], name) is not None
        if (there is not None and each.kind == "view") or (is_view and each.kind != "view"):
            raise failed(
                f"Table: {name} has existed and it is not a {'View' if each.kind == 'view' else 'table'}", COMMON_ERROR
            )


def _check_same(there: Table, saved: Table, name: str) -> None:
    """Raises what StarRocks says when a table of the name has another schema."""
    if there.model != saved.model or there.keys != saved.keys:
        raise failed(f"Table {name} already exist but with different key type", COMMON_ERROR)
    mine = [(column.name.lower(), column.type, column.nullable) for column in there.columns]
    theirs = [(column.name.lower(), column.type, column.nullable) for column in saved.columns]
    if mine != theirs or there.partition_by != saved.partition_by:
        differing = [name for name, *_ in set(theirs) ^ set(mine)]
        message = f"Table {name} already exist but with different schema, column: {', '.join(sorted(set(differing)))}"
        raise failed(message, COMMON_ERROR)


def _download(repository: Repository, label: str, entries: list[dict[str, Any]], folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for entry in entries:
        if "file" not in entry:
            continue
        target = folder / entry["file"]
        if target.parent != folder:
            raise failed(f"Failed to read backup meta from file of snapshot {label}", COMMON_ERROR)
        repository.download(label, target)
        with target.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != entry["sha256"]:
            raise failed(f"md5sum mismatch: file {entry['file']} of table {entry['name']} is damaged", COMMON_ERROR)


def _restore(engine: Engine, unit: Unit, db: str, wanted: Wanted, entry: dict[str, Any], folder: Path) -> None:
    name = wanted.alias or wanted.name
    if wanted.kind == "view":
        there = engine.view(db, name)
        saved = View.from_json(entry["body"])
        unit.save(replace(saved, db=db, name=name, id=there.id if there else engine.next_id()))
        return
    table = _restore_rows(engine, unit, db, name, wanted, entry, folder)
    if wanted.kind == "materialized_view":
        saved_view = MaterializedView.from_json(entry["body"])
        more = {key: value for key, value in saved_view.more.items() if key != "base_versions"}
        reason = INACTIVE.format(name)
        unit.save(replace(saved_view, db=db, name=name, id=table.id, active=False, inactive_reason=reason, more=more))


def _restore_rows(
    engine: Engine, unit: Unit, db: str, name: str, wanted: Wanted, entry: dict[str, Any], folder: Path
) -> Table:
    """The table with the snapshot's rows; of an existing one only the wanted partitions are replaced."""
    saved = Table.from_json(entry["table"])
    there: Table | None = engine.get("table", db, name)
    names = list(wanted.partitions or entry["partitions"])
    path = str(folder / entry["file"]).replace("'", "''")
    condition = f" where {partitions.predicate(saved, names, names)}" if wanted.partitions else ""
    if there is not None:
        table = replace(there, comment=saved.comment)
        unit.execute(f"delete from {table.physical}{condition}")
    else:
        table = replace(saved, db=db, name=name, id=engine.next_id(), store=0, created=time.time())
        unit.execute(f"create table {table.physical} ({stored_columns(table.columns)})")
    listed = ", ".join(quoted(column.name) for column in table.columns)
    values = ", ".join(f"cast({quoted(column.name)} as {column.sql_type.duckdb})" for column in table.columns)
    unit.execute(f"insert into {table.physical} ({listed}) select {values} from read_parquet('{path}'){condition}")
    unit.save(table)
    _mark(engine, unit, table, names, bool(wanted.partitions))
    return table


def _mark(engine: Engine, unit: Unit, table: Table, names: list[str], partial: bool) -> None:
    """The restored partitions have a new version; others stay or, in a whole restore, are gone."""
    before = visible(engine, table)
    listed = dict(before["partitions"]) if partial or not table.partition_by else {}
    restored = names if table.partition_by else [table.name]
    for name in restored:
        old = before["partitions"].get(name) or {"id": engine.next_id(), "version": 1}
        listed[name] = {"id": old["id"], "version": old["version"] + 1, "time": time.time()}
    unit.put("visible", "", str(table.id), {"version": before["version"] + 1, "partitions": listed})


def target_database(engine: Engine, unit: Unit, name: str) -> None:
    """Make the database of a restore when it is missing."""
    if engine.get("database", "", name) is None:
        unit.save(Database(name, engine.next_id()))
