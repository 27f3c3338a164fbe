"""The files of aggregates/: business logic that rebuilds the last days of a table by INSERT OVERWRITE."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from lib import catalog, clock, headers, statements
from lib.catalog import Check
from lib.errors import CriticalFinding, Misconfigured, Usage
from lib.headers import Header
from lib.rows import Rows
from lib.settings import settings

if TYPE_CHECKING:
    from lib.run import Run

_MARK = re.compile(r"%\((\w+)\)s")
_MARKS = ("since", "until")


@dataclass(frozen=True)
class Aggregate:
    """One file: the table, and the INSERT that rebuilds its business days of [since, until)."""

    name: str
    header: Header
    ddl: str
    insert: str
    window: timedelta
    checks: tuple[Check, ...]

    @property
    def path(self) -> Path:
        """The file."""
        return self.header.path


def declared() -> list[Aggregate]:
    """Every aggregate, by name. Raises `Misconfigured` with the place of the first fault."""
    return [read(path) for path in sorted((settings().warehouse_dir / "aggregates").glob("*.sql"))]


def read(path: Path) -> Aggregate:
    """Reads one file; raises `Misconfigured` with its place."""
    name = path.stem
    if not name.startswith("agg_"):
        raise Misconfigured(f"{path}: an aggregate is called agg_ something")
    header = headers.read(path, required=("purpose", "owner", "window"), optional=(), repeated=("check",))
    found = statements.split(header.sql)
    if len(found) != 2:
        raise Misconfigured(f"{path}: expected CREATE TABLE and INSERT OVERWRITE, found {len(found)} statements")
    ddl, insert = found
    if not re.match(rf"CREATE\s+TABLE\s+IF\s+NOT\s+EXISTS\s+{name}\b", ddl, re.IGNORECASE):
        raise Misconfigured(f"{path}: the first statement must be `CREATE TABLE IF NOT EXISTS {name} (...)`")
    if not re.match(rf"INSERT\b.*\bOVERWRITE\s+{name}\b", insert, re.IGNORECASE | re.DOTALL):
        raise Misconfigured(f"{path}: the second statement must be `INSERT ... OVERWRITE {name} ...`")
    _check_marks(path, insert)
    checks = tuple(catalog.read_check(line) for line in header.all("check"))
    return Aggregate(name, header, ddl, insert, header.need("window").duration(), checks)


def _check_marks(path: Path, insert: str) -> None:
    marks = _MARK.findall(insert)
    if unknown := sorted(set(marks) - set(_MARKS)):
        raise Misconfigured(f"{path}: %({unknown[0]})s is bound by nobody; allowed: %(since)s, %(until)s")
    if missing := sorted(set(_MARKS) - set(marks)):
        raise Misconfigured(f"{path}: the INSERT does not use %({missing[0]})s, the bounds of its window")


def window(aggregate: Aggregate, cycle: date, since: date | None, until: date | None) -> tuple[date, date]:
    """The business days [since, until) that a run rebuilds: up to and with that of the night, unless told otherwise.

    Raises `Usage` when the range is empty.
    """
    end = until or cycle + timedelta(days=1)
    begin = since or end - aggregate.window
    if begin >= end:
        raise Usage(f"--since {begin} --until {end}: no business day lies between", hint="--until is exclusive")
    return begin, end


def build(run: Run, aggregate: Aggregate) -> Rows | None:
    """Rebuilds the window of one aggregate and looks at its CRITICAL checks; returns the rows written.

    Raises `CriticalFinding` for a check that fails.
    """
    since, until = window(aggregate, run.cycle, run.args.since, run.args.until)
    written = run.warehouse.write(*bind(aggregate.insert, {"since": since, "until": until}))
    if run.dry_run:
        return None
    if not written.rows:
        run.note(f"WARNING {aggregate.name}: no row for [{since}, {until}): nothing was replaced")
    _check(run, aggregate)
    return Rows(loaded=written.rows)


def bind(insert: str, values: Mapping[str, date]) -> tuple[str, list[date]]:
    """The statement with a marker in place of each %(name)s, and the values in their order; any other % stays."""
    parts = _MARK.split(insert)
    texts, names = parts[::2], parts[1::2]
    return "%s".join(text.replace("%", "%%") for text in texts), [values[name] for name in names]


def _check(run: Run, aggregate: Aggregate) -> None:
    from lib import checks

    night = checks.Night(run.warehouse, run.cycle, clock.now())
    table = night.table(aggregate.name)
    total = int(run.warehouse.value(f"SELECT count(*) AS n FROM {table}") or 0)
    for check in aggregate.checks:
        if check.severity == "CRITICAL":
            question = checks.kind(check).question(check, aggregate.name, night)
            asked = ", ".join(f"{sql} AS {name}" for name, sql in question.aggregates.items())
            rows = run.warehouse.read(question.statement or f"SELECT {asked} FROM {table} s")
            verdict = question.judge(rows, total)
            if not verdict.passed:
                raise CriticalFinding(f"{aggregate.name}: {check.text}: {verdict.measured}", hint=question.query)
