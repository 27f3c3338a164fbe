"""How a run ended: its state, what is printed, the exit code. Who is told of it: lib.run_messages."""

from __future__ import annotations

import json

from lib import clock, log, run_messages, streams, telemetry
from lib.errors import Exit, Misconfigured, Stopped, Told, Usage
from lib.redaction import redact
from lib.run import MARKS, Run
from lib.warehouse import Row

_STATES = {Exit.DONE: "done", Exit.PARTIAL: "partial", Exit.NOT_NOW: "skipped"}


def refused(name: str, error: Told, *, json_wanted: bool, notify_wanted: bool) -> Exit:
    """Tells of an error that came before there was a run: a wrong command line, a wrong setting."""
    _print_error(name, error.message, error.hint)
    if json_wanted:
        told = {"error": redact(error.message), "hint": redact(error.hint)}
        state = "skipped" if isinstance(error, Usage) else "failed"
        _print_document({"job": name, "state": state, "exit_code": int(error.exit_code), **told})
    if notify_wanted and isinstance(error, Misconfigured):
        run_messages.refused(name, error)
    return error.exit_code


def settle(run: Run, error: BaseException | None) -> None:
    """Writes state, exit code, error and hint into the run's record."""
    record = run.record
    told = error if error is not None else (run.failures[0] if run.failures else None)
    code = _code(run, error)
    record.exit_code = int(code)
    record.state = _state(run, error, code)
    record.ended_at = clock.now()
    record.rows = run.rows
    if isinstance(told, Told):
        record.error, record.hint = redact(told.message), redact(told.hint)
    elif isinstance(told, Stopped):
        record.error, record.hint = str(told), f"a rerun is safe: ./run {record.job}"
    elif told is not None:
        record.error = redact(f"bug: {type(told).__name__}: {told}")
        record.hint = "the log on standard error has the traceback"
    elif code is Exit.PARTIAL:
        tables = " ".join(f"--only {step.step}" for step in run.steps if step.rows.put_aside)
        record.hint = f"./run quarantine {tables} --show 20"


def tell(run: Run, error: BaseException | None, *, recorded: bool) -> Exit:
    """Prints the result, notifies, and returns the exit code. A job that only looks tells nobody but its terminal."""
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
        _print_document(_document(run, seconds))
    else:
        _print(run, seconds)
    if recorded and not (run.args.no_notify or run.dry_run):
        run_messages.ended(run, error)
    if streams.lost_output() and code is Exit.DONE and not recorded:
        return Exit.FAILED
    return code


def crashed(run: Run, row: Row) -> None:
    """Tells of an earlier run that died without a word; called once for each."""
    text = f"{row['job']} crashed: run {row['run_id']} (pid {row['pid']} on {row['host']}) died without a word"
    log.error("crashed", dead_run=row["run_id"], pid=row["pid"], dead_host=row["host"])
    run.note(text)
    if not run.args.no_notify:
        run_messages.crashed(run, row, text)


def _code(run: Run, error: BaseException | None) -> Exit:
    if isinstance(error, Told | Stopped):
        return error.exit_code
    return run.exit_code() if error is None else Exit.BUG


def _state(run: Run, error: BaseException | None, code: Exit) -> str:
    if isinstance(error, Stopped):
        return "interrupted"
    if isinstance(error, Usage) and not run.steps:
        # A slip of the pen: nothing was done, and what had been done before it this night still counts.
        return "skipped"
    if error is None and code is Exit.FAILED and run.has_done_some:
        # The data of an item was refused; what comes after goes on with the others.
        return "partial"
    return _STATES.get(code, "failed")


def _document(run: Run, seconds: float) -> dict[str, object]:
    record = run.record
    steps = [
        {
            "step": step.step,
            "state": step.state,
            "attempt": step.attempt,
            "seconds": round(step.seconds, 3),
            "rows": step.rows.as_dict(),
            "error": step.error,
        }
        for step in run.steps
    ]
    return {
        "job": record.job,
        "run_id": record.run_id,
        "cycle": str(record.cycle),
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


def _print_document(document: dict[str, object]) -> None:
    streams.out(json.dumps(document, ensure_ascii=False, default=str))


def _print(run: Run, seconds: float) -> None:
    record = run.record
    for note in run.notes:
        streams.out(note)
    for statement in run.warehouse.planned:
        streams.out(f"would execute: {statement[:500]}")
    state = MARKS.get(record.state, record.state)
    counted = [record.rows.told()] if any(step.counts for step in run.steps) and record.state != "failed" else []
    words = [state, *counted, f"{seconds:.1f} s", f"night of {record.cycle}", f"run {record.run_id}"]
    streams.out(f"{record.job}: {', '.join(words)}")
    _print_error(record.job, record.error, record.hint)


def _print_error(name: str, message: str, hint: str) -> None:
    if message:
        is_named = message.removeprefix("./run ").startswith(f"{name}:")
        streams.err(redact(message if is_named else f"{name}: {message}"))
    if hint:
        streams.err(redact(f"  hint: {hint}"))
