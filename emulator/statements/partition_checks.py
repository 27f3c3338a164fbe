"""Checks declared partitions against their columns and against those there are.

Source: `fe/fe-core/src/main/java/com/starrocks/catalog/RangePartitionInfo.java`, `ListPartitionInfo.java`,
`sql/analyzer/PartitionDescAnalyzer.java`.
"""

import dataclasses
from collections.abc import Sequence

import duckdb
from sqlglot import exp

from emulator.errors import analysis, failed
from emulator.sql.duckdb_text import generate
from emulator.statements.partition_clauses import NO_LOWER, Batched, Declared, expanded
from emulator.storage import declared
from emulator.storage.catalog import Partition, Table
from emulator.types.coercion import TEXT, to_type, typed

Order = tuple[tuple[int, int, str], ...]


def added(cursor: duckdb.DuckDBPyConnection, table: Table, new: Sequence[Declared]) -> Table:
    """The table with more partitions, their bounds in normal form. Raises StarRocks' refusals."""
    whole = [each for one in new for each in (expanded(table, one) if isinstance(one, Batched) else [one])]
    names = {each.name.lower() for each in table.partitions}
    kept = list(table.partitions)
    for each in whole:
        if each.name.lower() in names:
            raise analysis(f"Duplicated partition name: {each.name}")
        names.add(each.name.lower())
        kept.append(_listed(cursor, table, each, kept) if each.values else _ranged(cursor, table, each, kept))
    if table.partition_by == "RANGE":
        kept.sort(key=lambda one: _order(table, one.upper))
    return dataclasses.replace(table, partitions=tuple(kept))


def _listed(cursor: duckdb.DuckDBPyConnection, table: Table, new: Partition, kept: Sequence[Partition]) -> Partition:
    if table.partition_by == "RANGE":
        raise failed("Cannot add list partition to a range-partitioned table")
    rows = []
    for row in new.values:
        if len(row) != len(table.partition_columns):
            raise analysis(f"({','.join(str(one) for one in row)}) size should be equal to partition column size")
        values = tuple(
            _normal(cursor, table, name, one) for name, one in zip(table.partition_columns, row, strict=True)
        )
        _refuse_null(table, new.name, values)
        rows.append(values)
    taken = {row for each in kept for row in each.values}
    for values in rows:
        if values in taken or rows.count(values) > 1:
            raise failed(f"Duplicate partition value {','.join(str(one) for one in values)}")
    return Partition(new.name, values=tuple(rows))


def _refuse_null(table: Table, partition: str, values: Sequence[str | None]) -> None:
    for name, one in zip(table.partition_columns, values, strict=True):
        column = table.column(name)
        if one is None and column is not None and not column.nullable:
            raise analysis(
                f"Partition column[{name}] could not be null but contains null value in partition[{partition}]"
            )


def _ranged(cursor: duckdb.DuckDBPyConnection, table: Table, new: Partition, kept: Sequence[Partition]) -> Partition:
    if table.partition_by != "RANGE":
        raise failed("Cannot add range partition to a list-partitioned table")
    upper = _bound(cursor, table, new, new.upper)
    top = _order(table, upper)
    before = [each for each in kept if _order(table, each.upper) <= top]
    if new.lower != NO_LOWER:
        lower = _bound(cursor, table, new, new.lower)
    else:
        lower = max(before, key=lambda one: _order(table, one.upper)).upper if before else ()
    bottom = _order(table, lower) if lower else ()
    if bottom >= top:
        raise failed("Invalid range value format: The lower values must smaller than upper values")
    made = Partition(new.name, lower, upper)
    for each in kept:
        other_bottom = _order(table, each.lower) if each.lower else ()
        if bottom < _order(table, each.upper) and other_bottom < top:
            new_range, old_range = declared.shown(table, made), declared.shown(table, each)
            raise failed(f"Range {new_range} is intersected with range: {old_range}")
    return made


def _bound(
    cursor: duckdb.DuckDBPyConnection, table: Table, partition: Partition, values: Sequence[str]
) -> tuple[str, ...]:
    if len(values) > len(table.partition_columns):
        raise analysis(f"Partition values number is more than partition column number: {partition.name}")
    pairs = zip(table.partition_columns, values, strict=False)
    return tuple(str(_normal(cursor, table, name, value)) for name, value in pairs)


def _order(table: Table, bound: Sequence[str]) -> Order:
    """A key that sorts bounds: numbers as numbers, times and texts as texts; an open upper bound comes last."""
    if not bound:
        return ((1, 0, ""),)
    keys = []
    for name, value in zip(table.partition_columns, bound, strict=False):
        column = table.column(name)
        is_number = column is not None and column.sql_type.is_integer
        keys.append((0, int(value), "") if is_number else (0, 0, value))
    return tuple(keys)


def _normal(cursor: duckdb.DuckDBPyConnection, table: Table, name: str, value: str | None) -> str | None:
    """A bound as its column holds it: `20240102` of a DATE is `2024-01-02`. Raises StarRocks' refusal."""
    column = table.column(name)
    if value is None or column is None or column.sql_type.is_text:
        return value
    node = to_type(typed(exp.Literal.string(value), TEXT), column.sql_type)
    row = cursor.execute(f"select cast({generate(node)} as varchar)").fetchone()
    if row is None or row[0] is None:
        raise failed(f"Invalid range value format: Invalid {column.sql_type.name} value: {value}")
    return str(row[0])
