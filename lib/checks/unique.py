"""`unique(column, ...)`: no two rows are alike in these columns. Rows with a NULL there are not compared."""

from __future__ import annotations

from lib import checks
from lib.catalog import Check
from lib.checks import SHOWN_ROWS, Night, Question, of_rows
from lib.warehouse import quote

USAGE = "unique(<column>, ...)"


def columns(check: Check) -> tuple[str, ...]:
    """The columns."""
    return checks.names(check, check.arguments, USAGE)


def question(check: Check, table: str, night: Night) -> Question:
    """How many rows share their key with another row.

    A statement of its own: an exact grouping inside the shared scan costs more than both apart.
    """
    named = columns(check)
    key = ", ".join(quote(name) for name in named)
    known = " AND ".join(f"{quote(name)} IS NOT NULL" for name in named)
    repeated = f"FROM {night.table(table)} WHERE {known} GROUP BY {key} HAVING count(*) > 1"
    return Question(
        judge=lambda rows, total: of_rows(
            int(rows[0]["wrong"] or 0),
            total,
            f"{', '.join(named)} {'is' if len(named) == 1 else 'are'} not unique",
        ),
        query=f"SELECT {key}, count(*) AS rows_alike {repeated} ORDER BY rows_alike DESC LIMIT {SHOWN_ROWS};",
        statement=f"SELECT sum(rows_alike) AS wrong FROM (SELECT count(*) AS rows_alike {repeated}) d",
    )
