"""What people are told of a run that did not end well: severity, what and where, and the next command.

CRITICAL: what depends on the job does not run. WARNING: somebody looks at it today. Runs that are done are verify's
business. A cause that stops every job of a night (StarRocks is down, a setting is wrong) is told once, see `once`.
"""

from __future__ import annotations

import sys

from lib import log, notify, once
from lib.errors import CriticalFinding, Exit, Held, Misconfigured, NotNow, Unavailable, Usage
from lib.ledger import StepRecord
from lib.run import Run
from lib.warehouse import Row


def ended(run: Run, error: BaseException | None) -> None:
    """Tells how a run ended, if somebody has to know."""
    record = run.record
    if record.state in ("done", "partial"):
        once.forget()
    if record.state == "done" or _is_known(error):
        return
    is_warning = record.state == "interrupted" or record.exit_code == Exit.PARTIAL or isinstance(error, Held)
    lines = [record.error, *_steps(run.steps, record.error)]
    lines += [f"next: {record.hint}"] if record.hint else []
    lines += [f"run {record.run_id}, exit {record.exit_code}"]
    cause = error if error is not None or not run.failures else run.failures[0]
    _send(
        "WARNING" if is_warning else "CRITICAL",
        f"{record.job} {record.state}: night of {record.cycle}",
        "\n".join(line for line in lines if line),
        record.job,
        cause,
    )


def refused(job: str, error: Misconfigured) -> None:
    """Tells that a job could not even begin: nothing of it is in the ledger, and cron throws its output away."""
    _send("CRITICAL", f"{job} did not start", f"{error.message}\nnext: {error.hint}", job, error)


def crashed(run: Run, row: Row, text: str) -> None:
    """Tells of an earlier run that died without a word."""
    then = f"Run {run.run_id} of {run.record.job} takes over." if row["job"] == run.record.job else ""
    notify.send("CRITICAL", text, then or f"next: ./run {row['job']}", dedup_key=f"{row['job']}-crashed")


def _is_known(error: BaseException | None) -> bool:
    """Whether whoever has to know does: from the job itself, from the run that failed before, from the terminal."""
    if isinstance(error, NotNow):
        return error.known or sys.stderr.isatty()
    return isinstance(error, CriticalFinding | Usage)


def _steps(steps: list[StepRecord], said: str) -> list[str]:
    """A line for each step that is not done, with rows or error; those left out in one line."""
    lines = []
    for step in steps:
        if step.state not in ("done", "skipped") and not (step.error and step.error == said):
            why = step.error.removeprefix(f"{step.step}: ")
            lines.append(f"{step.step} {step.state}: {'; '.join(filter(None, [step.told(), why]))}")
    skipped = [step.step for step in steps if step.state == "skipped"]
    return [*lines, *([f"skipped: {', '.join(skipped)}"] if skipped else [])]


def _send(severity: notify.Severity, title: str, body: str, job: str, error: BaseException | None) -> None:
    cause = _shared_cause(error)
    if cause and not once.is_news(cause):
        log.info("notification_repeats", cause=cause, repeat_hours=once.REPEAT_HOURS)
        return
    if cause:
        body += f"\nOther jobs that end for this cause are told of after {once.REPEAT_HOURS} hours."
    sent = notify.send(severity, title, body, dedup_key=cause or f"{job}-failed")
    if cause and sent.delivered:
        once.remember(cause)


def _shared_cause(error: BaseException | None) -> str:
    """What names a cause that other jobs meet as well; empty for one of this job's own."""
    if isinstance(error, Unavailable) and error.service:
        return f"{error.service}-unavailable"
    return error.message if isinstance(error, Misconfigured) else ""
