"""Lines of a body that never became rows: a wrong number of fields, or bytes that are no UTF-8.

DuckDB's reader keeps them in a table of the connection; messages: be/src/exec/file_scanner/csv_scanner.cpp.
"""

from __future__ import annotations

import duckdb

from emulator.storage.catalog import quoted
from emulator.stream_load.answer import MOST_ERROR_LINES
from emulator.stream_load.body import Body, decoded
from emulator.stream_load.headers import LoadOptions


def rejected(cursor: duckdb.DuckDBPyConnection, table: str, body: Body, options: LoadOptions) -> tuple[int, list[str]]:
    """(number of lines, the first of them as lines of the error log); the tables of the reader are dropped."""
    grouped = f"select line, any_value(error_type), any_value(csv_line) from {table} group by line order by line"
    rows = cursor.execute(grouped).fetchall()
    for name in (table, f"{table}_scan"):
        cursor.execute(f"drop table if exists {quoted(name)}")
    separator, shown = body.separator.decode(), options.column_separator.decode(errors="replace")
    lines = []
    for _, kind, line in rows[:MOST_ERROR_LINES]:
        found = line.count(separator) + 1
        reason = "Invalid UTF-8 row" if kind == "INVALID ENCODING" else _wrong_count(len(body.names), found, options)
        lines.append(f"Error: {reason}. Row: {decoded(line.replace(separator, shown))}")
    return len(rows), lines


def _wrong_count(wanted: int, found: int, options: LoadOptions) -> str:
    separator, delimiter = (
        repr(each.decode(errors="replace")) for each in (options.column_separator, options.row_delimiter)
    )
    return (
        f"Target column count: {wanted} doesn't match source value column count: {found}. "
        f"Column separator: {separator}, Row delimiter: {delimiter}"
    )
