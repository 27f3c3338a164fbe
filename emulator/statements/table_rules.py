"""What StarRocks demands of a table's definition: its keys, aggregations, sort columns, buckets, generated columns.

Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/CreateTableAnalyzer.java`, `ColumnDefAnalyzer.java`,
`AggregateTypeAnalyzer.java`, `PartitionDescAnalyzer.java`.
"""

import dataclasses

from emulator.errors import analysis, failed
from emulator.statements.generated_columns import check_generated
from emulator.statements.table_properties import checked_properties
from emulator.storage.catalog import AGGREGATE, DUPLICATE, PRIMARY, UNIQUE, Column, Table
from emulator.types.sql_type import KEY_TYPES, SqlType

_SUMMABLE = frozenset({"int", "bigint", "largeint", "float", "double", "decimal"})
_COMPARABLE = _SUMMABLE | {"tinyint", "smallint", "date", "datetime", "char", "varchar"}
_AGGREGATED = {"SUM": _SUMMABLE, "MIN": _COMPARABLE, "MAX": _COMPARABLE}
_BUCKET_TYPES = KEY_TYPES | {"decimal"}
_PRIMARY_KEY_TYPES = KEY_TYPES - {"char"}
_SIZES = {"boolean": 1, "tinyint": 1, "smallint": 2, "int": 4, "bigint": 8, "largeint": 16, "date": 3, "datetime": 8}
_SHORT_KEY_BYTES = 36


def finished(table: Table) -> Table:
    """The table with its keys found and everything checked. Raises StarRocks' refusals."""
    if not table.columns:
        raise analysis("A table must have at least 1 column", 1113)
    table = _spelled(_with_keys(table))
    _check_aggregations(table)
    _check_partition_columns(table)
    _check_distribution(table)
    _check_order(table)
    if sum(column.auto_increment for column in table.columns) > 1:
        raise analysis("More than one AUTO_INCREMENT column defined in CREATE TABLE Statement")
    check_generated(table)
    return dataclasses.replace(table, properties=checked_properties(table))


def _with_keys(table: Table) -> Table:
    declared = bool(table.keys)
    if not declared:
        table = _derived_keys(table)
    if len(table.keys) > len(table.columns):
        raise analysis("The number of key columns should be less than the number of columns.")
    real = tuple(_key(table, at, key, declared) for at, key in enumerate(table.keys))
    columns = []
    for column in table.columns:
        is_key = column.name in real
        nullable = column.nullable and not (table.model == PRIMARY and is_key)
        columns.append(dataclasses.replace(column, key=is_key, nullable=nullable))
    return dataclasses.replace(table, keys=real, columns=tuple(columns))


def _derived_keys(table: Table) -> Table:
    """Without a KEY clause: the columns without an aggregation, else the first few."""
    if any(column.aggregation for column in table.columns):
        keys = tuple(column.name for column in table.columns if not column.aggregation)
        return dataclasses.replace(table, model=AGGREGATE, keys=keys)
    keys = short_key(table)
    if not keys:
        raise analysis(f"Data type of first column cannot be {table.columns[0].sql_type.title}")
    return dataclasses.replace(table, keys=keys)


def short_key(table: Table) -> tuple[str, ...]:
    """The first three columns, up to 36 bytes, ending with the first text."""
    found: list[str] = []
    total = 0
    for column in table.columns:
        kind = column.sql_type
        if column.generated is not None:
            break
        total += _SIZES.get(kind.name, kind.length or 16)
        if len(found) == 3 or total > _SHORT_KEY_BYTES:
            if not found and kind.is_text:
                found.append(column.name)
            break
        if kind.name not in _BUCKET_TYPES:
            break
        found.append(column.name)
        if kind.name == "varchar":
            break
    return tuple(found)


