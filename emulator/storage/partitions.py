"""Which partition a row belongs to, as one SQL expression that gives the partition's name.

Partitions of expression partitioning (`PARTITION BY date_trunc('day', d)`, `PARTITION BY (region, d)`) come into
being with the rows. Names as StarRocks gives them: `p20240102`, `p2024010203` (hour), `p202401`, `p2024`; list
partitions `p` and the values joined by `_`. What was ever created is kept in the object `visible` of the table.
Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/AnalyzerUtils.java` (names of automatic partitions).
"""

import re

import duckdb

from emulator.errors import analysis, failed, unsupported
from emulator.storage.catalog import Table, quoted

_FORMATS = {"hour": "%Y%m%d%H", "day": "%Y%m%d", "month": "%Y%m", "year": "%Y"}
_TRUNC = re.compile(r"date_trunc\s*\(\s*['\"](\w+)['\"]\s*,\s*`?(\w+)`?\s*\)", re.IGNORECASE)


def parse_partition_by(text: str) -> tuple[str, tuple[str, ...]]:
    """Read what follows PARTITION BY; give (normal form, column names).

    Raises 1235 for the kinds not done here (RANGE and LIST by hand, other expressions).
    """
    trunc = _TRUNC.fullmatch(text.strip())
    if trunc:
        unit = trunc.group(1).lower()
        if unit not in _FORMATS:
            raise analysis(f"Unsupported date_trunc format {unit}")
        return f"date_trunc('{unit}', {trunc.group(2)})", (trunc.group(2),)
    names = text.strip().removeprefix("(").removesuffix(")")
    columns = tuple(part.strip().strip("`") for part in names.split(","))
    if not all(re.fullmatch(r"\w+", column) for column in columns):
        raise unsupported(f"PARTITION BY {text.strip()}")
    return ", ".join(columns), columns


def unit_of(table: Table) -> str | None:
    """`hour`, `day`, `month` or `year` for date_trunc partitions, else None."""
    trunc = _TRUNC.fullmatch(table.partition_by)
    return trunc.group(1).lower() if trunc else None


def name_sql(table: Table, alias: str = "") -> str:
    """DuckDB expression over a row of the table (columns after `alias.`) that gives its partition's name."""
    if not table.partition_by:
        return "'" + table.name.replace("'", "''") + "'"
    prefix = f"{alias}." if alias else ""
    unit = unit_of(table)
    if unit is not None:
        column = prefix + quoted(table.partition_columns[0])
        return f"coalesce('p' || strftime({column}, '{_FORMATS[unit]}'), 'pNULL')"
    parts = [
        f"coalesce(regexp_replace(cast({prefix}{quoted(name)} as varchar), '[^0-9A-Za-z_]', '', 'g'), 'NULL')"
        for name in table.partition_columns
    ]
    return "'p' || " + " || '_' || ".join(parts)


def names_in(cursor: duckdb.DuckDBPyConnection, table: Table, relation: str) -> list[str]:
    """The partitions that the rows of a relation belong to."""
    if not table.partition_by:
        return [table.name]
    rows = cursor.execute(f"select distinct {name_sql(table)} from {relation} order by 1").fetchall()
    return [row[0] for row in rows]


def predicate(table: Table, names: list[str], known: list[str]) -> str:
    """DuckDB condition over the table's rows: those in the named partitions.

    Raises StarRocksError for a name that is not among `known`.
    """
    for name in names:
        if name not in known:
            raise failed(f"Unknown partition '{name}' in table '{table.name}'", 1064)
    listed = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
    return f"{name_sql(table)} in ({listed})"


def bounds(table: Table, name: str) -> tuple[str, str] | None:
    """Lower (inclusive) and upper (exclusive) date of a date_trunc partition as text, None for other kinds."""
    unit = unit_of(table)
    digits = name.removeprefix("p")
    if unit is None or not digits.isdigit():
        return None
    row = duckdb.execute(
        "select s, s + case $2 when 'hour' then interval 1 hour when 'day' then interval 1 day"
        " when 'month' then interval 1 month else interval 1 year end from (select strptime($1, $3) s)",
        [digits, unit, _FORMATS[unit]],
    ).fetchone()
    column = table.column(table.partition_columns[0])
    if row is None or column is None:
        return None
    pattern = "%Y-%m-%d" if column.type == "date" else "%Y-%m-%d %H:%M:%S"
    return row[0].strftime(pattern), row[1].strftime(pattern)
