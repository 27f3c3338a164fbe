"""No row was put into quarantine this night."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from lib.catalog import Severity
from lib.checks import SHOWN_ROWS, Night, Question, Verdict
from lib.quarantine import OPEN
from lib.warehouse import Row

SEVERITY: Severity = "WARNING"


def question(night: Night) -> Question:
    """The rows that runs of this night have put aside and nobody has settled, by table and reason."""
    aside = (
        f"FROM {night.table('ops_quarantine')} q JOIN {night.table('ops_job_run')} r ON r.run_id = q.run_id"
        f" WHERE r.cycle = '{night.cycle}' AND q.state IN ({', '.join(repr(state) for state in OPEN)})"
    )
    return Question(
        judge=lambda rows, _total: _judge(rows),
        query=f"SELECT q.target, q.reason, q.column_name, q.value, q.source, q.coordinates, q.accepted {aside}"
        f" ORDER BY q.target, q.coordinates LIMIT {SHOWN_ROWS};",
        statement=f"SELECT q.target AS target, q.reason AS reason, count(*) AS rows_aside {aside}"
        " GROUP BY q.target, q.reason ORDER BY target, reason",
    )


def _judge(rows: Iterable[Row]) -> Verdict:
    reasons: dict[str, list[str]] = defaultdict(list)
    total = 0
    for row in rows:
        reasons[row["target"]].append(f"{int(row['rows_aside']):,} {row['reason']}")
        total += int(row["rows_aside"])
    told = "; ".join(f"{table}: {', '.join(found)}" for table, found in reasons.items())
    measured = f"{total:,} rows in quarantine: {told}" if total else "no rows in quarantine"
    return Verdict(total == 0, measured, wrong_rows=total, value=float(total))
