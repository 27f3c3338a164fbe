"""How a run ended: its state, what is printed, who is told, the exit code."""

from __future__ import annotations

import json
import sys

from lib import clock, log, notify, telemetry
from lib.errors import CriticalFinding, Exit, NotNow, Stopped, Told, Unavailable
from lib.run import MARKS, Run
from lib.warehouse import Row

_STATES = {Exit.DONE: "done", Exit.PARTIAL: "partial", Exit.NOT_NOW: "skipped"}


def refused(name: str, error: Told) -> Exit:
    """Tells of an error that came before there was a run: a wrong command line, a wrong setting."""
    _print_error(name, error.message, error.hint)
    return error.exit_code


def settle(run: Run, error: BaseException | None) -> None:
    """Writes state, exit code, error and hint into the run's record."""
    record = run.record
    told = error if error is not None else (run.failures[0] if run.failures else None)
    code = _code(run, error)
    record.exit_code = int(code)
    record.state = "interrupted" if isinstance(error, Stopped) else _STATES.get(code, "failed")
    record.ended_at = clock.now()
    record.rows = run.rows
    if isinstance(told, Told):
        record.error, record.hint = told.message, told.hint
    elif told is not None:
        record.error = str(told) if isinstance(told, Stopped) else f"bug: {type(told).__name__}: {told}"
        record.hint = "" if isinstance(told, Stopped) else "the log on standard error has the traceback"


def tell(run: Run, error: BaseException | None) -> Exit:
    """Prints the result, notifies, and returns the exit code."""
    settle(run, error)
    record = run.record
    seconds = (clock.now() - record.started_at).total_seconds()
    code = Exit(record.exit_code or 0)
    say = log.info if code in (Exit.DONE, Exit.PARTIAL, Exit.NOT_NOW) else log.error
    say("run", state=record.state, exit_code=int(code), seconds=round(seconds, 3), **record.rows.as_dict())
    telemetry.count(
        "nightshift.job.runs",
        1,
        **{"nightshift.job.name": record.job, "nightshift.job.outcome": record.state},
    )
    if run.args.json:
        print(json.dumps(_document(run, seconds), ensure_ascii=False, default=str))
    else:
        _print(run, seconds)
    if not (run.args.no_notify or run.dry_run):
        _notify(run, error)
    sys.stdout.flush()
    return code


def crashed(run: Run, row: Row) -> None:
    """Tells of an earlier run that died without a word; called once for each."""
    text = f"{row['job']} crashed: run {row['run_id']} (pid {row['pid']} on {row['host']}) died without a word"
    log.error("crashed", dead_run=row["run_id"], pid=row["pid"], dead_host=row["host"])
    run.note(f"{text}; this run takes over")
    if not run.args.no_notify:
        notify.send(
            "CRITICAL",
            text,
            f"Run {run.run_id} of {run.record.job} takes over.",
            dedup_key=f"{row['job']}-crashed",
        )


def _code(run: Run, error: BaseException | None) -> Exit:
    if isinstance(error, Told | Stopped):
        return error.exit_code
    return run.exit_code() if error is None else Exit.BUG


def _document(run: Run, seconds: float) -> dict[str, object]:
    record = run.record
    steps = [
        {
            "step": step.step,
            "state": step.state,
            "seconds": round(step.seconds, 3),
            "rows": step.rows.as_dict(),
            "error": step.error,
        }
        for step in run.steps
    ]
    return {
        "job": record.job,
        "run_id": record.run_id,
        "cycle": str(run.cycle),
        "state": record.state,
        "exit_code": record.exit_code,
        "seconds": round(seconds, 3),
        "rows": record.rows.as_dict(),
        "steps": steps,
        "notes": run.notes,
        "error": record.error,
        "hint": record.hint,
        **({"planned": run.warehouse.planned} if run.dry_run else {}),
        **run.result,
    }


def _print(run: Run, seconds: float) -> None:
    record = run.record
    for note in run.notes:
        print(note)
    for statement in run.warehouse.planned:
        print(f"would execute: {statement[:500]}")
    state = MARKS.get(record.state, record.state)
    counted = [record.rows.told()] if any(step.counts for step in run.steps) and record.state != "failed" else []
    words = [state, *counted, f"{seconds:.1f} s", f"night of {run.cycle}", f"run {record.run_id}"]
    print(f"{record.job}: {', '.join(words)}")
    if record.error:
        _print_error(record.job, record.error, record.hint)


def _print_error(name: str, message: str, hint: str) -> None:
    print(f"{name}: {message}" if not message.startswith(f"{name}:") else message, file=sys.stderr)
    if hint:
        print(f"  hint: {hint}", file=sys.stderr)


def _notify(run: Run, error: BaseException | None) -> None:
    record = run.record
    if record.state == "done" or isinstance(error, NotNow | CriticalFinding):
        # Nothing to say; or the parent of a skipped run has been told of; or the job has told its findings itself.
        return
    severity: notify.Severity = "WARNING" if record.state in ("partial", "interrupted") else "CRITICAL"
    title = f"{record.job} {record.state}: night of {run.cycle}"
    lines = [record.error or record.rows.told(), record.hint, f"run {record.run_id}, exit {record.exit_code}"]
    lines += [f"{step.step}: {step.error}" for step in run.steps if step.error and step.error != record.error]
    notify.send(severity, title, "\n".join(line for line in lines if line), dedup_key=_dedup(record.job, error))


def _dedup(job: str, error: BaseException | None) -> str:
    return f"{error.service}-unavailable" if isinstance(error, Unavailable) and error.service else f"{job}-failed"
