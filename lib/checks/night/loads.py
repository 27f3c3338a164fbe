"""The ledger of loads agrees with itself: each row that was read became visible, was known, or is in quarantine."""

from __future__ import annotations

from collections.abc import Iterable

from lib.catalog import Severity
from lib.checks import Night, Question, Verdict
from lib.warehouse import Row

SEVERITY: Severity = "WARNING"


def question(night: Night) -> Question:
    """The loads of this night whose counts do not add up."""
    lost = (
        f"SELECT target, load_id, rows_read, rows_staged, rows_loaded, rows_repeated, rows_quarantined"
        f" FROM {night.table('ops_load')} WHERE cycle = '{night.cycle}' AND (rows_staged > rows_read"
        " OR rows_read > rows_staged + rows_quarantined"
        " OR rows_read <> rows_loaded + rows_repeated + rows_quarantined)"
    )
    return Question(
        judge=lambda rows, _total: _judge(rows), query=f"{lost};", statement=f"{lost} ORDER BY target, load_id"
    )


def _judge(rows: Iterable[Row]) -> Verdict:
    told = [
        f"{row['target']} ({row['load_id']}): {row['rows_read']:,} read, {row['rows_staged']:,} staged,"
        f" {row['rows_loaded']:,} loaded, {row['rows_repeated']:,} known, {row['rows_quarantined']:,} in quarantine"
        for row in rows
    ]
    return Verdict(not told, "; ".join(told) or "all loads add up", wrong_rows=len(told))
