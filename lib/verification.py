"""Asks what the plan holds and judges the answers: each check has passed, has failed, or is unknown."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lib import clock, log, retry, telemetry
from lib.catalog import Severity
from lib.checks import Night, Verdict
from lib.errors import Told, Unavailable
from lib.verification_plan import Asked, Subject
from lib.warehouse import Row, Warehouse

State = Literal["passed", "failed", "unknown"]
# StarRocks takes 32 MB of statement (max_allowed_packet); a result has few thousand bytes.
_ROWS_A_STATEMENT = 500
_MEASURED_BYTES, _QUERY_BYTES = 4000, 65000


@dataclass(frozen=True)
class Result:
    """What came of one check. A check that could not be evaluated counts as failed."""

    subject: str
    text: str
    severity: Severity
    place: str
    state: State
    measured: str
    wrong_rows: int | None
    value: float | None
    query: str
    seconds: float
    check_id: str
    checked_at: datetime

    @property
    def is_fault(self) -> bool:
        """Whether somebody has to look."""
        return self.state != "passed"


def verify(night: Night, subjects: Iterable[Subject]) -> list[Result]:
    """Asks everything, subject by subject.

    Raises `Unavailable` when the warehouse itself does not answer any more; a check that StarRocks refuses or
    cannot finish is unknown, and the others go on.
    """
    found: list[Result] = []
    for subject in subjects:
        with telemetry.span(f"verify {subject.name}", table=subject.name), log.bind(subject=subject.name):
            results = _Subject(night.warehouse, subject).results()
        for result in results:
            _say(result)
        found += results
    return found


@dataclass
class _Subject:
    """One subject while it is being verified: one scan for all cheap checks, a statement each for the others."""

    warehouse: Warehouse
    subject: Subject
    total: int = 0

    def results(self) -> list[Result]:
        """In the order of the plan."""
        scanned = [asked for asked in self.subject.asked if asked.question and not asked.question.statement]
        answers = self._scan(scanned) if self.subject.table else {}
        return [answers.get(asked.check_id) or self._alone(asked) for asked in self.subject.asked]

    def _scan(self, asked: Sequence[Asked]) -> dict[str, Result]:
        """Counts the rows and answers every cheap check in one statement."""
        wanted = ["count(*) AS total_rows"]
        for index, one in enumerate(asked):
            aggregates = one.question.aggregates if one.question else {}
            wanted += [f"{sql} AS c{index}_{name}" for name, sql in aggregates.items()]
        sql = f"SELECT {', '.join(wanted)} FROM {self.subject.table} s"
        rows, fault, seconds = self._ask(sql)
        if fault and len(asked) > 1:
            # One of them is to blame: alone, each can only spoil its own answer.
            self._scan([])
            return {check_id: result for one in asked for check_id, result in self._scan([one]).items()}
        if fault:
            return {one.check_id: _unknown(one, fault, seconds) for one in asked}
        self.total = int(rows[0]["total_rows"])
        return {
            one.check_id: self._judged(one, [_part(rows[0], f"c{index}_")], seconds) for index, one in enumerate(asked)
        }

    def _alone(self, asked: Asked) -> Result:
        if asked.question is None:
            return _unknown(asked, asked.why_not, 0.0)
        rows, fault, seconds = self._ask(asked.question.statement)
        return _unknown(asked, fault, seconds) if fault else self._judged(asked, rows, seconds)

    def _ask(self, sql: str) -> tuple[list[Row], str, float]:
        """Rows, or why there are none, and the seconds that it took."""
        began = time.monotonic()
        try:
            rows, fault = retry.call(lambda: self.warehouse.read(sql), before_retry=_say_retry), ""
        except Told as error:
            if isinstance(error, Unavailable):
                # Was it this statement, or is there nobody any more? Then every check would wait as long.
                self.warehouse.value("SELECT 1")
            rows, fault = [], error.message
        return rows, fault, time.monotonic() - began

    def _judged(self, asked: Asked, rows: Sequence[Row], seconds: float) -> Result:
        if asked.question is None:
            return _unknown(asked, asked.why_not, seconds)
        try:
            verdict = asked.question.judge(rows, self.total)
        except Told as error:
            return _unknown(asked, error.message, seconds)
        return _result(asked, "passed" if verdict.passed else "failed", verdict, seconds)


def write(warehouse: Warehouse, run_id: str, night: Night, results: Sequence[Result]) -> None:
    """Writes the results into ops_check_result, where later nights compare with them."""
    columns = (
        "run_id, check_id, cycle, subject, check_name, severity, state, wrong_rows, value, measured, query, seconds,"
        " checked_at"
    )
    for start in range(0, len(results), _ROWS_A_STATEMENT):
        part = results[start : start + _ROWS_A_STATEMENT]
        marks = ", ".join(["(" + ", ".join(["%s"] * 13) + ")"] * len(part))
        values = [value for result in part for value in _values(run_id, night, result)]
        warehouse.write(f"INSERT INTO ops_check_result ({columns}) VALUES {marks}", values)


def counts(results: Iterable[Result]) -> dict[str, int]:
    """How many passed, and of each severity how many did not: failed and unknown together."""
    found = {"passed": 0, "CRITICAL": 0, "WARNING": 0, "INFO": 0}
    for result in results:
        found[result.severity if result.is_fault else "passed"] += 1
    return found


def faults(results: Iterable[Result], severity: Severity) -> list[Result]:
    """The checks of a severity that have not passed."""
    return [result for result in results if result.is_fault and result.severity == severity]


def _values(run_id: str, night: Night, result: Result) -> tuple[object, ...]:
    return (
        run_id,
        result.check_id,
        night.cycle,
        result.subject,
        _clip(result.text, 1000),
        result.severity,
        result.state,
        result.wrong_rows,
        result.value,
        _clip(result.measured, _MEASURED_BYTES),
        _clip(result.query, _QUERY_BYTES),
        round(result.seconds, 3),
        result.checked_at,
    )


def _part(row: Row, prefix: str) -> Row:
    return {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}


def _unknown(asked: Asked, why: str, seconds: float) -> Result:
    return _result(asked, "unknown", Verdict(False, f"could not be evaluated: {why}"), seconds)


def _result(asked: Asked, state: State, verdict: Verdict, seconds: float) -> Result:
    return Result(
        subject=asked.subject,
        text=asked.text,
        severity=asked.severity,
        place=asked.place,
        state=state,
        measured=verdict.measured,
        wrong_rows=verdict.wrong_rows,
        value=verdict.value,
        query=asked.question.query if asked.question else "",
        seconds=seconds,
        check_id=asked.check_id,
        checked_at=clock.now().replace(microsecond=0),
    )


def _say(result: Result) -> None:
    say = log.warning if result.is_fault else log.info
    fields = {"check": result.text, "severity": result.severity, "state": result.state, "measured": result.measured}
    say("check", **fields, seconds=round(result.seconds, 3))
    telemetry.count(
        "nightshift.checks", 1, **{"nightshift.check.state": result.state, "nightshift.severity": result.severity}
    )


def _say_retry(error: Exception, attempt: int, wait: float) -> None:
    log.warning("check_retried", attempt=attempt, wait_seconds=round(wait, 2), error=str(error))


def _clip(text: str, size: int) -> str:
    encoded = text.encode("utf-8")
    return text if len(encoded) <= size else encoded[: size - 3].decode("utf-8", "ignore") + "..."