def _key(table: Table, position: int, key: str, declared: bool) -> str:
    """The real name of a key column. Raises StarRocks' refusals."""
    column = table.columns[position]
    if column.name.lower() != key.lower():
        if table.column(key) is None:
            raise analysis(f"Key column({key}) doesn't exist.")
        raise analysis(
            "Key columns must be the first few columns of the schema and the order  of the key columns"
            " must be consistent with the order of the schema"
        )
    if column.aggregation:
        raise analysis(f"Key column[{column.name}] should not specify aggregate type.")
    kind = column.sql_type
    if column.generated is not None:
        raise analysis(f"Generated Column {column.name} can not be KEY")
    if table.model == PRIMARY:
        if kind.name not in _PRIMARY_KEY_TYPES:
            raise analysis(f"primary key column[{column.name}] type not supported: {kind.title}")
    elif declared and kind.name not in _BUCKET_TYPES:
        hint = ", use decimal instead" if kind.name in ("float", "double") else ""
        raise analysis(f"Invalid data type of key column '{column.name}': '{kind.title}'{hint}")
    return column.name


def _spelled(table: Table) -> Table:
    """Names in clauses as the columns spell them."""
    named = {column.name.lower(): column.name for column in table.columns}

    def written(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(named.get(name.lower(), name) for name in names)

    return dataclasses.replace(
        table,
        partition_columns=written(table.partition_columns),
        distribution=written(table.distribution),
        order_by=written(table.order_by),
    )


def _check_aggregations(table: Table) -> None:
    for column in table.columns[len(table.keys) :]:
        if table.model == AGGREGATE and column.generated is not None:
            raise analysis("Generated Column does not support AGG table")
        if table.model == AGGREGATE and not column.aggregation:
            raise analysis(f"AGG_KEYS table should specify aggregate type for non-key column[{column.name}]")
        if table.model != AGGREGATE and column.aggregation not in ("", "REPLACE"):
            model = {DUPLICATE: "DUP", UNIQUE: "UNIQUE", PRIMARY: "PRIMARY"}[table.model]
            raise analysis(f"{model}_KEYS table should not specify aggregate type for non-key column[{column.name}]")
        check_aggregation(column)


def check_aggregation(column: Column) -> None:
    """Raise StarRocks' refusal of an aggregation that the type does not have."""
    allowed = _AGGREGATED.get(column.aggregation)
    if allowed is not None and column.sql_type.name not in allowed:
        raise analysis(f"Invalid aggregate function '{column.aggregation}' for '{column.name}'")


def _check_partition_columns(table: Table) -> None:
    for name in table.partition_columns:
        column = table.column(name)
        if column is None:
            raise analysis(f"Partition column[{name}] does not exist in column list.")
        if not column.key and table.model in (PRIMARY, UNIQUE, AGGREGATE):
            if table.model == PRIMARY and table.partition_by != "RANGE":
                raise analysis("The partition expr should base on key column")
            raise analysis(
                "The partition column could not be aggregated column"
                " and unique table's partition column must be key column"
            )
        kind = column.sql_type
        is_list = table.partition_by != "RANGE"
        if kind.name in ("float", "double") or kind.items or (is_list and kind.name == "decimal"):
            raise analysis(f"Invalid partition column '{name}': invalid data type {kind.title}")
    if len({name.lower() for name in table.partition_columns}) < len(table.partition_columns):
        raise analysis(f"Duplicated partition column {table.partition_columns[-1]}")


def _check_distribution(table: Table) -> None:
    if not table.distribution and table.model in (UNIQUE, AGGREGATE):
        raise analysis(f"{table.model} KEY cannot use random distribution")
    for name in table.distribution:
        column = table.column(name)
        if column is None:
            raise analysis(f"Distribution column({name}) doesn't exist.")
        if table.model != DUPLICATE and not column.key:
            raise failed(f"Distribution column[{name}] is not key column")
        if column.sql_type.name not in _BUCKET_TYPES:
            raise failed(f"{column.sql_type.title} column can not be distribution column")


def _check_order(table: Table) -> None:
    for name in table.order_by:
        column = table.column(name)
        if column is None:
            raise analysis(f"Unknown column '{name}' does not exist")
        if table.model == PRIMARY and not may_sort_primary(column.sql_type):
            raise analysis(f"sort key column[{name}] type not supported: {column.sql_type.title}")
    if table.order_by and table.model in (UNIQUE, AGGREGATE) and set(table.order_by) != set(table.keys):
        raise analysis(f"The sort columns of {table.model} KEY table must be same with key columns")


def may_sort_primary(kind: SqlType) -> bool:
    """True for the types that a PRIMARY KEY table may be ordered by."""
    return kind.name in _PRIMARY_KEY_TYPES or kind.name == "varbinary"
