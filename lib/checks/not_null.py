"""`not_null(column)`: the column has a value in every row."""

from __future__ import annotations

from lib import checks
from lib.catalog import Check
from lib.checks import Night, Question, of_rows
from lib.warehouse import quote

USAGE = "not_null(<column>)"


def columns(check: Check) -> tuple[str, ...]:
    """The column."""
    return (checks.column(check, USAGE, 1),)


def row_rule(check: Check) -> str:
    """TRUE for a row without a value."""
    return f"s.{quote(columns(check)[0])} IS NULL"


def question(check: Check, table: str, night: Night) -> Question:
    """How many rows have no value. The difference of two counts is the cheapest form in a shared scan."""
    name = columns(check)[0]
    return Question(
        judge=lambda rows, total: of_rows(int(rows[0]["wrong"]), total, f"{name} is NULL"),
        query=checks.by_row(row_rule(check), "", table, night).query,
        aggregates={"wrong": f"count(*) - count(s.{quote(name)})"},
    )
