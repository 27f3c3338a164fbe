"""Steps that change tables which exist: schema/migrations/NNNN_name.sql, once each, in the order of their numbers.

StarRocks' DDL is not transactional, and an ALTER that answers OK has only been queued. A step is therefore written down
after its last ALTER has finished and its done-when holds. A step that was cut off is done again: ALTERs whose effect is
there already are left out, any other statement of a step must be one that can be done twice.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib import alteration, clock, headers, statements
from lib.errors import Misconfigured, Refused
from lib.settings import settings

if TYPE_CHECKING:
    from lib.run import Run
    from lib.warehouse import Row, Warehouse

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+$")


@dataclass(frozen=True)
class Migration:
    """One file of schema/migrations/. `done_when` is a SELECT that returns a row once the step has been done."""

    name: str
    path: Path
    done_when: str
    statements: tuple[str, ...]
    sha256: str


def in_order() -> list[Migration]:
    """Every migration by its number. Raises `Misconfigured` for a wrong file or a number that is there twice."""
    found = [read(path) for path in sorted((settings().warehouse_dir / "schema" / "migrations").glob("*.sql"))]
    numbers: dict[str, Path] = {}
    for migration in found:
        other = numbers.setdefault(migration.name[:4], migration.path)
        if other != migration.path:
            raise Misconfigured(f"{migration.path}: number {migration.name[:4]} is taken by {other}")
    return found


def read(path: Path) -> Migration:
    """Reads one file; raises `Misconfigured` with its place."""
    if not _NAME.match(path.stem):
        raise Misconfigured(f"{path}: a migration is called NNNN_name.sql: four digits, lower-case letters, digits, _")
    header = headers.read(path, required=("purpose", "owner", "done-when"), optional=())
    found = statements.split(header.sql)
    if not found:
        raise Misconfigured(f"{path}: there is no statement below the header")
    sha256 = statements.fingerprint(path.read_text(encoding="utf-8-sig"))
    return Migration(path.stem, path, header.need("done-when").value.rstrip(";"), tuple(found), sha256)


def apply(run: Run, migration: Migration) -> None:
    """Does one step unless it has been done, and writes down that it has.

    Raises `Refused` when StarRocks cancels an ALTER, or when done-when does not hold although it should.
    """
    earlier = _recorded(run.warehouse, migration.name)
    if earlier is not None:
        _look_at_change(run, migration, earlier)
        return
    began = time.monotonic()
    needed = not _holds(run.warehouse, migration)
    if needed:
        for statement in migration.statements:
            alteration.execute(run.warehouse, migration.path, statement)
        if not run.dry_run and not _holds(run.warehouse, migration):
            raise Refused(
                f"{migration.path}: all statements done, but done-when returns no row: {migration.done_when}",
                hint="correct the step or its done-when, then ./run migrate",
            )
    _record(run, migration, time.monotonic() - began, needed)


def _look_at_change(run: Run, migration: Migration, earlier: Row) -> None:
    if earlier["sha256"] == migration.sha256:
        return
    run.note(
        f"WARNING {migration.path}: changed since it was done on {earlier['applied_at']}; it is not done again,"
        " a further change is a new file"
    )
    if not _holds(run.warehouse, migration):
        raise Refused(
            f"{migration.path}: changed since it was done, and its done-when returns no row: {migration.done_when}",
            hint="put the text back, and write the change as a new file of schema/migrations/",
        )


def _holds(warehouse: Warehouse, migration: Migration) -> bool:
    return bool(warehouse.read(migration.done_when))


def _recorded(warehouse: Warehouse, name: str) -> Row | None:
    rows = warehouse.read("SELECT sha256, applied_at FROM ops_migration WHERE name = %s", (name,))
    return rows[0] if rows else None


def _record(run: Run, migration: Migration, seconds: float, needed: bool) -> None:
    run.warehouse.write(
        "INSERT INTO ops_migration (name, sha256, run_id, seconds, was_needed, applied_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (migration.name, migration.sha256, run.run_id, round(seconds, 3), needed, clock.now()),
    )
    names = run.result.setdefault("migrated" if needed else "not_needed", [])
    if isinstance(names, list):
        names.append(migration.name)
