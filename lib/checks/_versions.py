"""What the two kinds that compare the versions of a key share."""

from __future__ import annotations

from lib import checks
from lib.catalog import Check
from lib.checks import SHOWN_ROWS, Night, Question, of_rows
from lib.warehouse import quote


def columns(check: Check, usage: str) -> tuple[str, ...]:
    """The key and the interval of each version."""
    return (*checks.names(check, check.arguments, usage), "valid_from", "valid_to")


def question(check: Check, table: str, night: Night, *, broken: str, fault: str) -> Question:
    """How many versions are `broken` seen together with the start of the next one, `next_from`."""
    key = ", ".join(quote(name) for name in check.arguments)
    versions = (
        f"(SELECT {key}, valid_from, valid_to, lead(valid_from) OVER (PARTITION BY {key} ORDER BY valid_from)"
        f" AS next_from FROM {night.table(table)}) v"
    )
    return Question(
        judge=lambda rows, total: of_rows(int(rows[0]["wrong"]), total, fault),
        query=f"SELECT {key}, valid_from, valid_to, next_from FROM {versions} WHERE {broken} LIMIT {SHOWN_ROWS};",
        statement=f"SELECT count(*) AS wrong FROM {versions} WHERE {broken}",
    )
