"""VALUES of an INSERT: rows of expressions, DEFAULT among them.

Recorded: `test/sql/test_auto_increment/R/test_auto_increment` (DEFAULT and NULL in an AUTO_INCREMENT column).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from emulator.errors import analysis
from emulator.sql import dialect
from emulator.sql.reader import Reader
from emulator.storage import auto_increment
from emulator.storage.catalog import Column, Table

if TYPE_CHECKING:
    from emulator.session import Session


def read_values(session: Session, reader: Reader, table: Table, names: tuple[str, ...]) -> exp.Values:
    """VALUES (..), (..) as a query; DEFAULT stands for the default of its column."""
    columns = [table.column(name) for name in names]
    rows: list[list[exp.Expr]] = []
    while True:
        rows.append(list(dialect.parse(f"select {reader.bracketed()}").expressions))
        if not reader.accept(","):
            break
    reader.end()
    if len({len(row) for row in rows}) > 1:
        raise analysis("Values have unequal number of columns")
    _fill_numbers(session, table, columns, rows)
    filled = [[_or_default(item, columns, names, at) for at, item in enumerate(row)] for row in rows]
    return exp.Values(expressions=[exp.Tuple(expressions=row) for row in filled])


def is_default(item: exp.Expr) -> bool:
    """True for the word DEFAULT."""
    return isinstance(item, exp.Column) and item.name.upper() == "DEFAULT" and not item.this.args.get("quoted")


def _fill_numbers(session: Session, table: Table, columns: list[Column | None], rows: list[list[exp.Expr]]) -> None:
    """Put the next numbers where DEFAULT stands in an AUTO_INCREMENT column; NULL is refused there."""
    at = next((at for at, column in enumerate(columns) if column is not None and column.auto_increment), None)
    if at is None:
        return
    column = columns[at]
    assert column is not None
    if any(len(row) > at and isinstance(row[at], exp.Null) for row in rows):
        raise analysis(
            f" `NULL` value is not supported for an AUTO_INCREMENT column: {column.name}"
            " You can use `default` for an AUTO INCREMENT column"
        )
    open_rows = [row for row in rows if len(row) > at and is_default(row[at])]
    if not open_rows:
        return
    with session.engine.write(session.cursor) as unit:
        first = auto_increment.take(session.engine, unit, table, len(open_rows))
    for number, row in enumerate(open_rows, first):
        row[at] = exp.Literal.number(number)


def _or_default(item: exp.Expr, columns: list[Column | None], names: tuple[str, ...], at: int) -> exp.Expr:
    return default_of(columns[at] if at < len(columns) else None, names[at : at + 1]) if is_default(item) else item


def default_of(column: Column | None, name: tuple[str, ...] = ()) -> exp.Expr:
    """The expression of a column's default in StarRocks SQL. Raises StarRocks' refusal when there is none."""
    if column is None or (column.default is None and not column.nullable):
        raise analysis(f"Column has no default value, column={''.join(name)}")
    if column.default is None:
        return exp.Null()
    if column.default_is_function:
        function = column.default.replace("CURRENT_TIMESTAMP", "now")
        return dialect.parse_expression(function if "(" in function else f"{function}()")
    return exp.Literal.string(column.default)
