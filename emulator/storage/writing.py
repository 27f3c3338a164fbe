"""From staged rows to the table: what StarRocks would filter, and the change inside a unit of work.

A writer (INSERT, UPDATE, DELETE, Stream Load) first puts its rows into a *stage*: a temporary DuckDB table on its
own cursor whose columns have the target's names and DuckDB types, in the order of arrival (rowid); made with
`new_stage(cursor, select)`. Then it asks `faults` what StarRocks would filter, builds a `Batch`, and gives it to
the transaction; at commit `apply` changes the table inside the unit of work. The stage lives until `drop_stage`.
What the rows mean for each table model: emulator.storage.merging.
"""

import dataclasses
import time

import duckdb

from emulator.errors import analysis, failed
from emulator.storage import auto_increment, partitions
from emulator.storage.batch import OP, Batch, Kind, drop_stage, new_stage
from emulator.storage.catalog import PRIMARY, Table, quoted
from emulator.storage.defaults import default_sql, required_missing
from emulator.storage.engine import Engine, Unit
from emulator.storage.merging import merge
from emulator.storage.visibility import visible, visible_names

__all__ = [
    "OP",
    "Batch",
    "Kind",
    "apply",
    "check_strict",
    "default_sql",
    "drop_stage",
    "fault_sql",
    "faults",
    "new_stage",
    "require_primary",
    "required_missing",
    "touch",
    "visible",
    "visible_names",
]
OUT_OF_PARTITIONS = "The row is out of partition ranges. Please add a new partition."


def fault_sql(table: Table, columns: tuple[str, ...]) -> str:
    """DuckDB expression over a staged row: NULL for a good one, else StarRocks' reason for filtering it.

    Checks NULL in NOT NULL columns, the length of texts in bytes, and that a partition takes the row; ranges of
    numbers are kept by the types.
    Source of the texts: `be/src/exec/tablet_sink.cpp`.
    """
    cases = []
    for name in columns:
        column = table.column(name)
        if column is None:
            continue
        value, label = quoted(name), name.replace("'", "''")
        if not column.nullable or column.auto_increment:
            cases.append(f"when {value} is null then 'NULL value in non-nullable column ''{label}'''")
        sql_type = column.sql_type
        if sql_type.is_text:
            cases.append(
                f"when strlen({value}) > {sql_type.length} then "
                f"'String ''' || left({value}, 100) || ''' is too long. "
                f"The type of ''{label}'' is {sql_type.desc.upper()}'"
            )
    if table.declared_partitions:
        cases.append(f"when {partitions.outside(table, columns)} then '{OUT_OF_PARTITIONS}'")
    return f"case {' '.join(cases)} end" if cases else "cast(null as varchar)"


def faults(cursor: duckdb.DuckDBPyConnection, table: Table, stage: str, columns: tuple[str, ...]) -> list[str]:
    """The reasons, one a bad row, at most 50; empty = every row of the stage fits."""
    expression = fault_sql(table, columns)
    if expression.startswith("cast"):
        return []
    query = f"select fault from (select {expression} fault from {stage}) where fault is not null limit 50"
    return [row[0] for row in cursor.execute(query).fetchall()]


def check_strict(cursor: duckdb.DuckDBPyConnection, table: Table, stage: str, columns: tuple[str, ...]) -> None:
    """Raise StarRocks' error when a row does not fit (INSERT with `enable_insert_strict`)."""
    found = faults(cursor, table, stage, columns)
    if found:
        raise failed(f"Insert has filtered data. first_error_msg = {found[0]}")


