"""What verification will ask: the checks of tables and aggregates, those of checks/*.sql, those of the night.

All of it is read and looked at before anything runs: a wrong argument or column name stops here, with file and line.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from lib import aggregates, catalog, checks, headers, statements
from lib.catalog import Check, Severity, TableFile
from lib.checks import SHOWN_ROWS, Night, Question, Verdict
from lib.checks import night as night_checks
from lib.headers import Line
from lib.settings import settings

NIGHT = "night"
Columns = dict[str, set[str]]


@dataclass(frozen=True)
class Asked:
    """One check that will be asked; `question` is None when it cannot be, and `why_not` says why."""

    subject: str
    text: str
    severity: Severity
    place: str
    question: Question | None
    why_not: str = ""

    @property
    def check_id(self) -> str:
        """The same every night as long as the check is written alike."""
        return hashlib.sha256(f"{self.subject}\n{self.text}".encode()).hexdigest()[:32]


@dataclass
class Subject:
    """A table, a file of checks/, or the night, with its checks; `table` is quoted, empty where no table is scanned."""

    name: str
    table: str = ""
    asked: list[Asked] = field(default_factory=list)


@dataclass(frozen=True)
class _Checked:
    """A table with the checks that its file declares and those that come by themselves."""

    name: str
    checks: tuple[Check, ...]


def plan(night: Night, *, only: Iterable[str] = ()) -> list[Subject]:
    """The subjects in the order of the report, with `only` those alone.

    Raises `Misconfigured` for a check that is wrongly written, `Usage` for a name that is no subject.
    """
    actual = _columns(night)
    found = [_table(item, actual, night) for item in _tables()]
    found += [_file(path) for path in sorted((settings().warehouse_dir / "checks").glob("*.sql"))]
    found.append(_night(night))
    return catalog.select({subject.name: subject for subject in found}, only)


def _tables() -> list[_Checked]:
    """Tables that are loaded or that declare checks, then aggregates."""
    found = [
        _Checked(table.name, (*table.checks, *_automatic(table)))
        for table in catalog.tables().values()
        if table.source or table.checks
    ]
    return found + [_Checked(item.name, item.checks) for item in aggregates.declared() if item.checks]


def _automatic(table: TableFile) -> list[Check]:
    """What every loaded table must keep without saying so: a unique key, and for SCD 2 a sound history."""
    if not table.source:
        return []
    line = table.header.need("key")
    key = (*table.key, "valid_from") if table.scd == 2 else table.key
    declared = [set(check.arguments) for check in table.checks if check.kind == "unique"]
    found = [] if set(key) in declared else [_made("unique", key, line)]
    if table.scd == 2:
        found += [_made(kind, table.key, line) for kind in ("one_current", "no_overlap", "no_gap")]
    return found


def _made(kind: str, arguments: tuple[str, ...], line: Line) -> Check:
    written = f"CRITICAL {kind}({', '.join(arguments)})"
    return Check("CRITICAL", kind, arguments, Line("check", written, line.path, line.number))


def _columns(night: Night) -> Columns:
    """The columns of every table of the warehouse."""
    found: Columns = {}
    for row in night.warehouse.read(
        "SELECT TABLE_NAME AS table_name, COLUMN_NAME AS column_name FROM information_schema.columns"
        " WHERE TABLE_SCHEMA = %s",
        (night.warehouse.database,),
    ):
        found.setdefault(row["table_name"], set()).add(row["column_name"])
    return found


def _table(item: _Checked, actual: Columns, night: Night) -> Subject:
    asked = [_asked(item.name, check, actual, night) for check in item.checks]
    return Subject(item.name, night.table(item.name) if item.name in actual else "", asked)


def _asked(table: str, check: Check, actual: Columns, night: Night) -> Asked:
    named = [(table, name) for name in checks.kind(check).columns(check)] + checks.elsewhere(check)
    absent = sorted({other for other in (table, *(name for name, _ in named)) if other not in actual})
    for other, name in named:
        if other in actual and name not in actual[other]:
            raise check.line.wrong(f"{other} has no column {name}; it has: {', '.join(sorted(actual[other]))}")
    question = None if absent else checks.kind(check).question(check, table, night)
    why_not = f"{', '.join(absent)}: no such table in {night.warehouse.database}; ./run migrate" if absent else ""
    return Asked(table, check.text, check.severity, f"{_place(check.line.path)}:{check.line.number}", question, why_not)


def _file(path: Path) -> Subject:
    """A SELECT of wrong rows: none is good."""
    header = headers.read(path, required=("purpose", "owner", "severity"), optional=())
    line = header.need("severity")
    if line.value not in catalog.SEVERITIES:
        raise line.wrong(f"expected {', '.join(catalog.SEVERITIES)}")
    query = statements.single(path, header.sql)
    purpose = header.need("purpose").value
    question = Question(
        judge=lambda rows, _total: _judge_file(int(rows[0]["wrong"]), purpose),
        query=f"SELECT * FROM (\n{query}\n) w LIMIT {SHOWN_ROWS};",
        statement=f"SELECT count(*) AS wrong FROM (\n{query}\n) w",
    )
    return Subject(path.stem, "", [Asked(path.stem, path.stem, line.value, _place(path), question)])


def _place(path: Path) -> str:
    """A file as people of the warehouse call it."""
    folder = settings().warehouse_dir
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)


def _judge_file(wrong: int, purpose: str) -> Verdict:
    measured = f"{wrong:,} {'row' if wrong == 1 else 'rows'}: {purpose}" if wrong else "no wrong rows"
    return Verdict(wrong == 0, measured, wrong_rows=wrong, value=float(wrong))


def _night(night: Night) -> Subject:
    asked = []
    for name, module in night_checks.found().items():
        question = module.question(night)
        if question is not None:
            told = (module.__doc__ or name).strip().partition("\n")[0]
            asked.append(Asked(NIGHT, name, module.SEVERITY, told, question))
    return Subject(NIGHT, "", asked)
