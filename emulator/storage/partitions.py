"""Which partition a row belongs to, as one SQL expression that gives the partition's name.

Partitions of expression partitioning (`PARTITION BY date_trunc('day', d)`, `PARTITION BY (region, d)`) come into
being with the rows. Names as StarRocks gives them: `p20240102`, `p2024010203` (hour), `p202401`, `p2024`; list
partitions `p` and the values joined by `_`. RANGE and LIST partitions are declared (emulator.storage.declared); a row
that fits none has the name NULL. What was ever created is kept in the object `visible` of the table.
Unlike StarRocks, two values of a list whose names are the same (`a-b`, `ab`) share a partition.
Source: `fe/fe-core/src/main/java/com/starrocks/sql/analyzer/AnalyzerUtils.java` (names of automatic partitions).
"""

import re

import duckdb

from emulator.errors import analysis, failed, unsupported
from emulator.storage import declared
from emulator.storage.catalog import Partition, Table, quoted
from emulator.storage.defaults import default_sql

_FORMATS = {"minute": "%Y%m%d%H%M", "hour": "%Y%m%d%H", "day": "%Y%m%d", "month": "%Y%m", "year": "%Y"}
_OLDEST = {"minute": "p000001010000", "hour": "p0000010100", "day": "p00000101", "month": "p000001", "year": "p0000"}
_TRUNC = re.compile(r"date_trunc\s*\(\s*['\"](\w+)['\"]\s*,\s*`?(\w+)`?\s*\)", re.IGNORECASE)
_PLAIN = "[0-9A-Za-z: -]*"


def parse_partition_by(text: str) -> tuple[str, tuple[str, ...]]:
    """Read what follows PARTITION BY of an expression or a list of columns; give (normal form, column names).

    Raises 1235 for other expressions.
    """
    trunc = _TRUNC.fullmatch(text.strip())
    if trunc:
        unit = trunc.group(1).lower()
        if unit in ("second", "week", "quarter"):
            raise unsupported(f"PARTITION BY date_trunc('{unit}', ..)")
        if unit not in _FORMATS:
            raise analysis(f"Unsupported date_trunc format {unit}")
        return f"date_trunc('{unit}', {trunc.group(2)})", (trunc.group(2),)
    names = text.strip().removeprefix("(").removesuffix(")")
    columns = tuple(part.strip().strip("`") for part in names.split(","))
    if not all(re.fullmatch(r"\w+", column) for column in columns):
        raise unsupported(f"PARTITION BY {text.strip()}")
    return ", ".join(columns), columns


def unit_of(table: Table) -> str | None:
    """`minute`, `hour`, `day`, `month` or `year` for date_trunc partitions, else None."""
    trunc = _TRUNC.fullmatch(table.partition_by)
    return trunc.group(1).lower() if trunc else None


def is_range(table: Table) -> bool:
    """True where SHOW PARTITIONS speaks of ranges, false for lists."""
    return not table.partition_by or table.partition_by == "RANGE" or unit_of(table) is not None


def name_sql(table: Table, alias: str = "") -> str:
    """DuckDB expression over a row of the table (columns after `alias.`) that gives its partition's name."""
    prefix = f"{alias}." if alias else ""
    return _name(table, lambda column: prefix + quoted(column))


def _staged(table: Table, given: tuple[str, ...]) -> declared.Value:
    """The value of a column in a staged row that has the `given` columns; the others hold their defaults."""
    lowered = {name.lower() for name in given}

    def value(name: str) -> str:
        column = table.column(name)
        return quoted(name) if name.lower() in lowered or column is None else default_sql(column)

    return value


def _name(table: Table, value: declared.Value) -> str:
    if not table.partition_by:
        return declared.text(table.name)
    if table.declared_partitions:
        return declared.name_sql(table, value)
    unit = unit_of(table)
    if unit is not None:
        return f"coalesce('p' || strftime({value(table.partition_columns[0])}, '{_FORMATS[unit]}'), '{_OLDEST[unit]}')"
    found = "'p' || " + " || '_' || ".join(_in_name(value(name)) for name in table.partition_columns)
    return f"coalesce({declared.name_sql(table, value)}, {found})" if table.partitions else found