def apply(engine: Engine, unit: Unit, batch: Batch) -> int:
    """Change the table as the batch says, inside `unit`; give the number of rows to report.

    The table is looked up again by id: renamed meanwhile is fine, dropped or changed is an error (1064), except for
    columns that came or went and that the rows do not need.
    """
    table = _current(engine, batch)
    batch = dataclasses.replace(batch, columns=tuple(name for name in batch.columns if table.column(name) is not None))
    if batch.kind == "delete_where":
        deleted = unit.execute(f"delete from {table.physical} where {batch.scope}").fetchone()
        _mark(engine, unit, table, visible_names(engine, table))
        return int(deleted[0]) if deleted else 0
    batch, first_number = _numbered(engine, unit, table, batch)
    touched = _touched(unit, table, batch)
    if batch.kind == "overwrite":
        scope = partitions.predicate(table, touched, touched) if batch.scope == "*" and touched else batch.scope
        if batch.scope != "*" or touched:
            unit.execute(f"delete from {table.physical} where {scope or 'true'}")
    merge(unit, table, batch, first_number)
    _mark(engine, unit, table, touched or visible_names(engine, table))
    return batch.rows


def _touched(unit: Unit, table: Table, batch: Batch) -> list[str]:
    """The partitions that the staged rows belong to; a batch that deletes by key has the partition columns in it."""
    if not table.partition_by:
        return [table.name]
    return partitions.names_of_staged(unit.cursor, table, batch.stage, batch.columns)


def _numbered(engine: Engine, unit: Unit, table: Table, batch: Batch) -> tuple[Batch, int]:
    """Give the rows of the stage their numbers when the batch leaves an AUTO_INCREMENT column out.

    A partial update keeps the numbers of stored rows, and takes the others when it meets them.
    """
    column = auto_increment.column_of(table)
    if column is None or column.name in batch.columns or batch.kind == "delete" or not batch.rows:
        return batch, 1
    first = auto_increment.take(engine, unit, table, batch.rows)
    if batch.partial and not column.key:
        return batch, first
    name = quoted(column.name)
    unit.execute(f"alter table {batch.stage} add column {name} bigint")
    unit.execute(f"update {batch.stage} set {name} = {first} + rowid")
    return dataclasses.replace(batch, columns=(*batch.columns, column.name)), first


def _current(engine: Engine, batch: Batch) -> Table:
    table = batch.table
    if table.temporary:
        return table
    found: Table | None = engine.get("table", table.db, table.name)
    if found is None or found.id != table.id:
        found = next((each for each in engine.all("table", table.db) if each.id == table.id), None)
    if found is None or not _fits(batch, found):
        raise failed(f"table {table.qualified} was changed or dropped while its rows were on the way")
    gone = {each.name for each in table.partitions} - {each.name for each in found.partitions}
    if gone:
        raise failed(f"partition {min(gone)} of table {table.qualified} was dropped while rows were on the way")
    return found


def _fits(batch: Batch, found: Table) -> bool:
    """Whether rows that were staged for a table still fit it: fast schema evolution may have gone by."""
    if batch.table.columns == found.columns:
        return True
    if batch.table.keys != found.keys or batch.kind == "delete_where":
        return False
    named = {column.name: column for column in found.columns}
    old = {column.name: column for column in batch.table.columns}
    came = [column for name, column in named.items() if name not in old]
    return all(named[name] == old[name] for name in batch.columns if name in named) and all(
        column.has_default for column in came if column.generated is None
    )


def _mark(engine: Engine, unit: Unit, table: Table, names: list[str]) -> None:
    """Remember that these partitions have a new version now."""
    if table.temporary:
        return
    before = unit.changes.get(("visible", "", str(table.id))) or visible(engine, table)
    version, listed = before["version"] + 1, dict(before["partitions"])
    for name in names:
        old = listed.get(name) or {"id": engine.next_id(), "version": 1}
        listed[name] = {"id": old["id"], "version": old["version"] + 1, "time": time.time()}
    unit.put("visible", "", str(table.id), {"version": version, "partitions": listed})


def require_primary(table: Table, what: str) -> None:
    """Raise StarRocks' refusal of `what` (for example UPDATE) on other models."""
    if table.model != PRIMARY:
        raise analysis(f"only primary key table support {what}" if what else "table is not a primary key table")


def touch(engine: Engine, unit: Unit, table: Table, names: list[str]) -> None:
    """Give partitions (none named: all) a new version, for a write that `apply` did not do."""
    _mark(engine, unit, table, names or visible_names(engine, table))
