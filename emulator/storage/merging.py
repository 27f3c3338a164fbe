"""What each table model makes of staged rows: which stored rows go, which rows come.

PRIMARY: the last row of a key wins, DELETE USING + INSERT (no DuckDB index: 20 to 50 times faster in bulk), partial
update, `__op` = 1 deletes, `merge_condition` keeps a stored row that is newer. UNIQUE: the same without these, and keys
may be NULL. AGGREGATE: the stored rows of the new keys are aggregated with the new rows, when they are written and not
when they are read, which gives the same answers. DUPLICATE: plain append.
Source: `docs/en/table_design/table_types/`, `be/src/storage/column_aggregate_func.cpp`.
"""

from emulator.errors import failed
from emulator.storage.batch import OP, Batch, drop_stage, new_stage
from emulator.storage.catalog import AGGREGATE, DUPLICATE, PRIMARY, Column, Table, quoted
from emulator.storage.defaults import default_sql, with_defaults
from emulator.storage.engine import Unit
from emulator.types.sql_type import RANGES, SqlType

MOST_KEY_BYTES = 128  # `primary_key_limit_size`, be/src/common/config.h
# Bytes of a key column in the encoded key.
_BYTES = {"boolean": 1, "tinyint": 1, "smallint": 2, "int": 4, "date": 4, "bigint": 8, "datetime": 8, "largeint": 16}


def merge(unit: Unit, table: Table, batch: Batch, first_number: int) -> None:
    """Bring the rows of the batch's stage into the table.

    `first_number`: what the AUTO_INCREMENT column gets in the first new row of a partial update.
    """
    if table.model == PRIMARY:
        _upsert(unit, table, batch, first_number)
    elif table.model == DUPLICATE:
        _append(unit, table, batch, batch.stage)
    else:
        _replace(unit, table, batch)


def _upsert(unit: Unit, table: Table, batch: Batch, first_number: int) -> None:
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
        stage, _ = new_stage(unit.cursor, _completed(table, batch, stage, same, first_number))
        temporary.append(stage)
    unit.execute(f"delete from {target} t using {stage} s where {same}")
    if batch.kind != "delete":
        columns = tuple(column.name for column in table.plain_columns) if batch.partial else batch.columns
        _append(unit, table, batch, stage, columns)
    for each in temporary:
        drop_stage(unit.cursor, each)


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


def _completed(table: Table, batch: Batch, stage: str, same: str, first_number: int) -> str:
    """A SELECT of whole rows: what the batch leaves out is taken from the stored row, or is the default."""
    given = {name.lower() for name in batch.columns}
    key = quoted(table.keys[0])
    values = [f"s.{OP}"] if batch.has_op else []
    for column in table.plain_columns:
        name = quoted(column.name)
        if column.name.lower() in given:
            values.append(f"s.{name}")
            continue
        number = f"{first_number} - 1 + row_number() over ()" if column.auto_increment else default_sql(column)
        values.append(f"case when t.{key} is not null then t.{name} else {number} end as {name}")
    return f"select {', '.join(values)} from {stage} s left join {table.physical} t on {same}"


def _replace(unit: Unit, table: Table, batch: Batch) -> None:
    """UNIQUE and AGGREGATE: one row a key, NULL being a key like any other."""
    keys = ", ".join(quoted(key) for key in table.keys)
    whole = _whole_rows(unit, table, batch)
    same = " and ".join(f"t.{quoted(key)} is not distinct from s.{quoted(key)}" for key in table.keys)
    if table.model == AGGREGATE:
        stored = f"select 0 as __order, t.* from {table.physical} t semi join {whole} s on {same}"
        every = f"select * from ({stored} union all by name select rowid + 1 as __order, * from {whole})"
        select = aggregated(table, f"({every})")
    else:
        select = f"select * from {whole} qualify row_number() over (partition by {keys} order by rowid desc) = 1"
    merged, _ = new_stage(unit.cursor, select)
    unit.execute(f"delete from {table.physical} t using {merged} s where {same}")
    columns = ", ".join(quoted(column.name) for column in table.columns)
    unit.execute(f"insert into {table.physical} ({columns}) select {columns} from {merged}")
    drop_stage(unit.cursor, merged)
    drop_stage(unit.cursor, whole)


def _whole_rows(unit: Unit, table: Table, batch: Batch) -> str:
    """A stage with every column of the table, in the order of arrival."""
    stage, _ = new_stage(unit.cursor, f"select {_values(table, batch.columns)} from {_source(table, batch)}")
    return stage


def aggregated(table: Table, relation: str) -> str:
    """A SELECT of one row a key over rows in their `__order`; generated columns there are not."""
    values = ", ".join(_aggregated(column) for column in table.columns)
    return f"select {values} from {relation} group by {', '.join(quoted(key) for key in table.keys)}"


def _aggregated(column: Column) -> str:
    name = quoted(column.name)
    if column.key:
        return name
    kind = column.sql_type
    value = {
        "SUM": _wrapped_sum(name, kind),
        "MIN": f"min({name})",
        "MAX": f"max({name})",
        "REPLACE": f"last({name} order by __order)",
        "REPLACE_IF_NOT_NULL": f"last({name} order by __order) filter ({name} is not null)",
    }[column.aggregation]
    return f"cast({value} as {kind.duckdb}) as {name}"


def _wrapped_sum(name: str, kind: SqlType) -> str:
    """Integers wrap silently at the width of their column, as the addition of the storage engine does."""
    if not kind.is_integer or kind.name == "largeint":
        return f"sum({name})"
    least, most = RANGES[kind.name]
    size = most - least + 1
    return f"((sum({name})::hugeint - {least}::hugeint) % {size} + {size}) % {size} + {least}::hugeint"


def _append(unit: Unit, table: Table, batch: Batch, stage: str, columns: tuple[str, ...] | None = None) -> None:
    names = ", ".join(quoted(column.name) for column in table.columns)
    given = columns or batch.columns
    condition = f" where {OP} is distinct from 1" if batch.has_op else ""
    source = with_defaults(table, given, stage)
    unit.execute(f"insert into {table.physical} ({names}) select {_values(table, given)} from {source}{condition}")


def _source(table: Table, batch: Batch) -> str:
    return with_defaults(table, batch.columns, batch.stage)


def _values(table: Table, columns: tuple[str, ...]) -> str:
    """The select list of whole rows over a stage that has `columns`."""
    from emulator.sql.translate import column_expression  # translate needs the catalogue, which needs no merging

    given = {name.lower() for name in columns}
    values = []
    for column in table.columns:
        name = quoted(column.name)
        if column.generated is not None:
            expression = column_expression(column.generated, table)
            values.append(f"cast(({expression}) as {column.sql_type.duckdb}) as {name}")
        elif column.name.lower() in given:
            values.append(name)
        else:
            values.append(f"{default_sql(column)} as {name}")
    return ", ".join(values)
