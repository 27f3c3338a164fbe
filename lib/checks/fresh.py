"""`fresh(column, 26h)`: the newest value is not older. One in the future proves nothing and is left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from lib import checks, headers
from lib.catalog import Check
from lib.checks import SHOWN_ROWS, Night, Question, Verdict
from lib.warehouse import Row, quote

USAGE = "fresh(<column>, <length of time>) such as fresh(settled_at, 26h)"


def columns(check: Check) -> tuple[str, ...]:
    """The column; also looks at the length of time."""
    name = checks.column(check, USAGE, 2)
    _allowed(check)
    return (name,)


def question(check: Check, table: str, night: Night) -> Question:
    """The newest value up to now, by the jobs' clock."""
    name, allowed = columns(check)[0], _allowed(check)
    value, now = f"s.{quote(name)}", f"CAST('{night.now:%Y-%m-%d %H:%M:%S}' AS DATETIME)"

    def judge(rows: Sequence[Row], _total: int) -> Verdict:
        return _judge(name, rows[0]["newest"], int(rows[0]["future"]), allowed, night.now)

    return Question(
        judge=judge,
        query=f"SELECT * FROM {night.table(table)} ORDER BY {quote(name)} DESC LIMIT {SHOWN_ROWS};",
        aggregates={
            "newest": f"max(CASE WHEN {value} <= {now} THEN {value} END)",
            "future": f"count(CASE WHEN {value} > {now} THEN 1 END)",
        },
    )


def _judge(name: str, newest: date | None, future: int, allowed: timedelta, now: datetime) -> Verdict:
    ahead = f"; {future:,} rows lie in the future" if future else ""
    if newest is None:
        return Verdict(False, f"no row has a {name} up to now{ahead}")
    at = newest if isinstance(newest, datetime) else datetime.combine(newest, datetime.min.time())
    shown = f"{newest:%Y-%m-%d %H:%M}" if isinstance(newest, datetime) else str(newest)
    age = now - at
    measured = f"newest {name} is {shown}, {_hours(age)} h ago, allowed {_hours(allowed)} h{ahead}"
    return Verdict(age <= allowed, measured, value=round(age.total_seconds() / 3600, 3))


def _hours(length: timedelta) -> str:
    return f"{length.total_seconds() / 3600:.1f}".removesuffix(".0")


def _allowed(check: Check) -> timedelta:
    found = headers.duration(check.arguments[1]) if len(check.arguments) == 2 else None
    if found is None:
        raise check.line.wrong(f"expected {USAGE}")
    return found
