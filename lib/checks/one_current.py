"""`one_current(key, ...)`: each key has exactly one current version. SCD 2 tables get it by themselves."""

from __future__ import annotations

from lib import checks
from lib.catalog import Check
from lib.checks import SHOWN_ROWS, Night, Question, of_rows
from lib.warehouse import quote

USAGE = "one_current(<key column>, ...)"


def columns(check: Check) -> tuple[str, ...]:
    """The key and what marks the current version."""
    return (*checks.names(check, check.arguments, USAGE), "is_current", "valid_to")


def question(check: Check, table: str, night: Night) -> Question:
    """How many rows belong to a key without exactly one version that is both marked current and open."""
    key = ", ".join(quote(name) for name in check.arguments)
    marked = "count(CASE WHEN is_current THEN 1 END)"
    still_open = "count(CASE WHEN valid_to = '9999-12-31 00:00:00' THEN 1 END)"
    both = "count(CASE WHEN is_current AND valid_to = '9999-12-31 00:00:00' THEN 1 END)"
    broken = f"FROM {night.table(table)} GROUP BY {key} HAVING {marked} <> 1 OR {still_open} <> 1 OR {both} <> 1"
    fault = f"{', '.join(check.arguments)} has not exactly one current version"
    return Question(
        judge=lambda rows, total: of_rows(int(rows[0]["wrong"] or 0), total, fault),
        query=f"SELECT {key}, count(*) AS versions, {marked} AS current_versions,"
        f" {still_open} AS open_versions {broken} LIMIT {SHOWN_ROWS};",
        statement=f"SELECT sum(versions) AS wrong FROM (SELECT count(*) AS versions {broken}) k",
    )
