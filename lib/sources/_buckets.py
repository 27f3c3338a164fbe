"""What a SQL source has by day: rows and a hash of them, computed there, in words that the warehouse can say as well.

A row's hash is made of the columns as text, each in the one form that its type has everywhere: the first seven
hexadecimal digits of an MD5 as a number, added up over the rows, so their order is no matter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lib.columns import INTEGERS, Column
from lib.sources.sql import Source

# A NULL is not the empty text; between two columns stands what cannot move from one to the other unseen.
NULL, BETWEEN, DIGITS = "~null~", "~|~", 7
COMPARED = frozenset({*INTEGERS, "varchar", "char", "string", "boolean", "date", "datetime", "decimal"})
Bucket = tuple[int, int]

_DAY = {
    "mysql": "cast(date({at}) AS char)",
    "postgresql": "cast(cast({at} AS date) AS text)",
    "sqlite": "substr({at}, 1, 10)",
}
_NUMBER = {
    "mysql": "cast(conv(substr(md5({row}), 1, 7), 16, 10) AS unsigned)",
    "postgresql": "cast(cast('x' || substr(md5({row}), 1, 7) AS bit(28)) AS bigint)",
    "sqlite": "nightshift_hash({row})",
}
_TEXT = {
    "mysql": {
        "integer": "cast({name} AS char)",
        "text": "convert({name} USING utf8mb4)",
        "boolean": "cast({name} + 0 AS char)",
        "date": "date_format({name}, '%Y-%m-%d')",
        "datetime": "date_format({name}, '%Y-%m-%d %H:%i:%s')",
        "decimal": "cast(cast({name} AS decimal({digits}, {scale})) AS char)",
    },
    "postgresql": {
        "integer": "cast(cast({name} AS numeric(39, 0)) AS text)",
        "text": "cast({name} AS text)",
        "boolean": "cast(cast({name} AS integer) AS text)",
        "date": "to_char({name}, 'YYYY-MM-DD')",
        "datetime": "to_char({name}, 'YYYY-MM-DD HH24:MI:SS')",
        "decimal": "cast(cast({name} AS numeric({digits}, {scale})) AS text)",
    },
    "sqlite": {
        "integer": "cast({name} AS text)",
        "text": "cast({name} AS text)",
        "boolean": "cast({name} + 0 AS text)",
        "date": "substr({name}, 1, 10)",
        "datetime": "strftime('%Y-%m-%d %H:%M:%S', {name})",
        "decimal": "CASE WHEN {name} IS NOT NULL THEN printf('%.{scale}f', {name}) END",
    },
}


def kind(column: Column) -> str:
    """How a column's text is made: its type, integers and texts of every length together."""
    return "integer" if column.kind in INTEGERS else "text" if column.is_text else column.kind


def scale(column: Column) -> tuple[int, int]:
    """(digits, scale) of a DECIMAL; (10, 0) when it says nothing."""
    found = column.arguments
    return (found[0], found[1]) if len(found) == 2 else (found[0] if found else 10, 0)


def read(source: Source, columns: Mapping[str, Column], low: str, high: Any, *, closed: bool) -> dict[str, Bucket]:
    """Rows and hash by day, `YYYY-MM-DD`. `columns`: those of the source that are compared, by what they go to."""
    dialect = source.database.kind
    texts = [f"coalesce({_text(dialect, name, column)}, '{NULL}')" for name, column in columns.items()]
    between = f", '{BETWEEN}', " if dialect == "mysql" else f" || '{BETWEEN}' || "
    row = f"concat({between.join(texts)})" if dialect == "mysql" else between.join(texts)
    day = _DAY[dialect].format(at=source.at)
    limits = f"{source.at} >= :low AND {source.at} {'<=' if closed else '<'} :high"
    sql = (
        f"SELECT {day}, count(*), sum({_NUMBER[dialect].format(row=row)})"
        f" FROM {source.relation} WHERE {limits} GROUP BY {day}"
    )
    with source.database.opened() as opened:
        found = source.database.all(opened, sql, {"low": low, "high": high})
    return {str(day): (int(rows), int(total)) for day, rows, total in found}


def _text(dialect: str, name: str, column: Column) -> str:
    digits, places = scale(column)
    return _TEXT[dialect][kind(column)].format(name=name, digits=digits, scale=places)
