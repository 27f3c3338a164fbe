"""What ALTER TABLE makes of a table's columns: ADD, DROP, MODIFY, RENAME COLUMN, ORDER BY.

Here only the definition changes; emulator.statements.alter_jobs brings the rows into the new shape.
Source: `fe/fe-core/src/main/java/com/starrocks/alter/SchemaChangeHandler.java`; recorded:
`test/sql/test_alter_table/R/test_alter_table_abnormal`, `test/sql/test_fast_schema_evolution`,
`test/sql/test_materialized_column`.
"""

import dataclasses

from emulator.errors import StarRocksError, analysis, failed, syntax, unsupported
from emulator.sql.columns import read_column
from emulator.sql.reader import Reader
from emulator.statements.alter_modify import Change, modify, wrong_aggregation
from emulator.statements.generated_columns import check_expression, referring
from emulator.statements.table_rules import check_aggregation, may_sort_primary
from emulator.storage.catalog import AGGREGATE, PRIMARY, UNIQUE, Column, Table
from emulator.storage.ddl_text import column_text


def read_clause(change: Change, reader: Reader) -> None:
    """One ADD, DROP, MODIFY or RENAME COLUMN, or ORDER BY."""
    if reader.accept("ADD", "COLUMN"):
        _read_add(change, reader)
    elif reader.accept("DROP", "COLUMN"):
        _drop(change, reader.identifier())
        if reader.accept("FROM"):
            raise unsupported("ALTER TABLE DROP COLUMN FROM a rollup")
    elif reader.accept("MODIFY", "COLUMN"):
        modify(change, _read_definition(reader, "MODIFY"), reader)
    elif reader.accept("RENAME", "COLUMN"):
        old = reader.identifier()
        reader.expect("TO")
        _rename(change, old, reader.identifier())
    elif reader.accept("ORDER", "BY"):
        _order(change, reader.identifiers())
    else:
        found = reader.tokens[reader.at : reader.at + 2]
        words = " ".join(token.text.upper() for token in found if token.text.isalpha())
        raise unsupported(f"ALTER TABLE {words}")


def existing(table: Table, name: str) -> Column:
    """The column of that name. Raises StarRocks' refusal when there is none."""
    column = table.column(name)
    if column is None:
        raise failed(f"Column does not exists: {name}")
    return column


# -- ADD -----------------------------------------------------------------------------------------------------------


def _read_add(change: Change, reader: Reader) -> None:
    if not reader.accept("("):
        _add(change, _read_definition(reader, "ADD"), reader)
        return
    columns = [_read_definition(reader, "ADD")]
    while reader.accept(","):
        columns.append(_read_definition(reader, "ADD"))
    reader.expect(")")
    if len({column.generated is None for column in columns}) > 1:
        raise analysis("Can not add normal column and Generated Column in the same time")
    for column in columns:
        _add(change, column, reader)


def _read_definition(reader: Reader, verb: str) -> Column:
    column = read_column(reader)
    if column.auto_increment:
        raise syntax(f"Column '{column.name}' can not be AUTO_INCREMENT when {verb} COLUMN")
    return column


def _add(change: Change, column: Column, reader: Reader) -> None:
    table = change.table
    if column.generated is not None:
        change.fast = False
        if reader.next_is("AFTER") or reader.next_is("FIRST"):
            raise syntax("AFTER can not be set when ADD GENERATED COLUMN")
        check_expression(table, column, named=True)
    elif not column.nullable and column.default is None:
        raise failed(f"Field '{column.name}' is not null but doesn't have a default value")
    if column.default_is_function and not (column.default or "").startswith("CURRENT_TIMESTAMP"):
        raise failed(f"unsupported default expr:{column.default}")
    column = _in_model(table, column)
    if column.key:
        change.fast = False
    _refuse_existing(change, column)
    if table.column(column.name) is not None:
        return
    change.table = _inserted(table, column, reader)


def _in_model(table: Table, column: Column) -> Column:
    """The column with what its model makes of it. Raises StarRocks' refusals."""
    if column.key and column.aggregation:
        raise _wrong_key(column.aggregation, column.name)
    if table.model == PRIMARY and column.key:
        raise _wrong_key("REPLACE", column.name)
    if table.model == AGGREGATE:
        check_aggregation(column)
        zero = column.default in (None, "0")
        if column.aggregation == "SUM" and not zero:
            raise failed(f"The default value of '{column.name}' with SUM aggregation function must be zero")
        return column if column.aggregation else dataclasses.replace(column, key=True)
    if column.aggregation and not (table.model == PRIMARY and column.aggregation == "REPLACE"):
        raise wrong_aggregation(table, column)
    return dataclasses.replace(column, aggregation="")


def _wrong_key(aggregation: str, name: str) -> StarRocksError:
    return analysis(
        f"Column definition is wrong. Cannot specify aggregate function '{aggregation}' for key column '{name}'"
    )


