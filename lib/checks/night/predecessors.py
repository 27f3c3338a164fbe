"""Every job that verify builds upon has been done this night. Fails when verify was forced."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lib import job_files
from lib.catalog import Severity
from lib.checks import Night, Question, Verdict
from lib.ledger import DONE_STATES
from lib.warehouse import Row

SEVERITY: Severity = "CRITICAL"
# Has a check of its own, with a severity of its own.
_ELSEWHERE = ("backup",)


def question(night: Night) -> Question | None:
    """The newest run of each job of the night that was not merely skipped."""
    expected = _chain("verify")
    if not expected:
        return None
    runs = (
        "SELECT job, state, run_id, error, row_number() OVER (PARTITION BY job ORDER BY started_at DESC, run_id DESC)"
        f" AS place FROM {night.table('ops_job_run')} WHERE cycle = '{night.cycle}' AND state <> 'skipped'"
    )
    newest = f"SELECT job, state, run_id, error FROM ({runs}) r WHERE place = 1"
    done = ", ".join(f"'{state}'" for state in DONE_STATES)
    return Question(
        judge=lambda rows, _total: _judge(expected, rows),
        query=f"{newest} AND state NOT IN ({done});",
        statement=newest,
    )


def _judge(expected: Sequence[str], rows: Iterable[Row]) -> Verdict:
    states = {row["job"]: row["state"] for row in rows}
    faults = [
        f"{job} is {states[job]}" if job in states else f"{job} has not run"
        for job in expected
        if states.get(job) not in DONE_STATES
    ]
    return Verdict(not faults, "; ".join(faults) or f"{', '.join(expected)}: done")


def _chain(last: str) -> list[str]:
    """The jobs before `last`, those that come first in front."""
    after = {file.name: file.after for file in job_files.read_all()}
    found: list[str] = []

    def visit(name: str) -> None:
        for earlier in after.get(name, ()):
            if earlier not in found:
                visit(earlier)
                found.append(earlier)

    visit(last)
    return [name for name in found if name not in _ELSEWHERE]