def _in_name(value: str) -> str:
    """A value as part of a name: letters and digits stay, `-`, `:` and blanks go, others become hexadecimal."""
    shown = f"cast({value} as varchar)"
    short = f"regexp_replace({shown}, '[^0-9A-Za-z]', '', 'g')"
    letter = (
        "case when regexp_full_match(c, '[0-9A-Za-z]') then c when c in ('-', ':', ' ') then ''"
        " else lower(to_hex(unicode(c))) end"
    )
    long = f"array_to_string(list_transform(string_split({shown}, ''), lambda c: {letter}), '')"
    whole = f"case when regexp_full_match({shown}, '{_PLAIN}') then {short} else {long} end"
    return f"coalesce(case when {shown} like '-%' then '_' else '' end || {whole}, 'NULL')"


def literals(table: Table, partition: Partition) -> list[str]:
    """The values of a list partition's first row as DuckDB columns of their names."""
    return [
        f"{declared.literal(table, name, one)} as {quoted(name)}"
        for name, one in zip(table.partition_columns, partition.values[0], strict=True)
    ]


def names_of_staged(cursor: duckdb.DuckDBPyConnection, table: Table, stage: str, given: tuple[str, ...]) -> list[str]:
    """The partitions that staged rows, which have the `given` columns, belong to."""
    names = _names(table, stage, _staged(table, given))
    rows = cursor.execute(f"select distinct name from ({names}) order by 1").fetchall()
    return [row[0] for row in rows if row[0] is not None]


def counts(cursor: duckdb.DuckDBPyConnection, table: Table) -> dict[str, int]:
    """Number of rows of each partition that has any."""
    names = _names(table, table.physical, quoted)
    return dict(cursor.execute(f"select name, count(*) from ({names}) group by 1").fetchall())


def _names(table: Table, relation: str, value: declared.Value) -> str:
    if table.declared_partitions:
        return declared.named(table, relation, value)
    return f"select {_name(table, value)} as name from {relation}"


def outside(table: Table, given: tuple[str, ...]) -> str:
    """DuckDB condition over a staged row: no declared partition takes it."""
    return f"({declared.inside(table, _staged(table, given))}) is not true"


def predicate(table: Table, names: list[str], known: list[str]) -> str:
    """DuckDB condition over the table's rows: those in the named partitions.

    Raises StarRocksError for a name that is not among `known`.
    """
    for name in names:
        if name not in known:
            raise failed(f"Unknown partition '{name}' in table '{table.name}'", 1064)
    if table.declared_partitions:
        chosen = (each for each in table.partitions if each.name in names)
        return "(" + " or ".join(declared.condition(table, each, quoted) for each in chosen) + ")"
    listed = ", ".join(declared.text(name) for name in names)
    return f"{name_sql(table)} in ({listed})"


def shown_value(table: Table, name: str) -> str:
    """What SHOW PARTITIONS prints as the range or the list of a partition."""
    found = next((each for each in table.partitions if each.name == name), None)
    if found is not None:
        return declared.shown(table, found)
    dates = bounds(table, name)
    if dates is None:
        return ""
    kind = "DATE" if (column := table.column(table.partition_columns[0])) and column.type == "date" else "DATETIME"
    return f"[types: [{kind}]; keys: [{dates[0]}]; ..types: [{kind}]; keys: [{dates[1]}]; )"


def bounds(table: Table, name: str) -> tuple[str, str] | None:
    """Lower (inclusive) and upper (exclusive) date of a date_trunc partition as text, None for other kinds."""
    unit = unit_of(table)
    digits = name.removeprefix("p")
    if unit is None or not digits.isdigit() or name == _OLDEST[unit]:
        return None
    row = duckdb.execute(
        "select s, s + case $2 when 'minute' then interval 1 minute when 'hour' then interval 1 hour"
        " when 'day' then interval 1 day when 'month' then interval 1 month else interval 1 year end"
        " from (select strptime($1, $3) s)",
        [digits, unit, _FORMATS[unit]],
    ).fetchone()
    column = table.column(table.partition_columns[0])
    if row is None or column is None:
        return None
    pattern = "%Y-%m-%d" if column.type == "date" else "%Y-%m-%d %H:%M:%S"
    return row[0].strftime(pattern), row[1].strftime(pattern)