def _refuse_existing(change: Change, column: Column) -> None:
    """A column of that name, of the table or of an earlier clause."""
    stored, added = change.old.column(column.name), change.table.column(column.name)
    if stored is not None:
        if stored.type == column.type and stored.nullable == column.nullable and stored.key == column.key:
            raise failed(f"Can not add column which already exists in base table: {column.name}")
        raise failed(
            f"Can not add column which already exists in column id: {column.name},"
            f" you can remove {column_text(stored).strip()} and try again."
        )
    if added is not None and dataclasses.replace(added, comment="") != dataclasses.replace(column, comment=""):
        raise failed(f"Repeatedly add same column with different definition: {column.name}")


def _inserted(table: Table, column: Column, reader: Reader) -> Table:
    columns = list(table.columns)
    keys = list(table.keys)
    if reader.accept("FIRST"):
        if not column.key:
            raise failed(f"Invalid column order. value should be after key. index[{table.name}]")
        at = 0
    elif reader.accept("AFTER"):
        last = reader.identifier()
        after = table.column(last)
        if after is None:
            raise failed(f"Column[{last}] does not found")
        if after.generated is not None:
            raise failed("Can not add column after Generated Column")
        at = columns.index(after) + 1
        if (at < len(keys) and not column.key) or (at > len(keys) and column.key):
            raise failed(f"Invalid column order. value should be after key. index[{table.name}]")
    elif column.key:
        at = len(keys)
    else:
        at = len(columns) if column.generated is not None else sum(each.generated is None for each in columns)
    columns.insert(at, column)
    if column.key:
        keys.insert(at, column.name)
    return dataclasses.replace(table, columns=tuple(columns), keys=tuple(keys))


# -- DROP ----------------------------------------------------------------------------------------------------------


def _drop(change: Change, name: str) -> None:
    table = change.table
    column = existing(table, name)
    if column.key:
        _refuse_key_drop(table)
        change.fast = False
    if column.name in table.order_by and table.model == PRIMARY:
        raise failed("Can not drop sort column in primary data model table")
    for kind, names in (("Partition", table.partition_columns), ("Distribution", table.distribution)):
        if column.name in names:
            raise failed(f"{kind} column[{column.name}] cannot be dropped. index[{table.name}]")
    user = referring(table, column.name)
    if user is not None and column.generated is None:
        raise analysis(
            f"Column: {column.name} can not be dropped, because expression of Generated Column: {user} will refer to it"
        )
    keys = tuple(key for key in table.keys if key != column.name)
    if not keys:
        raise failed(f"No key column left. index[{table.name}]")
    kept = tuple(each for each in table.columns if each is not column)
    change.table = dataclasses.replace(table, columns=kept, keys=keys)


def _refuse_key_drop(table: Table) -> None:
    if table.model == PRIMARY:
        raise failed("Can not drop key column in primary data model table")
    if table.model == UNIQUE:
        raise failed("Can not drop key column in Unique data model table")
    if table.model == AGGREGATE and any(column.aggregation.startswith("REPLACE") for column in table.columns):
        raise failed("Can not drop key column when table has value column with REPLACE aggregation method")


# -- RENAME, ORDER BY ----------------------------------------------------------------------------------------------


def _rename(change: Change, old: str, new: str) -> None:
    table = change.table
    column = existing(table, old)
    if table.column(new) is not None:
        raise failed(f"Column name[{new}] is already used")
    is_expression = "(" in table.partition_by
    if column.name in table.partition_columns and is_expression:
        raise unsupported("RENAME COLUMN of the column of a partition expression")
    if referring(table, column.name) is not None:
        raise unsupported("RENAME COLUMN of a column that a generated column reads")
    change.renamed[new] = change.renamed.pop(column.name, column.name)

    def names(listed: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(new if name == column.name else name for name in listed)

    by_values = bool(table.partition_by) and not table.declared_partitions and not is_expression
    change.table = dataclasses.replace(
        table,
        columns=tuple(dataclasses.replace(c, name=new) if c is column else c for c in table.columns),
        keys=names(table.keys),
        distribution=names(table.distribution),
        order_by=names(table.order_by),
        partition_columns=names(table.partition_columns),
        partition_by=", ".join(names(table.partition_columns)) if by_values else table.partition_by,
    )


def _order(change: Change, names: tuple[str, ...]) -> None:
    table = change.table
    change.fast = False
    real = []
    for name in names:
        column = table.column(name)
        if column is None:
            raise failed(f"Column[{name}] not exists")
        if column.name in real:
            raise failed(f"Duplicated column[{name}]")
        real.append(column.name)
        if table.model == PRIMARY and not may_sort_primary(column.sql_type):
            raise failed(f"Sort key column[{name}] type not supported: {column.sql_type.title} in PrimaryKey table")
    if table.model in (UNIQUE, AGGREGATE) and set(real) != set(table.keys):
        raise failed(f"The sort columns of {table.model} KEY table must be same with key columns")
    change.table = dataclasses.replace(table, order_by=tuple(real))
