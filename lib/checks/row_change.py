"""`row_change(50%)`: the number of rows differs by no more from that of the last night that was verified."""

from __future__ import annotations

import re
from collections.abc import Sequence

from lib.catalog import Check
from lib.checks import Night, Question, Verdict
from lib.warehouse import Row

USAGE = "row_change(<percent>) such as row_change(50%)"
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%$")


def columns(check: Check) -> tuple[str, ...]:
    """None; looks at the percentage."""
    _allowed(check)
    return ()


def question(check: Check, table: str, night: Night) -> Question:
    """The rows of tonight; those of an earlier night stand in ops_check_result."""
    allowed = _allowed(check)

    def judge(_rows: Sequence[Row], total: int) -> Verdict:
        return _judge(total, _earlier(table, night), allowed)

    return Question(
        judge=judge,
        query=f"SELECT cycle, checked_at, measured FROM {night.table('ops_check_result')}"
        f" WHERE subject = '{table}' AND check_name LIKE 'row_change(%' ORDER BY checked_at DESC LIMIT 30;",
    )


def _earlier(table: str, night: Night) -> Row | None:
    """The count of the last verified night, found by table: another percentage keeps its history."""
    found = night.warehouse.read(
        f"SELECT cycle, value FROM {night.table('ops_check_result')}"
        " WHERE subject = %s AND check_name LIKE %s AND cycle < %s AND value IS NOT NULL"
        " ORDER BY cycle DESC, checked_at DESC LIMIT 1",
        (table, "row_change(%", night.cycle),
    )
    return found[0] if found else None


def _judge(total: int, earlier: Row | None, allowed: float) -> Verdict:
    if earlier is None:
        return Verdict(True, f"{total:,} rows, no earlier night to compare with", value=float(total))
    before = int(earlier["value"])
    change = abs(total - before) / before * 100 if before else 0.0
    sign = "-" if total < before else "+"
    against = f"{before:,} on {earlier['cycle']}"
    measured = f"{total:,} rows, {sign}{change:.1f} % against {against}, allowed {allowed:g} %"
    return Verdict(change <= allowed, measured, value=float(total))


def _allowed(check: Check) -> float:
    found = _PERCENT.match(check.arguments[0]) if len(check.arguments) == 1 else None
    if found is None:
        raise check.line.wrong(f"expected {USAGE}")
    return float(found[1])
