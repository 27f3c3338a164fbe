"""Every materialized view was refreshed this night. Read from the ledger: the server's clock is not the jobs' clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lib.catalog import Severity
from lib.checks import Night, Question, Verdict
from lib.checks.night.views_active import declared
from lib.warehouse import Row

SEVERITY: Severity = "WARNING"


def question(night: Night) -> Question | None:
    """The steps of refresh_views this night; None without materialized views."""
    expected = declared()
    if not expected:
        return None
    steps = (
        f"SELECT s.step AS step, s.state AS state, s.error AS error FROM {night.table('ops_job_step')} s"
        f" JOIN {night.table('ops_job_run')} r ON r.run_id = s.run_id"
        f" WHERE r.job = 'refresh_views' AND r.cycle = '{night.cycle}' ORDER BY s.started_at"
    )
    return Question(judge=lambda rows, _total: _judge(expected, rows), query=f"{steps};", statement=steps)


def _judge(expected: Sequence[str], rows: Iterable[Row]) -> Verdict:
    states = {row["step"]: row["state"] for row in rows}
    stale = [f"{name}: {states.get(name, 'not refreshed')}" for name in expected if states.get(name) != "done"]
    return Verdict(not stale, "; ".join(stale) or f"{len(expected)} materialized views refreshed")
