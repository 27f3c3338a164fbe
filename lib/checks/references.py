"""`references(column, table.column)`: every value is known there. NULL refers to nothing."""

from __future__ import annotations

from lib import checks
from lib.catalog import Check
from lib.checks import SHOWN_ROWS, Night, Question, of_rows
from lib.warehouse import quote

USAGE = "references(<column>, <dimension>.<column>)"


def columns(check: Check) -> tuple[str, ...]:
    """The referring column; also looks at the target."""
    elsewhere(check)
    return (checks.column(check, USAGE, 2),)


def elsewhere(check: Check) -> list[tuple[str, str]]:
    """The table and column referred to."""
    target = check.arguments[1].split(".") if len(check.arguments) == 2 else []
    if len(target) != 2:
        raise check.line.wrong(f"expected {USAGE}")
    checks.names(check, target[:1], USAGE)
    checks.names(check, target[1:], USAGE)
    return [(target[0], target[1])]


def question(check: Check, table: str, night: Night) -> Question:
    """How many rows refer to something unknown: an anti join, in a statement of its own."""
    name = columns(check)[0]
    dimension, key = elsewhere(check)[0]
    unknown = (
        f"FROM {night.table(table)} s LEFT ANTI JOIN {night.table(dimension)} d"
        f" ON d.{quote(key)} = s.{quote(name)} WHERE s.{quote(name)} IS NOT NULL"
    )
    return Question(
        judge=lambda rows, total: of_rows(int(rows[0]["wrong"]), total, f"{name} is not in {dimension}.{key}"),
        query=f"SELECT s.{quote(name)}, count(*) AS rows_with_it {unknown} GROUP BY s.{quote(name)}"
        f" ORDER BY rows_with_it DESC LIMIT {SHOWN_ROWS};",
        statement=f"SELECT count(*) AS wrong {unknown}",
    )
