"""Declared partitions (RANGE, LIST): which rows they hold, and how they are shown.

NULL is less than every value: it belongs to the range that is open below. A bound of fewer values than there are
partition columns goes on with the least value of each.
Source: `fe/fe-core/src/main/java/com/starrocks/catalog/PartitionKey.java`, `RangePartitionInfo.java`,
`ListPartitionInfo.java`.
"""

import json
from collections.abc import Callable, Sequence

from emulator.storage.catalog import Partition, Table
from emulator.types.sql_type import RANGES, SqlType

MAXVALUE = "MAXVALUE"
Value = Callable[[str], str]


def text(value: str) -> str:
    """A DuckDB text literal."""
    return "'" + value.replace("'", "''") + "'"


def name_sql(table: Table, value: Value) -> str:
    """DuckDB expression that gives the declared partition's name, NULL for a row that fits none.

    `value` gives the expression of a column by its name.
    """
    cases = [f"when {condition(table, each, value)} then {text(each.name)}" for each in table.partitions]
    return f"case {' '.join(cases)} end" if cases else "cast(null as varchar)"


def condition(table: Table, partition: Partition, value: Value) -> str:
    """DuckDB condition: the row belongs to the partition."""
    return _listed(table, partition, value) if partition.values else _between(table, partition, value)


def _between(table: Table, partition: Partition, value: Value) -> str:
    tests = []
    if partition.upper:
        tests.append(_less(table, partition.upper, value))
    if partition.lower:
        tests.append(f"not {_less(table, partition.lower, value)}")
    return f"({' and '.join(tests) or 'true'})"


def inside(table: Table, value: Value) -> str:
    """DuckDB condition: the row belongs to any partition. Ranges that touch count as one, so that it is short."""
    joined: list[Partition] = []
    for each in table.partitions:
        if joined and not each.values and joined[-1].upper and joined[-1].upper == each.lower:
            joined[-1] = Partition("", joined[-1].lower, each.upper)
        else:
            joined.append(each)
    return " or ".join(condition(table, each, value) for each in joined) or "false"


def named(table: Table, relation: str, value: Value) -> str:
    """A DuckDB SELECT of the partition's `name` of each row of a relation; rows that fit none are left out.

    Many ranges of one column are looked up by a join, which is a hundred times faster than a long CASE.
    """
    if table.partition_by != "RANGE" or len(table.partition_columns) > 1 or not table.partitions:
        return f"select {name_sql(table, value)} as name from {relation}"
    column = table.partition_columns[0]
    first = literal(table, column, _first(table))
    rows = []
    for each in table.partitions:
        low = literal(table, column, each.lower[0]) if each.lower else first
        rows.append(f"({text(each.name)}, {low}, {literal(table, column, each.upper[0] if each.upper else None)})")
    return (
        f"select p.name from (select coalesce({value(column)}, {first}) as v from {relation}) s"
        f" asof join (values {', '.join(rows)}) p(name, low, up) on s.v >= p.low where p.up is null or s.v < p.up"
    )


def _first(table: Table) -> str:
    """What stands for the open lower end, and for NULL, of the only partition column."""
    column = table.column(table.partition_columns[0])
    assert column is not None
    return least(column.sql_type)


def _less(table: Table, bound: Sequence[str], value: Value) -> str:
    """True when a row comes before the bound, column by column; never NULL."""
    condition = ""
    for name, one in reversed(list(zip(table.partition_columns, bound, strict=False))):
        column, limit = value(name), literal(table, name, one)
        further = f" or ({column} = {limit} and {condition})" if condition else ""
        condition = f"({column} is null or {column} < {limit}{further})"
    return condition


def _listed(table: Table, partition: Partition, value: Value) -> str:
    rows = []
    for row in partition.values:
        same = (
            f"{value(name)} is not distinct from {literal(table, name, one)}"
            for name, one in zip(table.partition_columns, row, strict=True)
        )
        rows.append(f"({' and '.join(same)})")
    return f"({' or '.join(rows)})"


def literal(table: Table, name: str, value: str | None) -> str:
    """A DuckDB constant of a column's type."""
    column = table.column(name)
    assert column is not None
    return f"cast({'null' if value is None else text(value)} as {column.sql_type.duckdb})"


def least(kind: SqlType) -> str:
    """The least value of a type, as StarRocks prints it."""
    if kind.name in RANGES:
        return str(RANGES[kind.name][0])
    return {"date": "0000-01-01", "datetime": "0000-01-01 00:00:00", "boolean": "FALSE"}.get(kind.name, "")


def bound(table: Table, values: Sequence[str], lower: bool) -> list[str]:
    """Every value of a bound, as StarRocks prints it: open below = least values, open above = MAXVALUE."""
    kinds = [column.sql_type for name in table.partition_columns if (column := table.column(name)) is not None]
    if not values and not lower:
        return [MAXVALUE] * len(kinds)
    return [values[at] if at < len(values) else least(kind) for at, kind in enumerate(kinds)]


def shown(table: Table, partition: Partition) -> str:
    """The range or the list as SHOW PARTITIONS prints it."""
    if partition.values:
        return json.dumps([list(row) for row in partition.values], separators=(",", ":"), ensure_ascii=False)
    kinds = [column.sql_type.name.upper() for name in table.partition_columns if (column := table.column(name))]
    types = ", ".join(kinds)
    low = ", ".join(bound(table, partition.lower, True))
    high = ", ".join(bound(table, partition.upper, False))
    return f"[types: [{types}]; keys: [{low}]; ..types: [{types}]; keys: [{high}]; )"


def clause(table: Table) -> str:
    """PARTITION BY of a declared table, as SHOW CREATE TABLE prints it."""
    names = ", ".join(f"`{name}`" for name in table.partition_columns)
    if table.partition_by == "RANGE":
        lines = [_range_text(table, each) for each in table.partitions]
        return f"PARTITION BY RANGE({names})\n(" + ",\n".join(lines) + ")"
    lines = [f"  PARTITION {each.name} VALUES IN {_list_text(each)}" for each in table.partitions]
    return f"PARTITION BY LIST({names.replace(', ', ',')})(\n" + ",\n".join(lines) + "\n)"


def _range_text(table: Table, partition: Partition) -> str:
    sides = []
    for values, lower in ((partition.lower, True), (partition.upper, False)):
        shown_values = bound(table, values, lower)
        if MAXVALUE in shown_values:
            sides.append(f"({MAXVALUE})")
        else:
            sides.append("(" + ", ".join(f'"{value}"' for value in shown_values) + ")")
    return f"PARTITION {partition.name} VALUES [{sides[0]}, {sides[1]})"


def _list_text(partition: Partition) -> str:
    rows = ["(" + ", ".join(f"'{'NULL' if one is None else one}'" for one in row) + ")" for row in partition.values]
    if all(len(row) == 1 for row in partition.values):
        rows = [row[1:-1] for row in rows]
    return "(" + ", ".join(rows) + ")"
