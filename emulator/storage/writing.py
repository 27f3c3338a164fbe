"""What a write means for each table model: from staged rows to the table.

A writer (INSERT, UPDATE, DELETE, Stream Load) first puts its rows into a *stage*: a temporary DuckDB table on its
own cursor whose columns have the target's names and DuckDB types, in the order of arrival (rowid); made with
`new_stage(cursor, select)`. Then it asks `faults` what StarRocks would filter, builds a `Batch`, and gives it to
the transaction; at commit `apply` changes the table inside the unit of work. The stage lives until `drop_stage`.

PRIMARY: the last row of a key wins, DELETE USING + INSERT (no DuckDB index: 20 to 50 times faster in bulk), partial
update when `partial`, rows with `__op` = 1 delete, `merge_condition` keeps a stored row that is newer.
DUPLICATE: plain append. Source of the rules: `docs/en/table_design/table_types/`, `docs/en/loading/`.
"""

import itertools
import time
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from emulator.errors import analysis, failed
from emulator.storage import partitions
from emulator.storage.catalog import PRIMARY, Column, Table, quoted
from emulator.storage.engine import Engine, Unit

OP = "__op"
_counter = itertools.count(1)
MOST_KEY_BYTES = 128  # `primary_key_limit_size`, be/src/common/config.h
# Bytes of a key column in the encoded key.
_BYTES = {"boolean": 1, "tinyint": 1, "smallint": 2, "int": 4, "date": 4, "bigint": 8, "datetime": 8, "largeint": 16}
_NUMBERS = ("boolean", "tinyint", "smallint", "int", "bigint", "largeint", "float", "double", "decimal")
_EMPTY = {
    **dict.fromkeys(_NUMBERS, "0"),
    "char": "''",
    "varchar": "''",
    "date": "'0000-01-01'",
    "datetime": "'0000-01-01'",
}
Kind = Literal["insert", "overwrite", "delete", "delete_where"]


@dataclass(frozen=True)
class Batch:
    """Rows on their way into a table.

    `stage`: the staging table; `columns`: the target columns it has (others take defaults, or their stored
    values when `partial`); `has_op`: it also has `__op` (0 upsert, 1 delete). `kind`: insert; overwrite (`scope`
    is the DuckDB condition for the rows to remove, '' = all, '*' = the partitions of the new rows); delete (PRIMARY, by
    key); delete_where (`scope` is the condition). `rows`: rows to report as loaded.
    """

    table: Table
    stage: str
    columns: tuple[str, ...]
    rows: int
    kind: Kind = "insert"
    has_op: bool = False
    partial: bool = False
    merge_condition: str | None = None
    scope: str = ""


def new_stage(cursor: duckdb.DuckDBPyConnection, select: str, parameters: list[Any] | None = None) -> tuple[str, int]:
    """Run a DuckDB SELECT into a new stage on `cursor`; give its name and its number of rows."""
    name = f"temp.main.stage_{next(_counter)}"
    result = cursor.execute(f"create temp table {name.rsplit('.', 1)[1]} as {select}", parameters or [])
    row = result.fetchone()
    return name, int(row[0]) if row else 0


def drop_stage(cursor: duckdb.DuckDBPyConnection, stage: str) -> None:
    """Forget a stage; absent is no error."""
    if stage:
        cursor.execute(f"drop table if exists {stage}")


def default_sql(column: Column) -> str:
    """DuckDB expression for a column that a writer leaves out.

    Without a default NULL; where NULL is not allowed, which a partial update does not refuse, an empty text or zero
    (test/sql/test_insert_empty/R/test_insert_partial_update; be/src/types/value_generator.h).
    """
    if column.default is None:
        empty = "null" if column.nullable else _EMPTY.get(column.sql_type.name, "null")
        return f"cast({empty} as {column.sql_type.duckdb})"
    if column.default_is_function:
        return {
            "CURRENT_TIMESTAMP": "sr_now()",
            "uuid()": "cast(uuid() as varchar)",
            "uuid_numeric()": "cast(hash(uuid()) as hugeint)",
        }[column.default]
    text = "'" + column.default.replace("'", "''") + "'"
    return f"cast({text} as {column.sql_type.duckdb})"


