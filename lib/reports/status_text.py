"""The status of the warehouse as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from lib.reports.durations import duration
from lib.reports.status import Lag, Planned, Status

# Days of a gap that are named one by one.
_DAYS_NAMED = 20
# Characters of an error in the table of jobs: who holds a lock, with run and process, fits.
_ERROR = 160


def lines(status: Status) -> list[str]:
    """Everything, in the order in which a person asks at half past seven."""
    found = [f"Night of {status.cycle}, {status.at:%Y-%m-%d %H:%M} UTC", ""]
    found += _table(("JOB", "DUE", "STATE", "STARTED", "TOOK", "ROWS", ""), [_job(job) for job in status.jobs])
    found += _now(status)
    if not status.has_ledger:
        return [*found, "", "There is no ledger in the warehouse yet. Next: ./run migrate"]
    found += [
        "",
        *_table(("TABLE", "LAST LOAD", "NEWEST ROW", "LAG", "QUARANTINE", "WATERMARK"), map(_lag, status.tables)),
    ]
    backup, verified = status.backup, status.verified
    found += ["", f"backup: {backup['label']}, finished {_time(backup['finished_at'])}" if backup else "backup: none"]
    if verified:
        faults = ", ".join(f"{number} {name}" for name, number in sorted(verified["faults"].items()) if number)
        told = f"{verified['verdict']}, {verified['checks']} checks" + (f", not passed: {faults}" if faults else "")
        found.append(f"verified: night of {verified['cycle']}: {told} (run {verified['run_id']})")
    else:
        found.append("verified: never")
    return found


def gap_lines(gaps: Mapping[str, Sequence[date]]) -> list[str]:
    """The missing days of each table, neighbours as ranges."""
    found = []
    for table, days in gaps.items():
        ranges = _ranges(days)
        more = f" and {len(ranges) - _DAYS_NAMED} more" if len(ranges) > _DAYS_NAMED else ""
        told = f"{len(days)} days without rows: {', '.join(ranges[:_DAYS_NAMED])}{more}" if days else "no gaps"
        found.append(f"gaps: {table}: {told}")
    return found or ["gaps: no fact table has partitions by date"]


def _job(job: Planned) -> tuple[str, ...]:
    rows = f"{job.rows_loaded:,}{_aside(job)}" if job.started_at else ""
    took = duration(job.seconds) if job.started_at else ""
    return job.job, f"{job.due_at:%H:%M}", job.state, _time(job.started_at), took, rows, job.error[:_ERROR]


def _aside(job: Planned) -> str:
    """What of its rows is in quarantine: new, and as before."""
    new = job.rows_quarantined - job.rows_standing
    words = [f"+{new:,} in quarantine"] if new else []
    words += [f"{job.rows_standing:,} in quarantine as before"] if job.rows_standing else []
    return f" ({', '.join(words)})" if words else ""


def _lag(lag: Lag) -> tuple[str, ...]:
    late = {part: f" ({behind:,} behind)" for part, behind in lag.behind.items() if behind}
    positions = "; ".join(f"{part or 'whole'} {at}{late.get(part, '')}" for part, at in lag.positions.items())
    age = f"{lag.lag_hours} h" if lag.lag_hours is not None else ""
    newest = _time(lag.newest) if isinstance(lag.newest, datetime) else str(lag.newest or "")
    aside = f"{lag.quarantined:,}" if lag.quarantined else ""
    return lag.table, _time(lag.loaded_at) or "never", newest, age, aside, positions[:60]


def _now(status: Status) -> list[str]:
    found = [f"lock {name}: held by {holder}" for name, holder in status.locks.items()]
    for run in status.running:
        where = f"run {run['run_id']}, pid {run['pid']} on {run['host']}, since {_time(run['started_at'])}"
        found.append(f"running: {run['job']} ({where})")
    return ["", *found] if found else []


def _time(value: date | None) -> str:
    return f"{value:%Y-%m-%d %H:%M}" if value else ""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    table = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(row[index]) for row in table) for index in range(len(head))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def _ranges(days: Sequence[date]) -> list[str]:
    found: list[list[date]] = []
    for day in days:
        if found and day - found[-1][-1] == timedelta(days=1):
            found[-1].append(day)
        else:
            found.append([day])
    return [str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in found]
