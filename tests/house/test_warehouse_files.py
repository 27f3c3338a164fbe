"""The repository's own warehouse: every file is read, and what belongs together is together."""

from __future__ import annotations

import csv
from pathlib import Path

import sqlglot
from sqlglot import exp

from lib import aggregates, catalog, headers, migrations, policies
from lib.headers import Header
from lib.views import files as view_files
from tests.house.tree import ROOT, shown, told

FOLDERS = ("schema", "views", "aggregates", "rls-policies", "checks")


def test_every_file_is_read() -> None:
    """A wrong header raises `Misconfigured`, which names file, line and what is allowed."""
    read = [table.path for table in catalog.tables().values()]
    read += [aggregate.path for aggregate in aggregates.declared()]
    read += [policy.view.path for policy in policies.declared()]
    read += [view.path for view in view_files.in_order([*view_files.plain(), *view_files.materialized()])]
    read += [step.path for step in migrations.in_order()]
    read += [check.path for check in _free_checks()]
    present = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.sql")]
    unread = [shown(path) for path in sorted({*present} - {*read})]
    assert not unread, told(unread, "no part of the suite reads this file: see docs/source.md for where files belong")


def test_every_reference_list_has_its_table_and_columns() -> None:
    faults = []
    for path in sorted((ROOT / "reference-data").glob("*")):
        table = catalog.tables().get(path.stem)
        if path.suffix != ".csv" or table is None or not table.is_reference:
            faults.append(f"{shown(path)}: no schema/{path.stem}.sql with `-- source: reference-data/{path.name}`")
            continue
        with path.open(encoding="utf-8", newline="") as file:
            head = next(csv.reader(file))
        unknown = [name for name in head if name not in _columns(table.ddl)]
        faults += [f"{shown(path)}:1: {name}: no such column in {shown(table.path)}" for name in unknown]
    assert not faults, told(faults, "a list belongs to the table of its name, its head names columns of it:")


def test_every_reference_table_has_its_list() -> None:
    faults = [
        f"{shown(table.path)}: {table.source.what}: no such file"
        for table in catalog.tables().values()
        if table.source and table.is_reference and not (ROOT / table.source.what).is_file()
    ]
    assert not faults, told(faults, "a table with `-- source: reference-data/<stem>.csv` needs that file:")


def test_no_file_asks_the_server_for_the_time() -> None:
    faults = []
    for path in (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.sql"))):
        for word in ("now(", "current_date(", "current_timestamp(", "curdate(", "utc_timestamp("):
            if word in _without_comments(path).lower():
                faults.append(f"{shown(path)}: {word})")
    assert not faults, told(faults, "the clock is the job's: %(since)s and %(until)s are bound by it")


def _free_checks() -> list[Header]:
    found = []
    for path in sorted((ROOT / "checks").glob("*.sql")):
        header = headers.read(path, required=("purpose", "owner", "severity"), optional=())
        assert header.need("severity").value in catalog.SEVERITIES
        found.append(header)
    return found


def _columns(ddl: str) -> set[str]:
    return {column.name for column in sqlglot.parse_one(ddl, read="starrocks").find_all(exp.ColumnDef)}


def _without_comments(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line.partition("-- ")[0] for line in lines)