def required_missing(table: Table, given: tuple[str, ...]) -> str | None:
    """The first column that must be given (NOT NULL, no default) and is not."""
    lowered = {name.lower() for name in given}
    missing = (c.name for c in table.plain_columns if not c.has_default and c.name.lower() not in lowered)
    return next(missing, None)


def fault_sql(table: Table, columns: tuple[str, ...]) -> str:
    """DuckDB expression over a staged row: NULL for a good one, else StarRocks' reason for filtering it.

    Checks NULL in NOT NULL columns and the length of texts in bytes; ranges of numbers are kept by the types.
    Source of the texts: `be/src/exec/tablet_sink.cpp`.
    """
    cases = []
    for name in columns:
        column = table.column(name)
        if column is None:
            continue
        value, label = quoted(name), name.replace("'", "''")
        if not column.nullable:
            cases.append(f"when {value} is null then 'NULL value in non-nullable column ''{label}'''")
        sql_type = column.sql_type
        if sql_type.is_text:
            cases.append(
                f"when strlen({value}) > {sql_type.length} then "
                f"'String ''' || left({value}, 100) || ''' is too long. "
                f"The type of ''{label}'' is {sql_type.desc.upper()}'"
            )
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

    The table is looked up again by id: renamed meanwhile is fine, dropped or changed is an error (1064).
    """
    table = _current(engine, batch.table)
    if batch.kind == "delete_where":
        deleted = unit.execute(f"delete from {table.physical} where {batch.scope}").fetchone()
        _mark(engine, unit, table, visible_names(engine, table))
        return int(deleted[0]) if deleted else 0
    touched = partitions.names_in(unit.cursor, table, batch.stage) if _knows_partition(table, batch) else []
    if batch.kind == "overwrite":
        scope = partitions.predicate(table, touched, touched) if batch.scope == "*" and touched else batch.scope
        if batch.scope != "*" or touched:
            unit.execute(f"delete from {table.physical} where {scope or 'true'}")
    if table.model == PRIMARY:
        _upsert(unit, table, batch)
    else:
        _append(unit, table, batch, batch.stage)
    _mark(engine, unit, table, touched or visible_names(engine, table))
    return batch.rows


def _knows_partition(table: Table, batch: Batch) -> bool:
    given = {name.lower() for name in batch.columns}
    return all(name.lower() in given for name in table.partition_columns)


def _current(engine: Engine, table: Table) -> Table:
    found: Table | None = engine.get("table", table.db, table.name)
    if found is None or found.id != table.id:
        found = next((each for each in engine.all("table", table.db) if each.id == table.id), None)
    if found is None or found.columns != table.columns:
        raise failed(f"table {table.qualified} was changed or dropped while its rows were on the way")
    return found


def _check_key_size(unit: Unit, table: Table, stage: str) -> None:
    """Raise for a key of more than 128 bytes (`be/src/storage/primary_key_encoder.cpp`, `encode_exceed_limit`)."""
    columns = [column for name in table.keys if (column := table.column(name)) is not None]
    fixed = sum(_BYTES.get(column.sql_type.name, 0) for column in columns)
    texts = [column for column in columns if column.sql_type.is_text]
    if not texts or fixed + sum((column.sql_type.length or 0) + 2 for column in texts) <= MOST_KEY_BYTES:
        return
    # Of the texts before the last column, where they end is part of the key.
    size = " + ".join(f"strlen({quoted(column.name)}) + {0 if column is columns[-1] else 2}" for column in texts)
    found = unit.cursor.execute(f"select 1 from {stage} where {size} + {fixed} > {MOST_KEY_BYTES} limit 1")
    if found.fetchone() is not None:
        raise failed("primary key size exceed the limit.")


def _upsert(unit: Unit, table: Table, batch: Batch) -> None:
    """Only the last row of each key counts; what is stored under the key goes away."""
    stage = batch.stage
    _check_key_size(unit, table, stage)
    keys = ", ".join(quoted(key) for key in table.keys)
    target = table.physical
    same = " and ".join(f"t.{quoted(key)} = s.{quoted(key)}" for key in table.keys)
    temporary: list[str] = []
    if batch.rows > 1:
        newest = f"select * from {stage} qualify row_number() over (partition by {keys} order by rowid desc) = 1"
        stage, _ = new_stage(unit.cursor, newest)
        temporary.append(stage)
    if batch.merge_condition:
        value = quoted(batch.merge_condition)
        newer = f"t.{value} is null or s.{value} >= t.{value}"
        kept = f"select s.* from {stage} s left join {target} t on {same} where {newer}"
        stage, _ = new_stage(unit.cursor, kept)
        temporary.append(stage)
    if batch.partial and batch.kind == "insert":
        stage, _ = new_stage(unit.cursor, _completed(table, batch, stage, same))
        temporary.append(stage)
    unit.execute(f"delete from {target} t using {stage} s where {same}")
    if batch.kind != "delete":
        columns = tuple(column.name for column in table.plain_columns) if batch.partial else batch.columns
        _append(unit, table, batch, stage, columns)
    for each in temporary:
        drop_stage(unit.cursor, each)


def _completed(table: Table, batch: Batch, stage: str, same: str) -> str:
    """A SELECT of whole rows: what the batch leaves out is taken from the stored row, or is the default."""
    given = {name.lower() for name in batch.columns}
    key = quoted(table.keys[0])
    values = [f"s.{OP}"] if batch.has_op else []
    for column in table.plain_columns:
        name = quoted(column.name)
        if column.name.lower() in given:
            values.append(f"s.{name}")
        else:
            values.append(f"case when t.{key} is not null then t.{name} else {default_sql(column)} end as {name}")
    return f"select {', '.join(values)} from {stage} s left join {table.physical} t on {same}"


def _append(unit: Unit, table: Table, batch: Batch, stage: str, columns: tuple[str, ...] | None = None) -> None:
    from emulator.sql.translate import column_expression  # translate needs the catalogue, which needs no writing

    given = {name.lower(): name for name in (columns or batch.columns)}
    names, values = [], []
    for column in table.columns:
        names.append(quoted(column.name))
        if column.generated is not None:
            expression = column_expression(column.generated, table)
            values.append(f"cast(({expression}) as {column.sql_type.duckdb})")
        elif column.name.lower() in given:
            values.append(quoted(column.name))
        else:
            values.append(f"{default_sql(column)} as {quoted(column.name)}")
    source = _with_defaults(table, given, stage)
    condition = f" where {OP} is distinct from 1" if batch.has_op else ""
    unit.execute(
        f"insert into {table.physical} ({', '.join(names)}) select {', '.join(values)} from {source}{condition}"
    )


def _with_defaults(table: Table, given: dict[str, str], stage: str) -> str:
    """The stage; where generated columns may read a column that was left out, the stage with defaults added."""
    if all(column.generated is None for column in table.columns):
        return stage
    missing = [c for c in table.plain_columns if c.name.lower() not in given]
    extra = "".join(f", {default_sql(column)} as {quoted(column.name)}" for column in missing)
    return f"(select *{extra} from {stage})"


def visible_names(engine: Engine, table: Table) -> list[str]:
    """Names of the partitions that exist, in order."""
    return sorted(visible(engine, table)["partitions"])


def visible(engine: Engine, table: Table) -> dict[str, Any]:
    """`{"version": n, "partitions": {name: {"id": i, "version": n, "time": epoch seconds}}}` of a table."""
    found = engine.get("visible", "", str(table.id))
    if found is not None:
        return found  # type: ignore[no-any-return]
    first = {} if table.partition_by else {table.name: {"id": table.id + 1, "version": 1, "time": table.created}}
    return {"version": 1, "partitions": first}


def _mark(engine: Engine, unit: Unit, table: Table, names: list[str]) -> None:
    """Remember that these partitions have a new version now."""
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
